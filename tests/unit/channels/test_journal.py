"""The journal: what it says is on disk, whatever happens in between."""

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.channels import journal
from gw.channels.journal import Journal
from gw.errors import Overloaded, StoreError
from gw.session.durable import write_all
from tests.support.channels import Store


def make(folder: Path, remember: int = 100, store: Store | None = None) -> Journal:
    found = Journal(folder / "deep" / "j.jsonl", store or Store(), remember)
    found.load()
    return found


def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    first = make(tmp_path)
    assert first.put([("a", 1), ("b", {"x": "é\n"}), ("a", 2)]) == ["a", "b"]
    first.note("a", 5)
    first.close("b")
    again = make(tmp_path)
    assert dict(again.open) == {"a": 5}
    assert again.knows("b")
    assert again.put([("b", 1), ("a", 1), ("c", 3)]) == ["c"]
    assert (first.path.stat().st_mode & 0o777) == 0o600


def test_one_entry_for_several_is_one_line(tmp_path: Path) -> None:
    first = make(tmp_path)
    first.put([("a", 1), ("b", 2), ("c", 3)])
    before = first.path.read_bytes()
    first.join("b", 12, ["a"])
    assert first.path.read_bytes().count(b"\n") == before.count(b"\n") + 1
    for found in (first, make(tmp_path)):
        assert dict(found.open) == {"b": 12, "c": 3}
        assert found.knows("a")
    first.path.write_bytes(first.path.read_bytes()[:-3])  # torn: none of it
    assert dict(make(tmp_path).open) == {"a": 1, "b": 2, "c": 3}


def test_several_are_closed_in_one_write(tmp_path: Path) -> None:
    first = make(tmp_path)
    first.put([("a", 1), ("b", 2), ("c", 3)])
    first.close("a", "c")
    for found in (first, make(tmp_path)):
        assert dict(found.open) == {"b": 2}
        assert found.knows("a")


def test_the_file_is_there_before_it_is_needed(tmp_path: Path) -> None:
    assert make(tmp_path).path.read_bytes() == b""


def test_closed_keys_are_remembered_within_bounds(tmp_path: Path) -> None:
    first = make(tmp_path, remember=2)
    for key in "abc":
        first.put([(key, 1)])
        first.close(key)
    for found in (first, make(tmp_path, remember=2)):
        assert [found.knows(key) for key in "abc"] == [False, True, True]


@given(cut=st.integers(0, 10_000), tail=st.binary(max_size=20))
def test_a_torn_tail_costs_only_itself(tmp_path_factory: pytest.TempPathFactory, cut: int, tail: bytes) -> None:
    folder = tmp_path_factory.mktemp("torn")
    first = make(folder)
    for number in range(5):
        first.put([(f"k{number}", number)])
    data = first.path.read_bytes()
    cut %= len(data) + 1
    first.path.write_bytes(data[:cut] + tail.replace(b"\n", b""))
    again = make(folder)
    whole = data[:cut].count(b"\n")
    assert list(again.open)[:whole] == [f"k{number}" for number in range(whole)]
    again.put([("later", 1)])
    assert make(folder).knows("later")


def test_damage_inside_is_kept_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = make(tmp_path)
    first.put([("a", 1)])
    first.put([("b", 2)])
    first.path.write_bytes(b"\x00garbage\n" + first.path.read_bytes() + b'["odd"]\n')
    with caplog.at_level(logging.ERROR):
        again = make(tmp_path)
    assert list(again.open) == ["a", "b"]
    assert "journal_damaged" in caplog.text
    assert first.path.with_name("j.jsonl.damaged").exists()


def test_the_file_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "COMPACT_BYTES", 500)
    first = make(tmp_path, remember=3)
    first.put([("open", "x")])
    for number in range(100):
        first.put([(f"k{number}", "y" * 20)])
        first.close(f"k{number}")
    assert first.path.stat().st_size < 1000
    assert list(make(tmp_path).open) == ["open"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), Overloaded("store")])
def test_what_could_not_be_written_was_not_taken(tmp_path: Path, failure: Exception) -> None:
    store = Store()
    found = make(tmp_path, store=store)
    store.fail = failure
    with pytest.raises(StoreError if isinstance(failure, OSError) else Overloaded):
        found.put([("a", 1)])
    store.fail = None
    assert found.put([("a", 1)]) == ["a"]


def test_half_a_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = make(tmp_path)
    found.put([("a", 1)])

    def half(descriptor: int, data: bytes) -> None:
        write_all(descriptor, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gw.channels.journal.write_all", half)
    with pytest.raises(StoreError, match="No space"):
        found.put([("b", 1)])
    monkeypatch.setattr("gw.channels.journal.write_all", write_all)
    found.put([("c", 1)])
    lines = found.path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)[1] for line in lines] == ["a", "c"]
