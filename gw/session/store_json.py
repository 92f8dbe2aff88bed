"""The JSON backend: a snapshot replaced atomically, a journal appended and synced per batch, transcripts as JSON lines.

Runs in one native thread and knows nothing of the hub. Files, for a path `sessions.json`: the snapshot itself,
`sessions.json.journal-<generation>` with everything since, `sessions.json.last-good` with the snapshot before it, and
`sessions.json.d/` with transcripts and the archive. Invariant: at every moment the newest readable snapshot plus the
journals from its generation on hold every batch that was acknowledged; nothing damaged is ever overwritten.
"""

import fcntl
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gw.errors import StoreError
from gw.session import state_log
from gw.session.state_log import Placed, Record
from gw.session.store import TABLES, Append, Archive, Change, Drop, Loaded, Put
from gw.session.transcript_files import TranscriptFiles

JOURNAL_MIN_BYTES: Final = 4 * 1024 * 1024  # a journal smaller than this is never worth a new snapshot
SNAPSHOT_CHUNK: Final = 2000  # lines formatted between two writes, so the hub gets its turns


class JsonStore:
    def __init__(self, path: Path, *, journal_min_bytes: int = JOURNAL_MIN_BYTES) -> None:
        self._path = path
        self._journal_min_bytes = journal_min_bytes
        self._files = TranscriptFiles(path.with_name(path.name + ".d"))
        self._tables: dict[str, dict[str, bytes]] = {table: {} for table in TABLES}
        self._generation = 0
        self._journal_bytes = 0
        self._journal_limit = journal_min_bytes
        self._owed: list[Record] = []  # in the journal, not yet in the transcript files
        self._journal = -1
        self._lock = -1

    @property
    def path(self) -> Path:
        return self._path

    def open(self) -> Loaded:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_lock()
            problems = self._load()
            self._start_generation()
        except (OSError, StoreError) as error:
            self.close()
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"cannot open state {self._path}: {error.strerror or error}") from error
        return Loaded({table: dict(rows) for table, rows in self._tables.items()}, tuple(problems))

    def commit(self, changes: Sequence[Change]) -> None:
        """The journal decides: once it is synced the batch is written, whatever happens to the files it feeds."""
        if not changes:
            return
        try:
            records = [self._files.place(change) if isinstance(change, Append) else change for change in changes]
            self._write_journal(state_log.transaction(records))
        except OSError as error:
            self._files.forget_places()
            raise StoreError(f"cannot write state {self._path}: {error.strerror or error}") from error
        self._apply(records)
        self._owed += [record for record in records if isinstance(record, Placed | Archive)]
        try:
            self._settle()
            if self._journal_bytes > self._journal_limit:
                self._start_generation()
        except OSError:
            self._journal_limit = self._journal_bytes * 2  # what is owed is in the journal; try again later

    def _settle(self) -> None:
        """Bring transcript files to where the journal says they are."""
        if self._owed:
            self._files.replay(self._owed)
            self._owed = []

    def transcript(self, name: str) -> list[bytes]:
        try:
            self._settle()
            return self._files.read(name)
        except OSError as error:
            raise StoreError(f"cannot read transcript {name}: {error.strerror or error}") from error

    def transcripts(self) -> list[str]:
        return self._files.names()

    def archive_path(self, target: str) -> Path:
        return self._files.archive_path(target)

    def verify(self) -> list[str]:
        found = []
        for file in (self._path, self._journal_path(self._generation)):
            log = state_log.read(file.read_bytes())
            if log.problem is not None:
                found.append(f"{file.name}: {log.problem}")
        return found + self._files.verify()

    def close(self) -> None:
        for descriptor in (self._journal, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._journal = self._lock = -1

    # --- reading --------------------------------------------------------------------------------------------

    def _take_lock(self) -> None:
        self._lock = os.open(self._sibling("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = -1
            raise StoreError(f"state {self._path} is in use by another process") from None

    def _load(self) -> list[str]:
        """Read the newest readable snapshot and every journal from its generation on; returns what was damaged."""
        problems: list[str] = []
        log = self._read_snapshot(self._path, problems)
        if log is None:
            log = self._read_snapshot(self._sibling("last-good"), problems)
            if log is None and problems:
                raise StoreError(
                    f"no readable state at {self._path}: {'; '.join(problems)}; "
                    f"restore a backup, or move {self._path.name}* away to start empty"
                )
            if log is None:
                return []
            if problems:
                self._set_aside(self._path, problems)
            problems.append(f"went back to {self._path.name}.last-good and its journals")
        assert log.header is not None
        self._apply(log.records)
        self._generation = int(log.header["generation"])
        replay: list[Record] = []
        for generation in (self._generation, self._generation + 1):
            journal = self._journal_path(generation)
            if journal.exists():
                replay += self._read_journal(journal, problems)
                self._generation = generation
        return problems + self._files.replay(replay)

    def _read_snapshot(self, file: Path, problems: list[str]) -> state_log.LogRead | None:
        """Return a whole snapshot; None when there is none, or none that can be read (then it is a problem)."""
        try:
            log = state_log.read(file.read_bytes())
        except FileNotFoundError:
            return None
        if log.header is not None and log.problem is None and log.commits == 1:
            return log
        problems.append(f"{file.name}: {log.problem or 'incomplete'}")
        return None

    def _read_journal(self, journal: Path, problems: list[str]) -> list[Record]:
        read = state_log.read(journal.read_bytes())
        if read.problem is not None:
            problems.append(f"{journal.name}: {read.problem}; kept the {read.commits} transactions before it")
            self._set_aside(journal, problems)
        self._apply(read.records)
        return read.records

    def _set_aside(self, file: Path, problems: list[str]) -> None:
        """Keep a damaged file under a name that nothing overwrites."""
        number = 1
        while (aside := file.with_name(f"{file.name}.damaged-{number}")).exists():
            number += 1
        file.rename(aside)
        problems.append(f"set aside as {aside.name}")

    def _apply(self, records: Sequence[Record]) -> None:
        tables = self._tables
        for record in records:
            if isinstance(record, Put):
                tables.setdefault(record.table, {})[record.key] = record.value
            elif isinstance(record, Drop):
                tables.setdefault(record.table, {}).pop(record.key, None)

    # --- writing --------------------------------------------------------------------------------------------

    def _write_journal(self, block: bytes) -> None:
        """Append one transaction and make it durable; a failed write leaves the journal as it was."""
        start = self._journal_bytes
        try:
            write_all(self._journal, block)
            os.fdatasync(self._journal)
        except OSError:
            os.ftruncate(self._journal, start)
            os.lseek(self._journal, start, os.SEEK_SET)
            raise
        self._journal_bytes += len(block)

    def _start_generation(self) -> None:
        """Write a snapshot of now, keep the one before it as last-good, and begin an empty journal."""
        old, new = self._generation, self._generation + 1
        self._settle()
        self._files.sync()
        size = self._write_snapshot(self._sibling("new"), new)
        journal = self._sibling("journal-new")
        descriptor = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        header = state_log.encode_header("journal", new)
        write_all(descriptor, header)
        os.fdatasync(descriptor)
        journal.rename(self._journal_path(new))
        if self._path.exists():
            keep = self._sibling("keep")
            keep.unlink(missing_ok=True)
            os.link(self._path, keep)
            keep.replace(self._sibling("last-good"))
        self._sibling("new").replace(self._path)
        sync_folder(self._path.parent)
        if self._journal >= 0:
            os.close(self._journal)
        self._journal, self._generation = descriptor, new
        self._journal_bytes, self._journal_limit = len(header), max(self._journal_min_bytes, size)
        for stale in self._path.parent.glob(f"{self._path.name}.journal-*"):
            number = stale.name.rpartition("-")[2]
            if number.isdigit() and int(number) < old:
                stale.unlink()

    def _write_snapshot(self, file: Path, generation: int) -> int:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            header = state_log.encode_header("snapshot", generation)
            write_all(descriptor, header)
            size, crc, chunk = len(header), 0, []
            for table, rows in self._tables.items():
                for key, value in rows.items():
                    chunk.append(state_log.encode(Put(table, key, value)))
                    if len(chunk) == SNAPSHOT_CHUNK:
                        block = b"".join(chunk)
                        crc, size, chunk = zlib.crc32(block, crc), size + len(block), []
                        write_all(descriptor, block)
            block = b"".join(chunk)
            block += state_log.encode_commit(zlib.crc32(block, crc))
            write_all(descriptor, block)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return size + len(block)

    def _journal_path(self, generation: int) -> Path:
        return self._sibling(f"journal-{generation}")

    def _sibling(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{suffix}")


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
