"""The SQLite backend: one file in WAL mode, one connection in one native thread, one transaction per batch.

Knows nothing of the hub. Invariant: `synchronous=FULL`, so a batch that `commit` returned from survives a power cut;
the schema is what the numbered migrations made of it, and a file from a newer version is refused, not guessed at.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import ujson

from gw.errors import StoreError
from gw.session.durable import replace_file
from gw.session.store import ENTRIES, TABLES, Append, Change, Drop, Loaded, Put, check_name, kept_copy, newer

COPY_EVERY: Final = 50_000  # changes between two copies of the last good state
BUSY_S: Final = 2.0


_ROWS_BOTH_WAYS: Final = (
    "SELECT kind, key, value FROM rows ORDER BY kind, key",
    "SELECT kind, key, value FROM rows ORDER BY kind DESC, key DESC",
)
_LINES_BOTH_WAYS: Final = (
    "SELECT transcript, number, line FROM lines ORDER BY transcript, number",
    "SELECT transcript, number, line FROM lines ORDER BY transcript DESC, number DESC",
)


def _create(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE rows (kind TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE lines (transcript TEXT, number INTEGER, line BLOB NOT NULL, PRIMARY KEY (transcript, number))"
        " WITHOUT ROWID"
    )


def _pack_entries(db: sqlite3.Connection) -> None:
    from gw.session.formats import packed_entry  # at the first start after an upgrade only

    rows = db.execute("SELECT key, value FROM rows WHERE kind = ?", (ENTRIES,)).fetchall()
    db.executemany(
        "UPDATE rows SET value = ? WHERE kind = ? AND key = ?",
        [(packed_entry(bytes(value)), ENTRIES, key) for key, value in rows],
    )


# Applied in order; the file's user_version counts how many it has had, and is the format's number (store.py). Never
# change one that was released.
MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_create, _pack_entries)


class SqliteStore:
    def __init__(self, path: Path, *, copy_every: int = COPY_EVERY) -> None:
        self._path = path
        self._copy_every = copy_every
        self._uncopied = 0
        self._db: sqlite3.Connection | None = None
        self._ends: dict[str, int] = {}

    @property
    def path(self) -> Path:
        return self._path

    def open(self) -> Loaded:
        problems: list[str] = []
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            db = self._open_checked(problems)
            tables: dict[str, dict[str, bytes]] = {table: {} for table in TABLES}
            for kind, key, value in db.execute("SELECT kind, key, value FROM rows"):
                tables.setdefault(kind, {})[key] = value
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open state {self._path}: {error}") from error
        self._db = db
        return Loaded(tables, tuple(problems))

    def commit(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        db = self._connection()
        try:
            db.execute("BEGIN IMMEDIATE")
            for change in changes:
                self._apply(db, change)
            db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._ends.clear()
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise StoreError(f"cannot write state {self._path}: {error}") from error
        self._uncopied += len(changes)
        if self._uncopied >= self._copy_every:
            self._copy()

    def transcript(self, name: str) -> list[bytes]:
        query = "SELECT line FROM lines WHERE transcript = ? ORDER BY number"
        try:
            return [line for (line,) in self._connection().execute(query, (name,))]
        except sqlite3.Error as error:
            raise StoreError(f"cannot read transcript {name}: {error}") from error

    def transcripts(self) -> list[str]:
        query = "SELECT DISTINCT transcript FROM lines ORDER BY transcript"
        return [name for (name,) in self._connection().execute(query)]

    def archive_path(self, target: str) -> Path:
        return self._path.with_name(self._path.name + ".d") / "archive" / check_name(target)

    def verify(self) -> list[str]:
        db = self._connection()
        found = [message for (message,) in db.execute("PRAGMA integrity_check") if message != "ok"]
        for name, number, line in db.execute("SELECT transcript, number, line FROM lines"):
            try:
                ujson.loads(line)
            except ValueError:
                found.append(f"transcript {name}, line {number}: not JSON")
        return found

    def close(self) -> None:
        if self._db is None:
            return
        if self._uncopied:
            self._copy()
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()
        self._db = None

    # --- inside -----------------------------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(f"state {self._path} is not open")
        return self._db

    def _apply(self, db: sqlite3.Connection, change: Change) -> None:
        if isinstance(change, Put):
            db.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", change)
        elif isinstance(change, Drop):
            db.execute("DELETE FROM rows WHERE kind = ? AND key = ?", change)
        elif isinstance(change, Append):
            number = self._next_line(db, check_name(change.transcript))
            db.execute("INSERT INTO lines VALUES (?, ?, ?)", (change.transcript, number, change.line))
        else:
            lines = self.transcript(change.transcript)
            if lines:  # the rows are what counts until they are deleted: a file from a batch that failed is replaced
                replace_file(self.archive_path(change.target), b"".join(line + b"\n" for line in lines))
            db.execute("DELETE FROM lines WHERE transcript = ?", (change.transcript,))
            self._ends.pop(change.transcript, None)

    def _next_line(self, db: sqlite3.Connection, name: str) -> int:
        last = self._ends.get(name)
        if last is None:
            query = "SELECT COALESCE(MAX(number), 0) FROM lines WHERE transcript = ?"
            (last,) = db.execute(query, (name,)).fetchone()
        self._ends[name] = last + 1
        return int(last) + 1

    def _open_checked(self, problems: list[str]) -> sqlite3.Connection:
        """Open the file; a damaged one is set aside and what can be read of it is kept."""
        try:
            return self._open_file()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            problems.append(f"{self._path.name}: {error}")
        aside = self._set_aside()
        problems.append(f"set aside as {aside.name}")
        good = self._path.with_name(self._path.name + ".last-good")
        if good.exists():
            self._path.write_bytes(good.read_bytes())
            problems.append(f"went back to {good.name}")
        db = self._open_file()
        rows, lines = _salvage(aside)
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", rows)
        db.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?, ?)", lines)
        db.execute("COMMIT")
        problems.append(f"read {len(rows)} rows and {len(lines)} transcript lines out of the damaged file")
        return db

    def _open_file(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite would make it readable
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")  # one writer: a second process is told so
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise newer(self._path, version)
        if 0 < version < len(MIGRATIONS):
            self._copy_to(db, kept_copy(self._path, version))
        for number, migrate in enumerate(MIGRATIONS[version:], version + 1):
            db.execute("BEGIN EXCLUSIVE")
            migrate(db)
            db.execute(f"PRAGMA user_version={number}")
            db.execute("COMMIT")
        for (message,) in db.execute("PRAGMA quick_check(1)"):
            if message != "ok":
                raise sqlite3.DatabaseError(message)

    def _set_aside(self) -> Path:
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.damaged-{number}")).exists():
            number += 1
        for suffix in ("", "-wal", "-shm"):
            file = Path(f"{self._path}{suffix}")
            if file.exists():
                file.rename(f"{aside}{suffix}")
        return aside

    def _copy(self) -> None:
        """Keep a copy of a state that is known to be whole; failing to is no reason to stop."""
        with suppress(sqlite3.Error, OSError):
            self._copy_to(self._connection(), self._path.with_name(self._path.name + ".last-good"))
            self._uncopied = 0

    def _copy_to(self, db: sqlite3.Connection, target: Path) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        with closing(sqlite3.connect(fresh)) as copy:
            db.backup(copy)
        fresh.chmod(0o600)
        fresh.replace(target)


def _salvage(damaged: Path) -> tuple[list[tuple[str, str, bytes]], list[tuple[str, int, bytes]]]:
    """Read what can be read of a damaged file, from both ends of each table."""
    rows: dict[tuple[str, str], bytes] = {}
    lines: dict[tuple[str, int], bytes] = {}
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{damaged}?mode=ro", uri=True)) as db:
        for query in _ROWS_BOTH_WAYS:
            rows.update(((kind, key), value) for kind, key, value in _until_damage(db, query))
        for query in _LINES_BOTH_WAYS:
            lines.update(((name, number), line) for name, number, line in _until_damage(db, query))
    return [(*key, value) for key, value in rows.items()], [(*key, line) for key, line in lines.items()]


def _until_damage(db: sqlite3.Connection, query: str) -> Iterable[Any]:
    with suppress(sqlite3.Error):
        yield from db.execute(query)
