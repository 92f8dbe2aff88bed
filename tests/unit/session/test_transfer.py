"""A whole state through either backend and back is the same state."""

from pathlib import Path
from typing import Any

import pytest

from gw.errors import StoreError
from gw.session import entries, transfer
from gw.session.backends import backend_for
from gw.session.store import DEAD, ENTRIES, META, Append, Archive, Loaded, Put, StateStore

KEY = "agent:main:x"


def filled(path: Path) -> StateStore:
    store = backend_for(path)
    store.open()
    entry = entries.new(KEY, now_ms=1, session_id="s-1", revision="r") | {"_leaf": "m", "label": "Ä"}
    store.commit([Put(ENTRIES, KEY, entries.pack(entry)), Put(DEAD, "d", b"{}"), Put(META, "m", b"1")])
    store.commit([Append("s-1", b'{"id":"%d"}' % number) for number in range(5)])
    store.commit([Append("old", b"1"), Archive("old", "old.deleted")])
    store.close()
    return backend_for(path)


@pytest.mark.parametrize("route", [("a.json", "b.sqlite", "c.json"), ("a.sqlite", "b.json", "c.sqlite")])
def test_there_and_back(tmp_path: Path, route: tuple[str, ...]) -> None:
    source = filled(tmp_path / route[0])
    held = source.open()
    for name in route[1:]:
        target = backend_for(tmp_path / name)
        counts = transfer.copy(source, held, target, target.open())
        assert counts == (1, 1, 5)
        target.close()
        there = target.open()
        assert transfer.differences(source, held, target, there) == []
        assert target.archive_path("old.deleted").read_bytes() == b"1\n"
        source.close()
        source, held = target, there
    source.close()


def test_a_state_that_is_not_empty_is_not_written_over(tmp_path: Path) -> None:
    source, target = filled(tmp_path / "a.json"), filled(tmp_path / "b.json")
    with pytest.raises(StoreError, match="not empty"):
        transfer.copy(source, source.open(), target, target.open())
    source.close()
    target.close()


def test_differences_are_named(tmp_path: Path) -> None:
    one, other = filled(tmp_path / "a.json"), filled(tmp_path / "b.sqlite")
    held = one.open()
    other.open()
    other.commit([Put(META, "m", b"2"), Append("s-1", b"{}"), Append("t", b"{}")])
    other.close()
    found = transfer.differences(one, held, other, other.open())
    assert found == ["table meta differs", "the lists of transcripts differ", "transcript s-1 differs"]
    one.close()
    other.close()


@pytest.mark.parametrize("key, count", [(None, 1), (KEY, 1), ("none", 0)])
def test_export(tmp_path: Path, key: str | None, count: int) -> None:
    store = filled(tmp_path / "a.json")
    held: Loaded = store.open()
    sessions: list[dict[str, Any]] = list(transfer.export(store, held, key))
    assert len(sessions) == count
    for session in sessions:
        assert (session["key"], session["entry"]["label"], len(session["records"])) == (KEY, "Ä", 5)
        assert not any(name.startswith("_") for name in session["entry"])
    store.close()
