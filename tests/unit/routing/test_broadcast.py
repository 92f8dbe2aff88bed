"""Several agents on one message: who, in which rounds, and no more than so many turns."""

import pytest

from gw.ports import Json
from gw.routing import broadcast
from gw.routing.broadcast import Broadcast

GATED = Broadcast(("a", "b", "c"), gated=True, max_rounds=2, max_turns=4)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, None),
        ({"telegram:g1": []}, None),
        ({"telegram:g1": {"agents": []}}, None),
        ({"telegram:g1": "a"}, None),
        ({"g1": ["a"]}, None),
        ({"telegram:g1": ["A", "b", "a"]}, Broadcast(("a", "b"), max_turns=2)),
        ({"telegram:g1": ["a"], "strategy": "sequential"}, Broadcast(("a",), "sequential", max_turns=1)),
        ({"telegram:g1": {"agents": ["a", "b"]}}, Broadcast(("a", "b"), gated=True, max_turns=2)),
        (
            {"telegram:g1": {"agents": ["a"], "mentionGating": False, "maxRounds": 9, "maxTurns": 99}},
            Broadcast(("a",), max_rounds=4, max_turns=32),
        ),
        ({"telegram:g1": {"agents": ["a"], "maxRounds": True}}, Broadcast(("a",), gated=True, max_turns=1)),
    ],
)
def test_find(table: dict[str, Json], expected: Broadcast | None) -> None:
    assert broadcast.find(table, "telegram", "g1") == expected


def test_old_keys_of_whatsapp_have_no_channel() -> None:
    assert broadcast.find({"g1": ["a"]}, "whatsapp", "g1") == Broadcast(("a",), max_turns=1)


def test_at_most_sixteen_agents() -> None:
    found = broadcast.find({"telegram:g1": [f"a{n}" for n in range(20)]}, "telegram", "g1")
    assert found is not None
    assert len(found.agents) == broadcast.MOST_AGENTS


def test_those_who_are_named_begin_and_all_when_nobody_is() -> None:
    assert broadcast.first_round(GATED, {"b"}) == ("b",)
    assert broadcast.first_round(GATED, {"stranger"}) == ("a", "b", "c")
    assert broadcast.first_round(GATED._replace(gated=False), {"b"}) == ("a", "b", "c")
    assert broadcast.first_round(GATED._replace(max_turns=2), ()) == ("a", "b")


def test_further_rounds_are_for_who_answered_or_was_named() -> None:
    assert broadcast.next_round(GATED, 2, 1, {"a"}, {"c"}) == ("a", "c")
    assert broadcast.next_round(GATED, 2, 3, {"a", "b"}, {}) == ("a",)
    assert broadcast.next_round(GATED, 2, 4, {"a"}, {}) == ()
    assert broadcast.next_round(GATED, 3, 1, {"a"}, {}) == ()
