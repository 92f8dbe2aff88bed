"""Letters of pending work and dead letters: bounded, silent for incognito (restarts are tested with whole turns)."""

from pathlib import Path
from typing import Any

import pytest

from gw.methods import undone
from gw.methods.undone import Undone
from gw.session.store import DEAD, PENDING, Drop, Loaded, Put
from tests.support.sessions import House, house

INCOGNITO = "agent:main:dashboard:incognito-1"


@pytest.fixture
def home(tmp_path: Path) -> Any:
    with house(tmp_path / "s.json") as made:
        yield made


def test_the_oldest_dead_letters_go(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undone, "DEAD_LETTERS", 2)
    letters = Undone(home.talk.desk)
    changes = [change for n in range(3) for change in letters.bury(f"r{n}", "agent:main:x", "text", "why")]
    assert [type(change) for change in changes] == [Put, Put, Put, Drop]
    assert changes[-1] == Drop(DEAD, "r0")


def test_incognito_work_leaves_no_letters(home: House) -> None:
    letters = Undone(home.talk.desk)
    assert letters.pending("r", INCOGNITO, "text", {}, stored=False) == []
    assert letters.bury("r", INCOGNITO, "text", "why") == []
    assert letters.done("r") == [Drop(PENDING, "r")]


def test_a_letter_for_a_session_that_is_gone_is_still_buried(home: House) -> None:
    letters = Undone(home.talk.desk)
    (letter,) = letters.pending("r", "agent:main:gone", "text", {"clients": []}, stored=False)
    assert isinstance(letter, Put)
    changes = letters.restore(Loaded({PENDING: {"r": letter.value}, DEAD: {"old": b"{}"}}))
    assert [(type(change), change.table) for change in changes] == [(Drop, PENDING), (Put, DEAD)]  # type: ignore[union-attr]
    assert list(letters._dead) == ["old", "r"]
