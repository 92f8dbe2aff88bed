"""Transcripts of the JSON backend: one append-only JSON-lines file each, in 256 folders, plus the archive.

Knows nothing of entries. Invariant: the journal says where every line belongs, so these files need no sync of their own
until the journal is let go, and replaying a journal puts every byte where it was.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import ujson

from gw._native.filehash import sha256
from gw.session.state_log import Placed, Record
from gw.session.store import Append, Archive, check_name


class TranscriptFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ends: dict[str, int] = {}  # size of each file once what was placed is written
        self._unsynced: set[str] = set()

    def place(self, change: Append) -> Placed:
        """Say where a line goes; `replay` puts it there."""
        name = check_name(change.transcript)
        offset = self._ends.get(name)
        if offset is None:
            offset = self._whole_bytes(name)
        self._ends[name] = offset + len(change.line) + 1
        return Placed(name, offset, change.line)

    def forget_places(self) -> None:
        """After a failed batch: measure the files again."""
        self._ends.clear()

    def read(self, name: str) -> list[bytes]:
        try:
            data = self._file(name).read_bytes()
        except FileNotFoundError:
            return []
        return data[: data.rfind(b"\n") + 1].splitlines()

    def names(self) -> list[str]:
        return sorted(file.stem for file in self._folder.glob("transcripts/??/*.jsonl"))

    def archive(self, change: Archive) -> None:
        source, target = self._file(change.transcript), self.archive_path(change.target)
        if source.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            source.rename(target)
        self._ends.pop(change.transcript, None)
        self._unsynced.discard(change.transcript)

    def archive_path(self, target: str) -> Path:
        return self._folder / "archive" / check_name(target)

    def replay(self, records: Iterable[Record]) -> list[str]:
        """Bring the files to where the journal left them, again if need be; returns what was damaged."""
        lines: dict[str, list[Placed]] = {}
        archived: dict[str, Archive] = {}
        for record in records:
            if isinstance(record, Placed):
                lines.setdefault(record.transcript, []).append(record)
            elif isinstance(record, Archive):
                archived[record.transcript] = record
        problems = []
        for name, run in lines.items():
            done = archived.get(name)
            if done is not None and self.archive_path(done.target).exists():
                continue
            missing = run[0].offset - self._size(name)
            if missing > 0:
                problems.append(f"transcript {name} lacks {missing} bytes before its journalled lines")
            for offset, data in _joined(run):
                self._write_at(name, offset, data)
        for change in archived.values():
            self.archive(change)
        return problems

    def sync(self) -> None:
        """Make everything written so far durable without a journal."""
        for name in sorted(self._unsynced):
            try:
                descriptor = os.open(self._file(name), os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._unsynced.clear()

    def verify(self) -> list[str]:
        problems = []
        for name in self.names():
            for number, line in enumerate(self.read(name), 1):
                try:
                    ujson.loads(line)
                except ValueError:
                    problems.append(f"transcript {name}, line {number}: not JSON")
        return problems

    def _write_at(self, name: str, offset: int, data: bytes) -> None:
        file = self._file(name)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(descriptor, view, offset)
                view, offset = view[written:], offset + written
        finally:
            os.close(descriptor)
        self._unsynced.add(name)

    def _whole_bytes(self, name: str) -> int:
        """Cut a torn last line, which was never acknowledged, and return the size."""
        size = self._size(name)
        if size == 0:
            return 0
        with self._file(name).open("rb") as file:
            file.seek(max(0, size - 1))
            if file.read(1) == b"\n":
                return size
        whole = self._file(name).read_bytes().rfind(b"\n") + 1
        os.truncate(self._file(name), whole)
        return whole

    def _size(self, name: str) -> int:
        try:
            return self._file(name).stat().st_size
        except FileNotFoundError:
            return 0

    def _file(self, name: str) -> Path:
        shard = sha256(check_name(name).encode()).hexdigest()[:2]
        return self._folder / "transcripts" / shard / f"{name}.jsonl"


def _joined(run: list[Placed]) -> Iterator[tuple[int, bytes]]:
    """Join lines that follow each other, so that a batch is one write."""
    parts: list[bytes] = []
    start = end = run[0].offset
    for line in run:
        if line.offset != end:
            yield start, b"".join(parts)
            start, parts, end = line.offset, [], line.offset
        parts.append(line.line + b"\n")
        end += len(line.line) + 1
    yield start, b"".join(parts)
