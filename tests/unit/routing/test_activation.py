"""The mention gate, the activation command and the pattern switch against upstream's executed vectors."""

from typing import Any

import pytest

from gw.routing import activation
from gw.routing.activation import Facts
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/activation.json")


@pytest.mark.parametrize("case", VECTORS["gate"], ids=lambda case: case["name"])
def test_gate(case: dict[str, Any]) -> None:
    given = case["input"]
    facts = Facts(
        given["canDetectMention"],
        given["wasMentioned"],
        given["hasAnyMention"],
        given["implicitMentionKinds"],
        given["isGroup"],
        given["requireMention"],
        given["allowTextCommands"],
        given["hasControlCommand"],
        given["commandAuthorized"],
    )
    found = activation.gate(facts, given.get("implicitMentions"))
    assert {
        "implicitMention": bool(found.implicit),
        "matchedImplicitMentionKinds": list(found.implicit),
        "effectiveWasMentioned": found.mentioned,
        "shouldBypassMention": found.bypassed,
        "shouldSkip": found.skip,
    } == case["expect"]


@pytest.mark.parametrize("case", VECTORS["activation_command"], ids=lambda case: case["name"])
def test_command(case: dict[str, Any]) -> None:
    found = activation.parse_command(case["input"]["text"])
    assert {"hasCommand": found.is_command, **({"mode": found.mode} if found.mode else {})} == case["expect"]


@pytest.mark.parametrize("case", VECTORS["mention_pattern_policy"], ids=lambda case: case["name"])
def test_pattern_switch(case: dict[str, Any]) -> None:
    found = activation.patterns_enabled(case["input"]["policy"], case["input"]["conversationId"])
    assert {
        "effectiveMode": found.mode,
        "allowMatched": found.allow_matched,
        "denyMatched": found.deny_matched,
        "enabled": found.enabled,
    } == case["expect"]


@pytest.mark.parametrize(
    ("configured", "stored", "expected"),
    [(True, None, True), (True, "always", False), (False, "mention", True), (False, "other", False)],
)
def test_what_the_session_says_goes_first(configured: bool, stored: str | None, expected: bool) -> None:
    assert activation.must_be_mentioned(configured, stored) is expected
