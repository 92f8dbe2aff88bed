"""Heartbeats: when an agent is asked, with what, and what its answer leads to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gw.methods.errands import Errands
from gw.methods.heartbeats import LEAST_BETWEEN_MS, MOST_EVENTS, PROMPT, Heartbeats
from tests.support.chats import Chats, direct
from tests.support.scripted_runner import Say, ScriptedRunner, Wait
from tests.support.sessions import FakeClock, House, house
from tests.support.waiting import until

MAIN = "agent:main:main"
EVERY = 60_000


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner({PROMPT: [Say("NO_REPLY")], "slow": [Wait(0.2), Say("done")]}, steerable=False)


@pytest.fixture
def home(tmp_path: Path, runner: ScriptedRunner) -> Iterator[House]:
    with house(tmp_path / "s.json", runner) as made:
        yield made


@pytest.fixture
def chats(home: House) -> Chats:
    return Chats(home, {"channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"]}}})


@pytest.fixture
def beats(home: House, chats: Chats) -> Heartbeats:
    errands = Errands(home.talk.desk, home.talk.turns, chats.outlet, chats.defender.judge, chats.defender.told.append)
    return Heartbeats(errands, home.clock, {"main": EVERY}, lambda agent: f"agent:{agent}:main")


def advance(home: House, ms: int) -> None:
    clock: FakeClock = home.clock
    clock.ms += ms


def test_an_agent_is_asked_at_its_pace(home: House, beats: Heartbeats, runner: ScriptedRunner, chats: Chats) -> None:
    chats.hear(direct("hello"))
    home.idle()
    beats.beat()
    assert len(runner.turns) == 1
    for _ in range(2):
        advance(home, EVERY)
        beats.beat()
        beats.beat()
        home.idle()
    assert [turn.prompt for turn in runner.turns[1:]] == [PROMPT, PROMPT]
    assert chats.account.texts == ["echo: hello"]  # NO_REPLY went nowhere
    assert beats.last["status"] == "sent"
    beats.enabled = False
    advance(home, EVERY)
    beats.beat()
    assert len(runner.turns) == 3


def test_what_was_left_is_asked_about_and_answered_to_the_owner(
    home: House, beats: Heartbeats, runner: ScriptedRunner, chats: Chats
) -> None:
    chats.hear(direct("hello"))
    home.idle()
    beats.leave(MAIN, "the disk is full")
    beats.want(MAIN)
    beats.beat()
    home.idle()
    assert runner.turns[-1].prompt == f"the disk is full\n\n{PROMPT}"
    assert chats.account.sent[-1].chat_id == "17"
    assert not beats.wake(MAIN)  # a moment ago
    advance(home, LEAST_BETWEEN_MS)
    assert beats.wake(MAIN)
    home.idle()
    assert runner.turns[-1].prompt == PROMPT


def test_a_busy_session_is_asked_later_with_all_that_was_left(
    home: House, beats: Heartbeats, runner: ScriptedRunner, chats: Chats
) -> None:
    chats.hear(direct("slow"))
    until(lambda: bool(runner.turns), "the run")
    beats.leave(MAIN, "one")
    beats.leave(MAIN, "two")
    beats.want(MAIN)
    beats.beat()
    assert beats.last["status"] == "skipped"
    home.idle()
    advance(home, LEAST_BETWEEN_MS)
    beats.beat()
    home.idle()
    assert runner.turns[-1].prompt == f"one\n\ntwo\n\n{PROMPT}"


def test_a_policy_stops_a_heartbeat_too(home: House, beats: Heartbeats, runner: ScriptedRunner) -> None:
    beats.leave(MAIN, "something forbidden")
    assert not beats.wake(MAIN)
    assert runner.turns == []
    beats.leave(MAIN, "the disk is full")
    advance(home, LEAST_BETWEEN_MS)
    assert beats.wake(MAIN), "what was blocked stops no later one"
    home.idle()
    assert runner.turns[-1].prompt == f"the disk is full\n\n{PROMPT}"


def test_what_is_held_waits_for_a_person(home: House, beats: Heartbeats, runner: ScriptedRunner) -> None:
    beats.leave(MAIN, "something doubtful")
    assert not beats.wake(MAIN)
    advance(home, LEAST_BETWEEN_MS)
    assert not beats.wake(MAIN)
    assert list(beats._left[MAIN]) == ["something doubtful"]
    assert runner.turns == []


def test_everybody_hears_of_a_heartbeat(home: House, chats: Chats) -> None:
    told: list[dict[str, object]] = []
    errands = Errands(home.talk.desk, home.talk.turns, chats.outlet, chats.defender.judge, chats.defender.told.append)
    beats = Heartbeats(errands, home.clock, {}, lambda agent: f"agent:{agent}:main", told.append)
    assert beats.wake(MAIN)
    home.idle()
    assert [(one["status"], one["sessionKey"]) for one in told] == [("sent", MAIN)]


def test_events_are_bounded(beats: Heartbeats) -> None:
    for n in range(MOST_EVENTS + 1):
        beats.leave(MAIN, str(n))
    assert len(beats._left[MAIN]) == MOST_EVENTS


def test_cadence(beats: Heartbeats) -> None:
    assert beats.has_cadence("main")
    assert not beats.has_cadence("other")
