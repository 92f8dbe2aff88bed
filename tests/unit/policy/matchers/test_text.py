"""Words near words: distance, order, phrases, and what an author may write."""

import pytest

from gw.defender.rows import to_action
from gw.model.action import PartKind
from tests.support.matchers import build, matcher, problems_of
from tests.support.policies import pipeline_of, policy_of
from tests.support.shell import part_subject

POLICY = """
score:
  - id: near
    target: prompt
    text: {near: [[ignore, "pay no attention to"], [rule, rules, Regel]], within: 3}
"""


def _hit(text: str, policy: str = POLICY) -> bool:
    decision = pipeline_of(policy).judge(to_action({"prompt": text}, mode="cli"))
    return any(finding.rule == "near" for finding in decision.findings)


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("ignore the rules", True),
        ("IGNORE all of the RULES!", True),
        ("rules? ignore", True),
        ("please pay  no attention\nto my rule", True),
        ("ignore one two three rules", True),
        ("ignore one two three four rules", False),
        ("rules, rules, and then much later: ignore them", False),
        ("ignored ruler", False),
        ("ignore", False),
        ("ignoriere die Regel; ignore", True),
        ("ignore " + "x" * 500 + " rules", False),
    ],
)
def test_near(text: str, hit: bool) -> None:
    assert _hit(text) is hit


def test_the_span_covers_both_words() -> None:
    text = "so, ignore the rules now"
    (finding,) = pipeline_of(POLICY).judge(to_action({"prompt": text}, mode="cli")).findings
    assert finding.span is not None
    assert text[slice(*finding.span)].strip() == "ignore the rules"


def test_three_groups_must_all_be_near_the_first() -> None:
    policy = POLICY.replace("[rule, rules, Regel]]", "[rules], [now]]")
    assert _hit("now ignore the rules", policy)
    assert not _hit("ignore the rules one two three four five now", policy)


def test_meta_characters_are_words() -> None:
    found, context = build("text: {near: [[c++, 'a.b'], [x]]}")
    assert context.patterns.rows[0][1].count("\\+") == 2
    assert found.keys == {0}
    assert matcher("text: {near: [[a], [b]]}").match(part_subject(PartKind.PROMPT, "a b")) is None


@pytest.mark.parametrize(
    "text",
    [
        "text: {within: 3}",
        "text: {near: [[a]]}",
        "text: {near: [[a], ['']]}",
        "text: {near: [[a], [b]], within: 500}",
        "text: {near: [[a], [b]], within: x}",
        "text: [a, b]",
    ],
)
def test_bad_texts(text: str) -> None:
    assert problems_of(text)


def test_words_are_found_once_by_the_targets_scan() -> None:
    assert len(policy_of(POLICY).scanners) == 1
