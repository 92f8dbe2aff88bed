"""Which state backend a path means, by its suffix."""

from pathlib import Path
from typing import Final

from gw.session.store import StateStore

SQLITE_SUFFIXES: Final = frozenset({".db", ".sqlite", ".sqlite3"})
DEFAULT_NAME: Final = "sessions.json"


def chosen_path(store: Path | None, state: Path) -> Path:
    """The state file: the configured one, or the default in the state folder."""
    return store or state / DEFAULT_NAME


def is_sqlite(path: Path) -> bool:
    return path.suffix.lower() in SQLITE_SUFFIXES


def backend_for(path: Path) -> StateStore:
    """Return the backend for a path: SQLite for .db, .sqlite and .sqlite3, else JSON."""
    if is_sqlite(path):
        from gw.session.store_sqlite import SqliteStore  # sqlite3 loads only where it is used

        return SqliteStore(path)
    from gw.session.store_json import JsonStore

    return JsonStore(path)
