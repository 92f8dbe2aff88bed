"""What only the SQLite backend has: migrations, durability settings, salvage of a damaged file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gw.errors import StoreError
from gw.session import store_sqlite
from gw.session.store import ENTRIES, Append, Archive, Loaded, Put
from gw.session.store_sqlite import MIGRATIONS, SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


def filled(path: Path, count: int = 300) -> SqliteStore:
    store = SqliteStore(path)
    store.open()
    store.commit([Put(ENTRIES, f"k{n:04}", b'{"n":%d,"pad":"%b"}' % (n, b"x" * 200)) for n in range(count)])
    store.commit([Append("t", b"%d" % n) for n in range(count)])
    return store


def reread(path: Path) -> Loaded:
    store = SqliteStore(path)
    loaded = store.open()
    store.close()
    return loaded


def test_batches_survive_a_power_cut(path: Path) -> None:
    store = filled(path, 1)
    db = store._connection()
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    store.close()


def test_a_file_of_a_newer_version_is_refused(path: Path) -> None:
    filled(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=99")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer version of clawgate \(format 99, this one reads up to 2\)"):
        SqliteStore(path).open()
    assert path.read_bytes() == before


def test_missing_migrations_run_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path).close()
    ran = []
    more = (*MIGRATIONS, lambda db: ran.append(3), lambda db: ran.append(4))
    monkeypatch.setattr(store_sqlite, "MIGRATIONS", more)
    store = SqliteStore(path)
    assert len(store.open().tables[ENTRIES]) == 300
    store.close()
    reread(path)
    assert ran == [3, 4]
    assert path.with_name(f"s.sqlite.format-{len(MIGRATIONS)}").exists()


def test_a_damaged_file_is_set_aside_and_nothing_is_lost_that_was_copied(path: Path) -> None:
    filled(path).close()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    store = SqliteStore(path)
    loaded = store.open()
    assert len(loaded.tables[ENTRIES]) == 300
    assert len(store.transcript("t")) == 300
    assert "damaged-1" in "; ".join(loaded.problems)
    assert path.with_name("s.sqlite.damaged-1").read_bytes() == data
    store.close()
    assert reread(path).problems == ()


def test_without_a_copy_what_is_readable_is_kept(path: Path) -> None:
    filled(path).close()
    path.with_name("s.sqlite.last-good").unlink()
    data = bytearray(path.read_bytes())
    data[-4096:] = b"\xff" * 4096
    path.write_bytes(data)
    loaded = reread(path)
    assert 100 < len(loaded.tables[ENTRIES]) <= 300
    assert "read" in loaded.problems[-1]


def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 300)
    loaded = reread(path)
    assert loaded.tables[ENTRIES] == {}
    assert len(loaded.problems) == 3


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    with pytest.raises(StoreError, match="not open"):
        store.transcript("t")


def test_verify_names_a_broken_line(path: Path) -> None:
    store = filled(path, 2)
    store.commit([Append("t", b"{broken")])
    assert store.verify() == ["transcript t, line 3: not JSON"]
    store.close()


def test_a_copy_is_made_every_so_many_changes(path: Path) -> None:
    store = SqliteStore(path, copy_every=10)
    store.open()
    copy = path.with_name("s.sqlite.last-good")
    store.commit([Put(ENTRIES, "k", b"1")] * 9)
    assert not copy.exists()
    store.commit([Put(ENTRIES, "k", b"1")])
    assert copy.exists()
    store.close()


def test_a_failed_batch_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(path, 1)
    blocker = store.archive_path("x").parent
    blocker.parent.mkdir(exist_ok=True)
    blocker.write_text("a file where a folder must be")
    with pytest.raises(StoreError, match="cannot write"):
        store.commit([Put(ENTRIES, "half", b"1"), Append("u", b"1"), Archive("u", "u.old")])
    assert store.transcript("u") == []
    store.commit([Append("u", b"2")])
    assert store.transcript("u") == [b"2"]
    store.close()
    assert "half" not in reread(path).tables[ENTRIES]


def test_an_archive_file_left_by_a_batch_that_failed_is_replaced(path: Path) -> None:
    """Found by kill -9: the file had been made, its rows were still there, and the next try took it for whole."""
    store = filled(path, 3)
    target = store.archive_path("t.old")
    target.parent.mkdir(parents=True)
    target.write_bytes(b"")
    store.commit([Archive("t", "t.old")])
    assert target.read_bytes() == b"0\n1\n2\n"
    assert store.transcript("t") == []
    store.commit([Archive("t", "t.old")])
    assert target.read_bytes() == b"0\n1\n2\n", "archiving what is gone keeps the file"
    store.close()
