"""The JSON backend: a snapshot replaced atomically, a journal appended and synced per batch, transcripts as JSON lines.

Runs in one native thread and knows nothing of the hub. Files, for a path `sessions.json`: the snapshot itself,
`sessions.json.journal-<generation>` with everything since, `sessions.json.last-good` with the snapshot before it, and
`sessions.json.d/` with transcripts and the archive. A new snapshot is the old one merged with its journals, line by
line, so nothing is held in memory. Invariant: at every moment the newest readable snapshot plus the journals from its
generation on hold every batch that was acknowledged; nothing damaged is ever overwritten.
"""

import fcntl
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from gw.errors import StoreError
from gw.session import state_log
from gw.session.durable import replace_file, sync_folder, write_all
from gw.session.state_log import Placed, Record
from gw.session.store import FORMAT_VERSION, TABLES, Append, Archive, Change, Drop, Loaded, Put, kept_copy, newer
from gw.session.transcript_files import TranscriptFiles

Tables = dict[str, dict[str, bytes]]

JOURNAL_MIN_BYTES: Final = 4 * 1024 * 1024  # a journal smaller than this is never worth a new snapshot
SNAPSHOT_LINES: Final = 1000  # written at once


class JsonStore:
    def __init__(self, path: Path, *, journal_min_bytes: int = JOURNAL_MIN_BYTES) -> None:
        self._path = path
        self._journal_min_bytes = journal_min_bytes
        self._files = TranscriptFiles(path.with_name(path.name + ".d"))
        self._base: Path | None = None  # the snapshot the state was read from
        self._journals: list[Path] = []  # since then, oldest first
        self._base_generation = 0
        self._format = FORMAT_VERSION  # the oldest among the files that were read
        self._generation = 0  # of the journal that is written
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
            tables, problems = self._load()
            changed = self._bring_forward(tables)
            if problems or changed is not None or not self._resume():
                self._start_generation(changed or ())
        except state_log.NewerError as error:
            self.close()
            raise newer(self._path, error.version) from None
        except (OSError, state_log.DamageError) as error:
            self.close()
            raise StoreError(f"cannot open state {self._path}: {error}") from error
        except StoreError:
            self.close()
            raise
        return Loaded(tables, tuple(problems))

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
        self._owed += [record for record in records if isinstance(record, Placed | Archive)]
        try:
            self._settle()
            if self._journal_bytes > self._journal_limit:
                self._start_generation()
        except (OSError, state_log.DamageError):
            self._journal_limit = self._journal_bytes * 2  # all of it is in the journals; try again later

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
        found: list[str] = []
        self._read_snapshot(self._path, found)
        for _, journal in self._journals_from(self._base_generation):
            log = state_log.read(journal.read_bytes())
            if log.problem is not None:
                found.append(f"{journal.name}: {log.problem}")
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
            raise StoreError(
                f"state {self._path} is in use by another process: stop that first, or take another --state"
            ) from None

    def _load(self) -> tuple[Tables, list[str]]:
        """Read the newest readable snapshot and every journal from its generation on; also what was damaged."""
        problems: list[str] = []
        for base in (self._path, self._sibling("last-good")):
            tables = self._read_snapshot(base, problems)
            if tables is not None:
                break
        else:
            if problems:
                raise StoreError(
                    f"no readable state at {self._path}: {'; '.join(problems)}; "
                    f"restore a backup, or move {self._path.name}* away to start empty"
                )
            return {table: {} for table in TABLES}, []
        if base != self._path:
            if problems:
                self._set_aside(self._path, problems)
            problems.append(f"went back to {base.name} and its journals")
        self._base = base
        replay: list[Record] = []
        for generation, journal in self._journals_from(self._base_generation):
            replay += self._read_journal(journal, tables, problems)
            self._generation = generation
        return tables, problems + self._files.replay(replay)

    def _read_snapshot(self, file: Path, problems: list[str]) -> Tables | None:
        """Return what a whole snapshot holds; None when there is none, or none that can be read (a problem then)."""
        tables: Tables = {table: {} for table in TABLES}
        try:
            with file.open("rb") as opened:
                header = state_log.read_header(opened.readline().rstrip(b"\n"))
                for put, _ in state_log.read_snapshot(opened):
                    tables[put.table][put.key] = put.value
        except FileNotFoundError:
            return None
        except state_log.DamageError as damage:
            problems.append(f"{file.name}: {damage}")
            return None
        self._base_generation, self._format = int(header["generation"]), min(self._format, int(header["version"]))
        return tables

    def _read_journal(self, journal: Path, tables: Tables, problems: list[str]) -> list[Record]:
        log = state_log.read(journal.read_bytes())
        if log.problem is not None:
            problems.append(f"{journal.name}: {log.problem}; kept the {log.commits} transactions before it")
            journal = self._set_aside(journal, problems)
        if log.header is not None:
            self._format = min(self._format, int(log.header["version"]))
        self._journals.append(journal)
        self._journal_bytes = log.good_bytes
        _apply(log.records, tables)
        return log.records

    def _bring_forward(self, tables: Tables) -> list[Put] | None:
        """Turn a state of an older format into today's, keeping its files; None when there is nothing to do."""
        if self._format == FORMAT_VERSION:
            return None
        from gw.session import formats  # at the first start after an upgrade only

        copy, partial = kept_copy(self._path, self._format), self._sibling("format-new")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        # Transcripts only ever grow and no format changed them: entries say which of their lines count.
        for file in (self._base, *self._journals):
            if file is not None:
                name = self._path.name if file == self._base else file.name
                replace_file(partial / name, file.read_bytes())
        partial.rename(copy)
        sync_folder(copy.parent)
        return formats.bring_forward(tables, self._format)

    def _resume(self) -> bool:
        """Go on with the journal that was read last, unless there is none or it has grown long."""
        if not self._journals or self._base != self._path or self._generation == 0:
            return False
        self._journal_limit = self._limit(self._path.stat().st_size)
        if self._journal_bytes > self._journal_limit:
            return False
        self._journal = os.open(self._journals[-1], os.O_RDWR | os.O_CLOEXEC)
        os.ftruncate(self._journal, self._journal_bytes)  # a torn tail
        os.lseek(self._journal, 0, os.SEEK_END)
        return True

    def _limit(self, snapshot_bytes: int) -> int:
        return max(self._journal_min_bytes, snapshot_bytes // 4)

    def _set_aside(self, file: Path, problems: list[str]) -> Path:
        """Keep a damaged file under a name that nothing overwrites; returns it."""
        number = 1
        while (aside := file.with_name(f"{file.name}.damaged-{number}")).exists():
            number += 1
        file.rename(aside)
        problems.append(f"set aside as {aside.name}")
        return aside

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

    def _start_generation(self, changed: Sequence[Put] = ()) -> None:
        """Write a snapshot of now and of `changed`, keep the one before as last-good, and begin an empty journal."""
        kept, new = self._base_generation, max(self._base_generation, self._generation) + 1
        self._settle()
        self._files.sync()
        size = self._write_snapshot(self._sibling("new"), new, changed)
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
        self._journal, self._generation, self._base_generation = descriptor, new, new
        self._base, self._journals = self._path, [self._journal_path(new)]
        self._journal_bytes, self._journal_limit = len(header), self._limit(size)
        for generation, journal in self._journals_from(0):
            if generation < kept:
                journal.unlink()

    def _write_snapshot(self, file: Path, generation: int, changed: Sequence[Put]) -> int:
        """Merge the snapshot we have with its journals and `changed`; returns the new one's size."""
        latest: dict[tuple[str, str], bytes | None] = {}
        for journal in self._journals:
            for record in state_log.read(journal.read_bytes()).records:
                if isinstance(record, Put | Drop):
                    latest[record.table, record.key] = record.value if isinstance(record, Put) else None
        latest.update(((put.table, put.key), put.value) for put in changed)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            header = state_log.encode_header("snapshot", generation)
            write_all(descriptor, header)
            size, crc = len(header), 0
            for block in _blocks(self._merged(latest)):
                write_all(descriptor, block)
                crc, size = zlib.crc32(block, crc), size + len(block)
            end = state_log.encode_commit(crc)
            write_all(descriptor, end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return size + len(end)

    def _merged(self, latest: dict[tuple[str, str], bytes | None]) -> Iterator[bytes]:
        """The old snapshot's lines that still hold, then the later ones."""
        if self._base is not None:
            with self._base.open("rb") as file:
                state_log.read_header(file.readline().rstrip(b"\n"))
                for put, line in state_log.read_snapshot(file):
                    if (put.table, put.key) not in latest:
                        yield line
        for (table, key), value in latest.items():
            if value is not None:
                yield state_log.encode(Put(table, key, value))

    def _journals_from(self, first: int) -> list[tuple[int, Path]]:
        """The journals of a generation and later ones, oldest first."""
        found = []
        for file in self._path.parent.glob(f"{self._path.name}.journal-*"):
            number = file.name.rpartition("-")[2]
            if number.isdigit() and int(number) >= first:
                found.append((int(number), file))
        return sorted(found)

    def _journal_path(self, generation: int) -> Path:
        return self._sibling(f"journal-{generation}")

    def _sibling(self, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{suffix}")


def _apply(records: Sequence[Record], tables: Tables) -> None:
    for record in records:
        if isinstance(record, Put):
            tables.setdefault(record.table, {})[record.key] = record.value
        elif isinstance(record, Drop):
            tables.setdefault(record.table, {}).pop(record.key, None)


def _blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join lines, so that few writes are made and the hub gets its turns between them."""
    lines = iter(lines)
    while block := b"".join(islice(lines, SNAPSHOT_LINES)):
        yield block
