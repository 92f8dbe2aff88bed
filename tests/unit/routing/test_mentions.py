"""Mention detection against upstream's executed vectors."""

import time
from typing import Any

import pytest

from gw.routing import mentions
from gw.routing.activation import patterns_enabled
from gw.routing.mentions import Names
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/mentions.json")


def names(config: dict[str, Any], agent: str = "main", provider: str | None = None) -> Names:
    switch = config.get("channels", {}).get(provider or "", {}).get("mentionPatterns")
    if not patterns_enabled(switch, "1").enabled:
        return Names()
    return mentions.names_of(config["agents"]["entries"][agent], config.get("messages", {}))


@pytest.mark.parametrize("case", VECTORS["match"], ids=lambda case: case["name"])
def test_match(case: dict[str, Any]) -> None:
    given = case["input"]
    found = names(given["config"], given["agentId"], given["provider"])
    assert mentions.matches(found, given["text"]) is case["expect"]["matches"]
    assert mentions.prepare(given["text"]) == case["expect"]["normalized"]


@pytest.mark.parametrize("case", VECTORS["explicit"], ids=lambda case: case["name"])
def test_the_providers_word_settles_it(case: dict[str, Any]) -> None:
    mentioned = case["input"]["explicit"]["isExplicitlyMentioned"]
    assert mentions.matches(Names(), case["input"]["text"], mentioned=mentioned) is case["expect"]["matches"]


@pytest.mark.parametrize("case", VECTORS["strip"], ids=lambda case: case["name"])
def test_strip(case: dict[str, Any]) -> None:
    assert mentions.strip(names(case["input"]["config"]), case["input"]["text"]) == case["expect"]["stripped"]


def test_words_of_any_script_have_edges() -> None:
    found = mentions.names_of({"identity": {"name": "Ёлка"}}, {})
    assert mentions.matches(found, "скажи, ёлка!")
    assert not mentions.matches(found, "ёлками")
    assert not mentions.matches(found, "_ёлка")


def test_a_pattern_made_to_be_slow_is_not() -> None:
    found = mentions.names_of({"groupChat": {"mentionPatterns": ["(?:a|a)*b"]}}, {})
    began = time.process_time()
    assert not mentions.matches(found, "a" * 100_000)
    assert time.process_time() - began < 2.0


def test_so_many_patterns_and_no_more() -> None:
    many = [f"bot{n}" for n in range(mentions.MAX_PATTERNS + 1)]
    assert len(mentions.names_of({"groupChat": {"mentionPatterns": many}}, {}).patterns) == mentions.MAX_PATTERNS
