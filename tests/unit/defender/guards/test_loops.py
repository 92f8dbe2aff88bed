"""The loop detector against upstream's executed vectors, and the guard around it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gw.defender.guards.loops import MAX_SESSIONS, History, LoopGuard
from gw.model.action import Action, Part, PartKind, Provenance
from gw.model.decision import Finding
from gw.model.subject import Subject, View
from tests.support.policies import policy_of
from tests.support.shared import shared_json

VECTORS = {case["name"]: case for case in shared_json("openclaw/vectors/loop_detection.json")["cases"]}
Turn = tuple[str, str, str, bool]  # tool, arguments, result, tool missing

# What each vector's `pattern` means, call by call.
PATTERNS: dict[str, Callable[[int], Turn]] = {
    "read a -> x": lambda i: ("read", "a", "x", False),
    "read a -> x<i>": lambda i: ("read", "a", f"x{i}", False),
    "read a<i> -> x": lambda i: ("read", f"a{i}", "x", False),
    "process poll same": lambda i: ("process", "poll", "running", False),
    "alternating ls a / read a": lambda i: (("ls", "read")[i % 2], "a", "x", False),
    "alternating, changing results": lambda i: (("ls", "read")[i % 2], "a", f"x{i}", False),
    "unknown tool foo with varying args": lambda i: ("foo", f"a{i}", "unknown tool", True),
    "message send same text, new message id": lambda i: ("message", "hi", "sent", False),
}


def _run(turns: Iterator[Turn]) -> dict[str, Any]:
    """Check, record and settle each call, as upstream's harness does, refused or not."""
    history = History()
    found: dict[str, Any] = {"firstWarningAtCall": None, "firstCriticalAtCall": None, "firstDetector": None}
    found |= {"criticalDetector": None, "last": None}
    for number, (tool, arguments, result, missing) in enumerate(turns, 1):
        loop = history.check(tool, arguments, {})
        if loop is not None:
            found["firstDetector"] = found["firstDetector"] or loop.detector
            found["last"] = list(loop)
            if loop.level == "critical":
                found["firstCriticalAtCall"] = found["firstCriticalAtCall"] or number
                found["criticalDetector"] = found["criticalDetector"] or loop.detector
            else:
                found["firstWarningAtCall"] = found["firstWarningAtCall"] or number
        history.record(tool, arguments)
        history.outcome(tool, result, missing=missing)
    return found


@pytest.mark.parametrize("name", [name for name in VECTORS if VECTORS[name]["input"]["pattern"] in PATTERNS])
def test_vectors(name: str) -> None:
    case = VECTORS[name]
    pattern = PATTERNS[case["input"]["pattern"]]
    assert _run(pattern(i) for i in range(case["input"]["calls"])) == case["expect"]


def test_every_vector_has_a_pattern_or_is_about_runs() -> None:
    others = {case["input"]["pattern"] for case in VECTORS.values()} - set(PATTERNS) - {"same read, same result"}
    assert others == {"new run id every 5 calls"}


def test_few_argument_sets_without_progress_only_warn() -> None:
    found = _run(("search", f"q{i % 3}", "nothing", False) for i in range(40))
    assert found["firstDetector"] == "argument_churn"


POLICY = """
score:
  - {id: loops.warning, target: tool_call, points: 5, guard: {name: loops}}
  - {id: loops.critical, target: tool_call, points: 45, guard: {name: loops, warning: 3, critical: 5}}
"""


def _call(guard: LoopGuard, session: str = "s", digest: str = "d", policy: str = POLICY) -> list[Finding]:
    action = Action("i", "tool.call", (), digest, 1, tool="read", session_key=session)
    return list(guard.inspect(action, (), policy_of(policy)))


def _settle(guard: LoopGuard, text: str, session: str = "s", tool: str = "read") -> None:
    part = Part(PartKind.PROMPT, "/text", text)
    action = Action("i", "hook.result", (part,), text, 1, Provenance.TOOL_OUTPUT, tool=tool, session_key=session)
    assert (
        list(LoopGuard.inspect(guard, action, (Subject(action, part, 0, (View("raw", text),)),), policy_of(""))) == []
    )


def test_the_policy_sets_points_and_numbers() -> None:
    guard = LoopGuard()
    rules = [[finding.rule for finding in _call(guard)] for _ in range(7)]
    assert rules == [[], [], [], ["loops.warning"], ["loops.warning"], ["loops.critical"], ["loops.critical"]]


def test_changing_results_are_progress() -> None:
    guard = LoopGuard()
    last: list[Finding] = []
    for number in range(12):
        last = _call(guard)
        _settle(guard, f"result {number}")
    assert [finding.rule for finding in last] == ["loops.warning"]
    assert "12" not in last[0].say


def test_sending_the_same_text_is_no_progress_whatever_the_id() -> None:
    guard = LoopGuard()
    history = guard._history("s")
    history.record("message", "d")
    _settle(guard, '{"messageId": 1}', tool="message")
    assert history.calls[0].result == "sent"


def test_a_missing_tool_is_recognised() -> None:
    guard = LoopGuard()
    _call(guard)
    _settle(guard, "Unknown tool: read")
    assert guard._history("s").calls[0].missing


def test_sessions_are_apart_and_bounded() -> None:
    guard = LoopGuard()
    for number in range(MAX_SESSIONS + 5):
        assert _call(guard, session=str(number)) == []
    assert len(guard._sessions) == MAX_SESSIONS


def test_no_rules_no_findings() -> None:
    guard = LoopGuard()
    assert not any(_call(guard, policy="") for _ in range(40))


def test_without_a_session_nothing_is_remembered() -> None:
    guard = LoopGuard()
    action = Action("i", "tool.call", (), "d", 1, tool="read")
    for _ in range(40):
        assert list(guard.inspect(action, (), policy_of(POLICY))) == []
