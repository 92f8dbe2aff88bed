"""Moving a whole state: from one backend into another, or out as JSON lines.

Works on two open stores and knows neither kind. Invariant: what is read is what is written, line for line, and a state
that is not empty is never written over.
"""

import shutil
from collections.abc import Iterator
from typing import Final, NamedTuple

import ujson

from gw.errors import StoreError
from gw.ports import Json
from gw.session import entries
from gw.session.store import ENTRIES, Append, Change, Loaded, Put, StateStore

BATCH: Final = 1000


class Counts(NamedTuple):
    sessions: int
    transcripts: int
    lines: int


def copy(source: StateStore, held: Loaded, target: StateStore, there: Loaded) -> Counts:
    """Copy everything that `source` holds (as it was loaded) into `target`.

    Raises:
        StoreError: the target is not empty, or one of the two fails.
    """
    if any(there.tables.values()) or target.transcripts():
        raise StoreError(f"{target.path} is not empty: choose a new file")
    batch: list[Change] = []
    lines = 0
    for change in _changes(source, held):
        lines += isinstance(change, Append)
        batch.append(change)
        if len(batch) == BATCH:
            target.commit(batch)
            batch = []
    target.commit(batch)
    _copy_archive(source, target)
    return Counts(len(held.tables[ENTRIES]), len(source.transcripts()), lines)


def differences(one: StateStore, held: Loaded, other: StateStore, there: Loaded) -> list[str]:
    """Say where two states differ; nothing means they hold the same."""
    found = [f"table {table} differs" for table in held.tables if dict(held.tables[table]) != dict(there.tables[table])]
    names = one.transcripts()
    if names != other.transcripts():
        found.append("the lists of transcripts differ")
    return found + [f"transcript {name} differs" for name in names if one.transcript(name) != other.transcript(name)]


def unreadable(held: Loaded) -> list[str]:
    """Name the sessions whose entries nobody here can read."""
    found = []
    for key, packed in held.tables[ENTRIES].items():
        try:
            entries.unpack(packed)
        except ValueError:
            found.append(f"session {key}: its entry cannot be read")
    return found


def export(store: StateStore, held: Loaded, key: str | None = None) -> Iterator[dict[str, Json]]:
    """Yield every session (or one) as an object: its key, its entry and all its transcript records."""
    for name, packed in held.tables[ENTRIES].items():
        if key is None or name == key:
            entry = entries.unpack(packed)
            records = [ujson.loads(line) for line in store.transcript(str(entry.get("_file") or entry["sessionId"]))]
            yield {"key": name, "entry": entries.public(entry), "records": records}


def _changes(source: StateStore, held: Loaded) -> Iterator[Change]:
    for table, rows in held.tables.items():
        for key, value in rows.items():
            yield Put(table, key, value)
    for name in source.transcripts():
        for line in source.transcript(name):
            yield Append(name, line)


def _copy_archive(source: StateStore, target: StateStore) -> None:
    """Archived transcripts are plain files in both backends."""
    folder = source.archive_path("x").parent
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        place = target.archive_path(file.name)
        if place.parent != folder:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy2(file, place)
