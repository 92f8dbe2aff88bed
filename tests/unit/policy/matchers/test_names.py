"""`tool`, `method`, `signal` and `guard`: matchers that look at names alone."""

import pytest

from gw.model.action import PartKind
from tests.support.matchers import matcher, problems_of
from tests.support.shell import part_subject, subject


@pytest.mark.parametrize(
    ("rule", "name", "hit"),
    [
        ("[exec, write]", "write", True),
        ("Exec", "exec", True),
        ("exec", "execs", False),
        ("'git__*'", "git__push", True),
    ],
)
def test_tool(rule: str, name: str, hit: bool) -> None:
    assert (matcher(f"tool: {rule}").match(part_subject(PartKind.TOOL, name, tool=name)) is not None) is hit


def test_tool_without_a_tool() -> None:
    assert matcher("tool: '*'").match(part_subject(PartKind.PROMPT, "x")) is None
    assert matcher("tool: '*'").keys is None
    assert matcher("tool: exec").keys == {("tool", "exec")}


@pytest.mark.parametrize(("rule", "hit"), [("test", True), ("'te*'", True), ("[a, b]", False)])
def test_method(rule: str, hit: bool) -> None:
    assert (matcher(f"method: {rule}").match(part_subject(PartKind.DATA, "x")) is not None) is hit


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ("flood", True),
        ("[x, flood]", True),
        ("x", False),
        ("{flood: 3}", True),
        ("{flood: 4}", False),
        ("{x: 1}", False),
    ],
)
def test_signal_of_a_text(rule: str, hit: bool) -> None:
    text = part_subject(PartKind.PROMPT, "x", {"flood": 3})
    assert (matcher(f"signal: {rule}").match(text) is not None) is hit


def test_signal_of_a_command() -> None:
    line = subject("x", signals=frozenset(("shell.unparsed",)))
    assert matcher("signal: shell.unparsed").match(line) is not None
    assert matcher("signal: shell.unparsed").keys == {("signal", "shell.unparsed")}


def test_guard_never_matches_by_itself() -> None:
    found = matcher("guard: {name: loops, repeats: 5}")
    assert found.keys == frozenset()
    assert found.match(subject("x")) is None


@pytest.mark.parametrize("text", ["signal: {x: 0}", "signal: {x: many}", "guard: {}", "guard: [a]", "signal: ~"])
def test_bad_names(text: str) -> None:
    assert problems_of(text)
