"""Turns that nobody typed: judged each time, once per id, answered where they should be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.errors import Blocked, Held, InvalidRequest
from gw.methods.errands import Errand, Errands, is_idle, session_key
from gw.methods.outlet import Target
from gw.model.action import Provenance
from tests.support.chats import Chats, direct, in_group
from tests.support.scripted_runner import Fail, ScriptedRunner
from tests.support.sessions import House, house

MAIN = "agent:main:main"
TARGET = Target("telegram", "default", "5")


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner({"fail": [Fail("no", "unknown")]}, steerable=False)


@pytest.fixture
def home(tmp_path: Path, runner: ScriptedRunner) -> Iterator[House]:
    with house(tmp_path / "s.json", runner) as made:
        yield made


@pytest.fixture
def chats(home: House) -> Chats:
    return Chats(home, {"channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open"}}})


@pytest.fixture
def errands(home: House, chats: Chats) -> Errands:
    return Errands(home.talk.desk, home.talk.turns, chats.outlet, chats.defender.judge, chats.defender.told.append)


def errand(text: str, **fields: Any) -> Errand:
    return Errand("cron", "nightly", MAIN, f"run-{text}", text, **fields)


def test_an_errand_is_a_turn_and_its_answer_goes_out(home: House, errands: Errands, chats: Chats) -> None:
    made = errand("look", deliver=TARGET, provenance=Provenance.WEB)
    assert errands.start(made) == {"runId": "run-look", "status": "started", "messageSeq": 1}
    home.idle()
    assert errands.start(made)["status"] == "ok"  # once per id
    assert [(out.chat_id, out.text) for out in chats.account.sent] == [("5", "echo: look")]
    asked = chats.defender.asked[0]
    assert (asked.channel, asked.provenance, asked.session_key, asked.agent_id) == (
        *("cron", Provenance.WEB, MAIN),
        "main",
    )
    entry = home.talk.book.get(MAIN)
    assert entry is not None
    assert entry["createdVia"] == "cron"
    end = errands.wait("run-look", 1.0)
    assert end is not None
    assert end.text == "echo: look"


@pytest.mark.parametrize(("text", "error"), [("forbidden", Blocked), ("doubtful", Held)])
def test_a_stopped_errand_leaves_nothing(home: House, errands: Errands, text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        errands.start(errand(text))
    assert home.talk.book.get(MAIN) is None


def test_failures_and_errands_without_a_target_say_nothing(home: House, errands: Errands, chats: Chats) -> None:
    errands.start(errand("fail", deliver=TARGET))
    errands.start(errand("quiet"))
    home.idle()
    assert chats.account.sent == []


def test_the_last_place_of_a_session_is_where_somebody_spoke_directly(
    home: House, errands: Errands, chats: Chats
) -> None:
    assert errands.last_target(MAIN) is None
    chats.hear(direct("hello", thread_id=""))
    home.idle()
    assert errands.last_target(MAIN) == Target("telegram", "default", "17")


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        ("HEARTBEAT_OK", True),
        ("NO_REPLY", True),
        ("heartbeat_ok all is well", True),
        ("all is well HEARTBEAT_OK", True),
        ("HEARTBEAT_OK " + "x" * 400, False),
        ("the disk is full", False),
    ],
)
def test_is_idle(text: str, idle: bool) -> None:
    assert is_idle(text) is idle


def test_session_keys_callers_name(home: House) -> None:
    desk = home.talk.desk
    assert session_key(desk, None, None) == MAIN
    assert session_key(desk, "notes", "main") == "agent:main:notes"
    with pytest.raises(InvalidRequest, match="not found"):
        session_key(desk, None, "ghost")


def test_groups_do_not_become_the_main_sessions_last_place(home: House, errands: Errands) -> None:
    settings = {
        "channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open"}},
        "session": {"groupScope": "main"},
    }
    chats = Chats(home, settings)
    chats.hear(direct("hello"))
    from gw.channels.base import Mentions

    chats.hear(in_group("hello", mentions=Mentions(bot=True)))
    home.idle()
    assert errands.last_target(MAIN) == Target("telegram", "default", "17")
