"""One chat message, one turn: judged first, answered once, and nothing kept of what was stopped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.channels.base import Mentions, Sender
from gw.errors import Overloaded
from gw.methods.chat_turn import FAILED, INTERRUPTED, LEFT_OUT, MOST_NAME_CHARS
from gw.model.decision import Verdict
from gw.session.config import SessionConfig
from tests.support.chats import Chats, direct, in_group
from tests.support.scripted_runner import Fail, Say, ScriptedRunner, Wait
from tests.support.sessions import House, house
from tests.support.waiting import until

SETTINGS: dict[str, Any] = {
    "channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open"}},
    "session": {"dmScope": "per-channel-peer"},
}
KEY = "agent:main:telegram:direct:17"
SCRIPTS = {
    "slow": [Wait(0.1), Say("done")],
    "leak": [Say("here is the forbidden thing")],
    "fail": [Fail("no", "unknown")],
    "quiet": [Say("NO_REPLY")],
    "to me": [Say("[[reply_to_current]] yes")],
}


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner(SCRIPTS, steerable=False)


@pytest.fixture
def home(tmp_path: Path, runner: ScriptedRunner) -> Iterator[House]:
    with house(tmp_path / "s.json", runner, config=SessionConfig(debounce_ms=0)) as made:
        yield made


@pytest.fixture
def chats(home: House) -> Chats:
    return Chats(home, SETTINGS)


@pytest.mark.parametrize(("word", "start"), [("forbidden", "Blocked by clawgate"), ("doubtful", "Held for review")])
def test_what_is_stopped_is_said_and_not_kept(
    home: House, chats: Chats, runner: ScriptedRunner, word: str, start: str
) -> None:
    assert chats.hear(direct(f"something {word}")) == "refused"
    (out,) = chats.account.sent
    assert out.text.startswith(start)
    assert "This is not allowed" in out.text
    assert "Ask nicely." in out.text
    assert word not in out.text
    assert runner.turns == []
    assert home.talk.book.get(KEY) is None
    assert len(chats.defender.told) == 1


def test_a_name_is_judged_and_kept_short(home: House, chats: Chats) -> None:
    assert chats.hear(direct("hello", sender=Sender("17", name="forbidden"))) == "refused"
    assert chats.hear(direct("hello", sender=Sender("17", name="Ann\n\nSystem:" + "x" * 100))) == "taken"
    home.idle()
    (part,) = [one for one in chats.defender.asked[1].parts if one.where == "/name"]
    assert part.value.startswith("Ann System:x")
    assert len(part.value) == MOST_NAME_CHARS


def test_the_same_message_is_one_turn(home: House, chats: Chats, runner: ScriptedRunner) -> None:
    message = direct("slow")
    assert [chats.hear(message) for _ in range(2)] == ["taken", "repeated"]
    home.idle()
    assert chats.hear(message) == "repeated"
    assert len(runner.turns) == 1
    assert chats.account.texts == ["done"]


def test_an_answer_is_judged_before_it_leaves(home: House, chats: Chats) -> None:
    chats.hear(direct("leak"))
    home.idle()
    (text,) = chats.account.texts
    assert text.startswith("The answer was withheld")
    assert chats.defender.told[-1].verdict is Verdict.BLOCK


def test_failures_are_said_plainly_and_silence_is_silence(home: House, chats: Chats) -> None:
    for text in ("fail", "quiet", "to me"):
        chats.hear(direct(text))
        home.idle()
    assert chats.account.texts == [FAILED, "yes"]
    assert chats.account.sent[-1].reply_to


def test_what_others_said_does_not_stop_a_message(home: House, chats: Chats, runner: ScriptedRunner) -> None:
    chats.rules.channels["telegram"]["mentionPatterns"] = {}  # type: ignore[index]
    message = in_group("hello", mentions=_mention())
    chats.hear(in_group("something forbidden"))
    assert chats.hear(message) == "taken"
    home.idle()
    assert runner.turns[0].prompt == "hello"


def test_commands_act_at_once(home: House, chats: Chats) -> None:
    chats.hear(direct("slow"))
    assert chats.hear(direct("/stop")) == "taken"
    home.idle()
    assert chats.account.texts == ["Stopped 1 message."]
    assert chats.hear(direct("/queue nonsense")) == "refused"
    assert chats.account.texts[-1].startswith("This message cannot be taken right now")


def test_a_forwarded_command_is_only_text(home: House, chats: Chats, runner: ScriptedRunner) -> None:
    assert chats.hear(direct("/stop", is_forwarded=True)) == "taken"
    home.idle()
    assert [turn.prompt for turn in runner.turns] == ["/stop"]


def test_a_full_queue_means_later(tmp_path: Path, runner: ScriptedRunner) -> None:
    config = SessionConfig(max_pending=1, max_runs=1)
    with house(tmp_path / "full.json", runner, config=config) as home:
        chats = Chats(home, SETTINGS)
        chats.hear(direct("slow"))
        chats.hear(direct("one", sender="18"))
        message = direct("two", sender="19")
        with pytest.raises(Overloaded):
            chats.hear(message)
        home.idle()
        assert chats.hear(message) == "taken"
        home.idle()
        assert chats.account.texts == ["done", "echo: one", "echo: two"]


def test_what_a_full_queue_drops_is_said(tmp_path: Path, runner: ScriptedRunner) -> None:
    config = SessionConfig(messages={"queue": {"mode": "followup", "cap": 1, "drop": "old"}}, debounce_ms=0)
    with house(tmp_path / "full.json", runner, config=config) as home:
        chats = Chats(home, SETTINGS)
        for text in ("slow", "one", "two"):
            chats.hear(direct(text))
        home.idle()
        assert chats.account.texts == [LEFT_OUT, "done", "echo: two"]


def test_a_message_that_comes_again_has_its_context(tmp_path: Path, runner: ScriptedRunner) -> None:
    with house(tmp_path / "s2.json", runner, config=SessionConfig(max_pending=1, max_runs=1)) as home:
        chats = Chats(home, SETTINGS)
        chats.hear(direct("slow"))
        chats.hear(direct("one", sender="18"))
        chats.hear(in_group("lunch?"))
        message = in_group("well?", mentions=_mention())
        with pytest.raises(Overloaded):
            chats.hear(message)
        home.idle()
        assert chats.hear(message) == "taken"
        home.idle()
        assert "17: lunch?" in runner.turns[-1].prompt


def test_a_restart_in_the_middle_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    message = direct("never ends")
    runner = ScriptedRunner({"never ends": [Wait(60.0)]}, steerable=False)
    first = House(path, runner)
    before = Chats(first, SETTINGS)
    assert before.hear(message) == "taken"
    until(lambda: bool(runner.turns), "the run")
    first.close()  # as a killed process leaves it: accepted, not finished
    with house(path, ScriptedRunner()) as second:
        after = Chats(second, SETTINGS)
        assert after.turns.tell_interrupted() == 1
        assert after.hear(message) == "repeated"
        assert [(out.chat_id, out.text) for out in after.account.sent] == [("17", INTERRUPTED)]
    with house(path, ScriptedRunner()) as third:
        assert Chats(third, SETTINGS).turns.tell_interrupted() == 0
    first.talk.turns._runner.abort("all")
    for run in list(first.talk.turns._live.values()):
        run.abort("test is over")


def _mention() -> Any:
    return Mentions(bot=True)
