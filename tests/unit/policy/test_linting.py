import pytest

from gw.policy.linting import lint
from tests.support.policies import policy_of

NOW_MS = 1_700_000_000_000  # 2023-11-14
TOOLS = ("exec", "browser")
METHODS = ("config.patch",)
GOOD = "hit: [x], miss: [y]"


def codes(*documents: str) -> list[tuple[str, str]]:
    found = lint(policy_of(*documents), now_ms=NOW_MS, tools=TOOLS, methods=METHODS)
    return [(problem.code, problem.severity) for problem in found]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (f"score: [{{id: a.b, target: command, prefix: [x], {GOOD}}}]", []),
        (f"score: [{{id: a.b, target: prompt, prefix: [x], {GOOD}}}]", [("rule.never", "warning")]),
        (f"score: [{{id: a.b, target: prompt, all: [{{prefix: [x]}}], {GOOD}}}]", [("rule.never", "warning")]),
        (f"score: [{{id: a.b, target: command, guard: x, {GOOD}}}]", []),
        ("deny: [{id: a.b, target: command, prefix: [x], hit: [x]}]", [("rule.miss", "warning")]),
        ("score: [{id: a.b, target: command, prefix: [x]}]", [("rule.hit", "advice")]),
        (f"score: [{{id: a.b, target: command, prefix: [x], level: 3, {GOOD}}}]", [("rule.level", "advice")]),
        (
            f"score: [{{id: a.b, target: command, pattern: '\\bmkfs\\s+/dev', {GOOD}}}]",
            [("pattern.structural", "advice")],
        ),
        (f"score: [{{id: a.b, target: command, pattern: '/dev/tcp/', {GOOD}}}]", []),
        (f"score: [{{id: a.b, target: prompt, pattern: '\\bmkfs\\b', {GOOD}}}]", []),
        ("floors: {tool: {brower: review}}", [("tool.unknown", "warning")]),
        ("bonus: {method: {config.path: 3}}", [("method.unknown", "warning")]),
        ("floors: {tool: {'git*': review, server__do: review}}", []),
        ("overrides: [{when: {channel: x}, floors: {tool: {exce: review}}}]", [("tool.unknown", "warning")]),
        (f"score: [{{id: a.b, target: tool_call, tool: [exec, exce], {GOOD}}}]", [("tool.unknown", "warning")]),
    ],
)
def test_what_is_said(document: str, found: list[tuple[str, str]]) -> None:
    assert codes(document) == found


def test_an_unknown_name_has_its_place_and_the_nearest() -> None:
    (problem,) = lint(policy_of("floors: {tool: {brower: review}}"), now_ms=0, tools=TOOLS, methods=METHODS)
    assert (problem.line, problem.hint) == (4, "did you mean browser?")


@pytest.mark.parametrize(
    ("broad", "narrow", "hidden"),
    [
        ("prefix: [git]", "prefix: [git, push]", True),
        ("prefix: [[git, hg]]", "prefix: [git]", True),
        ("prefix: [git]", "prefix: [git]", False),
        ("prefix: [git, push]", "prefix: [git]", False),
        ("pattern: [one, two]", "pattern: one", True),
        ("pattern: one", "pattern: two", False),
        ("prefix: [git], points: 5", "prefix: [git, push], points: 9", False),
        ("prefix: [git], group: other", "prefix: [git, push]", False),
        ("prefix: [git], when: {channel: irc}", "prefix: [git, push]", False),
        ("prefix: [git], stage: shadow", "prefix: [git, push]", False),
        ("prefix: [git], level: 2", "prefix: [git, push]", False),
    ],
)
def test_a_rule_hidden_by_a_broader_one(broad: str, narrow: str, hidden: bool) -> None:
    document = f"""
    score:
      - {{id: a.broad, target: command, group: g, {broad}, {GOOD}}}
      - {{id: a.narrow, target: command, group: g, {narrow}, {GOOD}}}
    """.replace("group: g, prefix: [git], group: other", "group: other, prefix: [git]")
    found = lint(policy_of(document), now_ms=NOW_MS, tools=TOOLS, methods=METHODS)
    assert ("a.narrow is hidden by the broader a.broad" in [problem.message for problem in found]) is hidden


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        ("owner: sam, until: 2023-11-14", []),
        ("owner: sam, until: 2023-11-13", [("exception.over", "warning")]),
        ("owner: sam", [("exception.until", "warning")]),
        ("until: 2024-01-01", [("exception.owner", "advice")]),
    ],
)
def test_exceptions(extra: str, found: list[tuple[str, str]]) -> None:
    document = f"""
    score: [{{id: a.b, target: command, prefix: [x], {GOOD}}}]
    exceptions: [{{id: e.x, rules: [a.b], {extra}}}]
    """
    assert codes(document) == found


@pytest.mark.parametrize(
    ("one", "other", "tie"),
    [
        ("when: {channel: irc}, risk: {review_at: 5}", "when: {chat: group}, risk: {review_at: 9}", True),
        ("when: {channel: irc}, risk: {review_at: 5}", "when: {chat: group}, risk: {block_at: 90}", False),
        ("when: {channel: irc}, mode: audit", "when: {channel: slack}, mode: audit", False),
        ("when: {channel: irc}, mode: audit", "when: {channel: irc, chat: group}, mode: enforce", False),
        (
            "when: {channel: irc}, floors: {tool: {exec: review}}",
            "when: {chat: group}, floors: {tool: {exec: block}}",
            True,
        ),
        ("when: {channel: irc}, bonus: {tool: {exec: 1}}", "when: {chat: group}, bonus: {tool: {browser: 1}}", False),
    ],
)
def test_ties_of_overrides(one: str, other: str, tie: bool) -> None:
    assert (("override.tie", "error") in codes(f"overrides: [{{{one}}}, {{{other}}}]")) is tie
