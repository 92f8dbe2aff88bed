"""What only the JSON backend has: generations, last-good, damage set aside, disks that refuse."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.errors import StoreError
from gw.session import store_json
from gw.session.durable import write_all
from gw.session.store import ENTRIES, Append, Archive, Put
from gw.session.store_json import JsonStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.json"


@pytest.fixture
def store(path: Path) -> Iterator[JsonStore]:
    made = JsonStore(path, journal_min_bytes=2000)
    made.open()
    yield made
    made.close()


def fill(store: JsonStore, first: int, last: int) -> None:
    for number in range(first, last):
        store.commit([Put(ENTRIES, f"k{number}", b'{"n":%d}' % number), Append("t", b"%d" % number)])


def reread(path: Path) -> tuple[dict[str, bytes], list[bytes], tuple[str, ...]]:
    store = JsonStore(path)
    loaded = store.open()
    seen = dict(loaded.tables[ENTRIES]), store.transcript("t"), loaded.problems
    store.close()
    return seen


def test_a_long_journal_becomes_a_snapshot_and_old_ones_go(store: JsonStore, path: Path) -> None:
    fill(store, 0, 200)
    store.close()
    journals = sorted(int(file.name.rpartition("-")[2]) for file in path.parent.glob("s.json.journal-*"))
    assert len(journals) == 2
    assert journals[0] + 1 == journals[1] > 3
    entries, lines, problems = reread(path)
    assert (len(entries), len(lines), problems) == (200, 200, ())


def damage(file: Path, at: int = -60) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 0x41
    file.write_bytes(data)


def test_a_damaged_snapshot_loses_nothing(store: JsonStore, path: Path) -> None:
    fill(store, 0, 200)
    store.close()
    damage(path, len(path.read_bytes()) // 2)
    entries, lines, problems = reread(path)
    assert (len(entries), len(lines)) == (200, 200)
    assert "s.json.damaged-1" in "; ".join(problems)
    assert (path.parent / "s.json.damaged-1").exists()
    assert reread(path)[2] == ()


def test_damage_in_a_journal_keeps_what_stands_before_it(path: Path) -> None:
    store = JsonStore(path)
    store.open()
    fill(store, 0, 50)
    store.close()
    (journal,) = path.parent.glob("s.json.journal-1")
    damage(journal, len(journal.read_bytes()) // 2)
    entries, lines, problems = reread(path)
    assert 0 < len(entries) < 50
    assert len(lines) == 50, "transcripts are files of their own"
    assert "kept" in problems[0]
    assert (path.parent / "s.json.journal-1.damaged-1").exists()


def test_a_torn_tail_is_no_damage(path: Path) -> None:
    store = JsonStore(path)
    store.open()
    fill(store, 0, 3)
    store.close()
    with (path.parent / "s.json.journal-1").open("ab") as journal:
        journal.write(b'["put","entry","torn",{"a"')
    entries, _, problems = reread(path)
    assert (sorted(entries), problems) == (["k0", "k1", "k2"], ())


def test_when_nothing_is_readable_the_start_is_refused(path: Path) -> None:
    reread(path)
    for file in (path, path.parent / "s.json.last-good"):
        file.write_bytes(b"garbage")
    for _ in range(2):  # again and again, rather than empty the second time
        with pytest.raises(StoreError, match="restore a backup"):
            JsonStore(path).open()


def test_a_refused_write_counts_for_nothing(store: JsonStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 0, 2)

    def half(descriptor: int, data: bytes) -> None:
        write_all(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store_json, "write_all", half)
    with pytest.raises(StoreError, match="No space left"):
        fill(store, 2, 3)
    monkeypatch.undo()
    fill(store, 3, 4)
    store.close()
    entries, lines, problems = reread(path)
    assert (sorted(entries), lines, problems) == (["k0", "k1", "k3"], [b"0", b"1", b"3"], ())


def test_files_that_lag_behind_the_journal_catch_up(
    store: JsonStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite

    def refuse(*args: Any) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwrite", refuse)
    fill(store, 0, 1)
    with pytest.raises(StoreError, match="Input/output"):
        store.transcript("t")
    monkeypatch.setattr(os, "pwrite", real)
    fill(store, 1, 2)
    assert store.transcript("t") == [b"0", b"1"]


def test_a_torn_transcript_line_is_cut_before_the_next(store: JsonStore, path: Path) -> None:
    fill(store, 0, 2)
    store.close()
    (file,) = (path.parent / "s.json.d" / "transcripts").glob("*/t.jsonl")
    file.write_bytes(file.read_bytes() + b'{"torn')
    again = JsonStore(path)
    again.open()
    assert again.transcript("t") == [b"0", b"1"]
    again.commit([Append("t", b"2")])
    assert again.transcript("t") == [b"0", b"1", b"2"]
    again.close()


def test_verify_names_what_is_wrong(store: JsonStore, path: Path) -> None:
    fill(store, 0, 2)
    (file,) = (path.parent / "s.json.d" / "transcripts").glob("*/t.jsonl")
    file.write_bytes(b"0\n{broken\n")
    damage(path, -3)
    found = "; ".join(store.verify())
    assert "s.json: not a whole snapshot" in found
    assert "transcript t, line 2" in found


def test_an_unopenable_place_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open"):
        JsonStore(tmp_path / "file" / "s.json").open()


def test_archives_survive_a_replay_in_any_state(path: Path) -> None:
    store = JsonStore(path)
    store.open()
    store.commit([Append("t", b"1"), Archive("t", "t.old")])
    store.close()
    assert reread(path)[1] == []
    again = JsonStore(path)
    again.open()
    assert again.archive_path("t.old").read_bytes() == b"1\n"
    again.close()
