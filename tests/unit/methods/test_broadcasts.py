"""Several agents on one message: together or in turn, and what they hear of each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw import hub
from gw.session.config import SessionConfig
from gw.session.keys import KeyRules
from tests.support.chats import Chats, in_group
from tests.support.scripted_runner import Fail, Say, ScriptedRunner, Wait
from tests.support.sessions import House, house
from tests.support.waiting import until

NAMES = ("ann", "bob", "cat")
AGENTS = {"entries": {name: {"identity": {"name": name.title()}} for name in NAMES}}


class Cast(ScriptedRunner):
    """Agents that answer with their name, and fail when told so; `heard` is (agent, prompt) in order."""

    def __init__(self) -> None:
        super().__init__(steerable=False)
        self.silent: set[str] = set()
        self.heard: list[tuple[str, str]] = []

    def run(self, turn: Any, feed: Any) -> Any:
        self.heard.append((turn.agent_id, turn.prompt))
        steps = [Wait(0.02), Say("NO_REPLY" if turn.agent_id in self.silent else f"{turn.agent_id} says hi")]
        self._scripts = {turn.prompt: [Fail("no", "unknown")] if "fail" in turn.prompt else steps}
        return super().run(turn, feed)


@pytest.fixture
def cast() -> Cast:
    return Cast()


@pytest.fixture
def home(tmp_path: Path, cast: Cast) -> Iterator[House]:
    config = SessionConfig(rules=KeyRules(NAMES, "ann"), debounce_ms=0)
    with house(tmp_path / "s.json", cast, config=config) as made:
        yield made


def chats(home: House, strategy: str = "parallel", **row: Any) -> Chats:
    settings = {
        "agents": AGENTS,
        "channels": {"telegram": {"groupPolicy": "open", "groups": {"*": {"requireMention": False}}}},
        "broadcast": {"strategy": strategy, "telegram:-100": {"agents": list(NAMES), **row}},
    }
    return Chats(home, settings)


def settle(home: House, cast: Cast, turns: int) -> None:
    until(lambda: len(cast.heard) == turns, f"{turns} turns")
    home.idle()
    hub.sleep(0.1)
    assert len(cast.heard) == turns


def test_all_at_once_by_default(home: House, cast: Cast) -> None:
    made = chats(home)
    assert made.hear(in_group("hello")) == "taken"
    settle(home, cast, 3)
    assert sorted(cast.heard) == [(name, "hello") for name in NAMES]
    assert len({turn.session_key for turn in cast.turns}) == 3
    assert sorted(made.account.texts) == [f"{name} says hi" for name in NAMES]


def test_one_after_the_other_hears_the_ones_before(home: House, cast: Cast) -> None:
    chats(home, "sequential").hear(in_group("hello"))
    settle(home, cast, 3)
    assert [agent for agent, _ in cast.heard] == list(NAMES)
    assert cast.heard[0][1] == "hello"
    assert "ann: ann says hi" in cast.heard[1][1]
    assert "ann: ann says hi\nbob: bob says hi" in cast.heard[2][1]


def test_further_rounds_are_for_those_who_answered(home: House, cast: Cast) -> None:
    cast.silent = {"cat"}
    chats(home, maxRounds=2, maxTurns=32).hear(in_group("hello"))
    settle(home, cast, 5)
    second = dict(cast.heard[3:])
    assert set(second) == {"ann", "bob"}
    assert "bob: bob says hi" in second["ann"]
    assert "ann: ann says hi" not in second["ann"]


def test_no_more_turns_than_allowed(home: House, cast: Cast) -> None:
    chats(home, maxRounds=4, maxTurns=4).hear(in_group("hello"))
    settle(home, cast, 4)


def test_those_who_are_named_begin(home: House, cast: Cast) -> None:
    chats(home).hear(in_group("Bob, are you there?"))
    settle(home, cast, 1)
    assert cast.heard[0][0] == "bob"


def test_failures_end_a_broadcast(home: House, cast: Cast) -> None:
    chats(home, maxRounds=3, maxTurns=32).hear(in_group("fail"))
    settle(home, cast, 3)


def test_a_message_that_is_stopped_is_nobodys(home: House, cast: Cast) -> None:
    made = chats(home, "sequential")
    assert made.hear(in_group("something forbidden")) == "refused"
    settle(home, cast, 0)


def test_repeats_are_one_broadcast(home: House, cast: Cast) -> None:
    made = chats(home)
    message = in_group("hello")
    assert [made.hear(message) for _ in range(2)] == ["taken", "repeated"]
    settle(home, cast, 3)
