"""Queue settings, admission, overflow and joined prompts against upstream's vectors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.session import queueing
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/queue_modes.json")


def named(rows: str) -> Any:
    return pytest.mark.parametrize("row", [pytest.param(r, id=r["name"]) for r in VECTORS[rows]])


@named("mode_aliases")
def test_mode_words(row: dict[str, Any]) -> None:
    raw = row["input"]["raw"]
    seen = {"mode": queueing.mode_of(raw), "persisted": queueing.stored_mode_of(raw) or "steer"}
    assert seen == row["expect"]


@named("drop_aliases")
def test_drop_words(row: dict[str, Any]) -> None:
    assert queueing.drop_of(row["input"]["raw"]) == row["expect"]["drop"]


@named("settings")
def test_settings(row: dict[str, Any]) -> None:
    given = row["input"]
    settings = queueing.resolve(
        given["cfg"].get("messages", {}),
        channel=given.get("channel"),
        entry=given.get("sessionEntry"),
        inline={"queueMode": given.get("inlineMode")},
        channel_debounce_ms=given.get("pluginDebounceMs"),
    )
    expected = row["expect"]
    assert settings == (expected["mode"], expected["debounceMs"], expected["cap"], expected["dropPolicy"])


@named("admission")
def test_admission(row: dict[str, Any]) -> None:
    given = row["input"]
    action = queueing.admit(
        active=given["isActive"],
        waiting=given["queueAdmissionState"] != "empty",
        heartbeat=given["isHeartbeat"],
        reset=given["resetTriggered"],
        follows=given["shouldFollowup"],
    )
    assert action == row["expect"]["action"]


@named("drop_policy")
def test_overflow(row: dict[str, Any]) -> None:
    given, expected = row["input"], row["expect"]
    items = given["items"]
    places = {name: at for at, name in enumerate(items)}
    found = queueing.overflow(
        len(items),
        queueing.Settings(cap=given["cap"], drop=given["dropPolicy"]),
        {places[name] for name in given["inFlight"]},
        {places[name] for name in given["protected"]},
    )
    assert found.accepts == expected["acceptNew"]
    assert [name for at, name in enumerate(items) if at not in found.victims] == expected["remaining"]
    if given["dropPolicy"] == "summarize" and found.victims:
        texts = {name: f"text of {name}" for name in items}
        if "repeated" in given["summaryText"]:
            texts = dict.fromkeys(items, "word \n\t " * 60)
        lines = [queueing.summary_line(texts[items[at]]) for at in found.victims]
        kept = lines[-given["cap"] :]
        assert kept == expected["summaryLines"]
        assert queueing.overflow_note(len(found.victims), kept) == expected["preview"]


@named("collect_prompt")
def test_collect_prompt(row: dict[str, Any]) -> None:
    given = row["input"]
    prompt = queueing.collect_prompt([("Ann", text) for text in given["items"]], given["summary"], given["title"])
    assert prompt == row["expect"]["prompt"]


def test_a_summary_stands_between_title_and_items() -> None:
    assert queueing.collect_prompt([("", "x")], "S", "T") == "T\n\nS\n\n---\nQueued #1\nx"


@pytest.mark.parametrize(
    "contexts, alone, expected",
    [
        ([], [], 0),
        (["a"], [], 1),
        (["a", "a"], [], 2),
        (["a", "b"], [], 1),
        (["a", "a", "b"], [], 1),
        (["a", "a", "a"], [1], 1),
        (["a", "a", "a"], [2], 2),
        (["a", "a"], [0], 1),
    ],
)
def test_what_may_join(contexts: list[str], alone: list[int], expected: int) -> None:
    assert queueing.joinable(contexts, lambda at: at not in alone) == expected


@given(st.integers(0, 30), st.integers(1, 30), st.sets(st.integers(0, 29)), st.sets(st.integers(0, 29)))
def test_overflow_leaves_room_and_spares_the_spared(count: int, cap: int, flying: set[int], kept: set[int]) -> None:
    flying, kept = {x for x in flying if x < count}, {x for x in kept if x < count}
    found = queueing.overflow(count, queueing.Settings(cap=cap, drop="old"), flying, kept)
    assert not set(found.victims) & (flying | kept)
    if found.accepts:
        assert count - len(flying) - len(found.victims) + 1 <= cap
