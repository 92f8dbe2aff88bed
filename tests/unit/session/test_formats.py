"""State of older formats: brought forward once, a copy kept, nothing lost; a later format is refused untouched."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gw.errors import StoreError
from gw.session import entries, formats, state_log, store_sqlite
from gw.session.backends import backend_for
from gw.session.store import ENTRIES, FORMAT_VERSION, META, Append, Put, StateStore
from tests.unit.session.test_book import opened

KEYS = [f"agent:main:k{number}" for number in range(4)]


def entry(number: int) -> dict[str, Any]:
    made = entries.new(KEYS[number], now_ms=1000 + number, session_id=f"s-{number}", revision="r")
    return made | {"label": f"Nr {number}", "_count": number, "_title": "Ä title", "inputTokens": number}


def in_format_1(path: Path) -> None:
    """Files as the first format wrote them: entries are objects. Half in the snapshot, half in the journal after it."""
    store = backend_for(path)
    store.open()
    store.commit([Append("s-0", b'{"id":"a"}'), Put(META, "m", b"1")])
    store.commit([Put(ENTRIES, key, state_log.dump(entry(number))) for number, key in enumerate(KEYS[:2])])
    store.close()
    if path.suffix == ".sqlite":
        store.open()
        store.commit([Put(ENTRIES, key, state_log.dump(entry(n))) for n, key in enumerate(KEYS) if n > 1])
        store.close()
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version=1")
        return
    snapshots = type(store)(path, journal_min_bytes=0)  # type: ignore[call-arg]
    snapshots.open()
    snapshots.close()
    store.open()
    store.commit([Put(ENTRIES, key, state_log.dump(entry(n))) for n, key in enumerate(KEYS) if n > 1])
    store.close()
    for file in [path, *path.parent.glob("s.json.journal-*")]:
        file.write_bytes(file.read_bytes().replace(b'"version":2', b'"version":1', 1))


@pytest.fixture(params=["json", "sqlite"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / f"s.{request.param}"
    in_format_1(made)
    return made


def held(store: StateStore) -> dict[str, bytes]:
    rows = dict(store.open().tables[ENTRIES])
    store.close()
    return rows


def test_every_session_comes_forward_and_stays(path: Path) -> None:
    book = opened(path)
    for number, key in enumerate(KEYS):
        assert book.get(key) == {**entries.DEFAULTS, **entry(number)}
    book.close()
    wanted = {key: entries.pack(entry(number)) for number, key in enumerate(KEYS)}
    assert held(backend_for(path)) == wanted == held(backend_for(path))
    store = backend_for(path)
    assert store.open().tables[META] == {"m": b"1"}
    assert store.transcript("s-0") == [b'{"id":"a"}']
    store.close()


def test_a_copy_of_what_was_is_kept_once_and_can_be_put_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(backend_for(path))
    held(backend_for(path))
    copies = sorted(path.parent.glob(f"{path.name}.format-*"))
    assert [copy.name for copy in copies] == [f"{path.name}.format-1"]
    assert copies[0].stat().st_mode & 0o077 == 0
    for file in path.parent.glob(f"{path.name}*"):
        if file.is_file() and file != copies[0]:
            file.unlink()
    if path.suffix == ".sqlite":
        copies[0].rename(path)
    else:
        for file in copies[0].iterdir():
            file.rename(path.with_name(file.name))
    monkeypatch.setattr(formats, "STEPS", (lambda tables: iter(()),))  # the version that wrote it changed nothing
    monkeypatch.setattr(store_sqlite, "MIGRATIONS", store_sqlite.MIGRATIONS[:1])
    assert held(backend_for(path)) == {key: state_log.dump(entry(number)) for number, key in enumerate(KEYS)}


def test_a_start_cut_short_begins_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(formats, "bring_forward", lambda *_: cut_short())
        patch.setattr(formats, "packed_entry", lambda *_: cut_short())
        with pytest.raises(StoreError, match="No space"):
            backend_for(path).open()
    assert set(held(backend_for(path))) == set(KEYS)
    assert len(list(path.parent.glob(f"{path.name}.format-1*"))) == 2


def cut_short() -> list[Put]:
    raise OSError(28, "No space left on device")


def test_a_later_format_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    in_format_1(path)
    held(backend_for(path))
    later = path.read_bytes().replace(b'"version":2', b'"version":3', 1)
    path.write_bytes(later)
    before = sorted(file.name for file in tmp_path.iterdir())
    said = r"newer version of clawgate \(format 3, this one reads up to 2\): install that version again, or put back"
    with pytest.raises(StoreError, match=said):
        backend_for(path).open()
    assert path.read_bytes() == later
    assert sorted(file.name for file in tmp_path.iterdir()) == before


def test_an_entry_nobody_can_read_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    store = backend_for(path)
    store.open()
    store.commit([Put(ENTRIES, "agent:main:odd", b'{"sessionId":"s"}')])
    store.close()
    with pytest.raises(StoreError, match=r"session agent:main:odd .* `clawgate state verify`"):
        opened(path)


@pytest.mark.parametrize("value", [b"{broken", b'["a"]', entries.pack(entry(1))])
def test_what_is_newer_or_unreadable_is_left_alone(value: bytes) -> None:
    assert formats.packed_entry(value) == value


def test_steps_lead_from_every_format_to_today() -> None:
    assert len(formats.STEPS) == FORMAT_VERSION - 1 == len(store_sqlite.MIGRATIONS) - 1
    tables = {ENTRIES: {"k": json.dumps(entry(0)).encode()}}
    assert formats.bring_forward(tables, FORMAT_VERSION) == []
    assert formats.bring_forward(tables, 1) == [Put(ENTRIES, "k", tables[ENTRIES]["k"])]
    assert formats.bring_forward(tables, 1) == []
