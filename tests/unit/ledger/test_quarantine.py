import os
from pathlib import Path

import pytest

from gw.ledger.direct import Direct
from gw.ledger.quarantine import MAX_TEXT_BYTES, Quarantine
from gw.model.action import Action, Part, PartKind, Provenance

DAY_MS = 86_400_000


def action(text: str = "rm -rf /") -> Action:
    return Action("a", "chat.send", (Part(PartKind.COMMAND, "/c", text, Provenance.FILE),), "d", 1, session_key="s:1")


def record(name: str, at: int = 1_700_000_000_000) -> dict[str, object]:
    return {"id": name, "at": at, "verdict": "block", "score": 80, "hits": [], "parts": ["masked"], "method": "m"}


def test_an_entry_keeps_the_whole_text_privately(tmp_path: Path) -> None:
    ledger = Quarantine(tmp_path, Direct())
    ledger.put(record("dec_1"), action())
    entry = ledger.get("dec_1")
    assert entry is not None
    assert entry["parts"] == [{"kind": "command", "where": "/c", "chars": 8, "text": "rm -rf /", "provenance": "file"}]
    path = tmp_path / "2023-11-14" / "dec_1.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_long_text_is_cut_and_its_length_told(tmp_path: Path) -> None:
    ledger = Quarantine(tmp_path, Direct())
    ledger.put(record("dec_1"), action("x" * (MAX_TEXT_BYTES + 1)))
    entry = ledger.get("dec_1")
    assert entry is not None
    assert entry["parts"][0]["chars"] == MAX_TEXT_BYTES + 1
    assert len(entry["parts"][0]["text"]) == MAX_TEXT_BYTES


def test_the_list_is_newest_first_and_shows_no_text(tmp_path: Path) -> None:
    ledger = Quarantine(tmp_path, Direct())
    for number in range(4):
        ledger.put(record(f"dec_{number}", 1_700_000_000_000 + number // 2 * DAY_MS), action())
        path = next(tmp_path.glob(f"*/dec_{number}.json"))
        os.utime(path, ns=(number, number))
    entries = ledger.list(3)
    assert [entry["id"] for entry in entries] == ["dec_3", "dec_2", "dec_1"]
    assert "rm -rf" not in str(entries)


def test_an_entry_is_never_overwritten(tmp_path: Path) -> None:
    ledger = Quarantine(tmp_path, Direct())
    ledger.put(record("dec_1"), action("first"))
    with pytest.raises(FileExistsError):
        ledger.put(record("dec_1"), action("second"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a/b", "*", "x" * 100, "unknown"])
def test_no_other_file_can_be_asked_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "z.json").write_text("{}")
    assert Quarantine(tmp_path / "d", Direct()).get(name) is None


def test_a_broken_entry_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "dec_1.json").write_text("{")
    (tmp_path / "day" / "dec_2.json").write_text("[]")
    ledger = Quarantine(tmp_path, Direct())
    assert ledger.list() == []
    assert ledger.get("dec_1") is None


def test_no_folder_yet(tmp_path: Path) -> None:
    assert Quarantine(tmp_path / "none", Direct()).list() == []


def test_a_released_entry_says_so_and_the_first_mark_counts(tmp_path: Path) -> None:
    ledger = Quarantine(tmp_path, Direct())
    ledger.put(record("dec_1"), action())
    assert ledger.mark("dec_1", "released", "sam", "fine", 5)
    assert ledger.mark("dec_1", "released", "eve", "late", 6)
    entry = ledger.get("dec_1")
    assert entry is not None and entry["released"] == {"by": "sam", "note": "fine", "at": 5}
    assert entry["parts"] and [row["id"] for row in ledger.list()] == ["dec_1"]


def test_a_purged_entry_loses_its_text_everywhere_and_stays_known(tmp_path: Path) -> None:
    ledger = Quarantine(tmp_path, Direct())
    ledger.put(record("dec_1"), action("rm secret"))
    assert ledger.mark("dec_1", "purged", "sam", "", 5)
    assert ledger.mark("dec_1", "purged", "eve", "", 6)
    entry = ledger.get("dec_1")
    assert entry is not None and entry["purged"]["by"] == "sam" and entry["verdict"] == "block"
    assert "secret" not in "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    assert [row["id"] for row in ledger.list()] == ["dec_1"]
    assert not ledger.mark("dec_404", "purged", "sam", "", 5)
