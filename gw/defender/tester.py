"""Runs a policy's own examples and scenarios through the engine the service uses.

Knows no files and prints nothing. Invariant: a test passes or fails by the same code that judges real actions; time
stands still, so results repeat.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gw.defender.engine import Engine
from gw.defender.given import services_of
from gw.defender.guards import make_guards
from gw.defender.guards.rules import apply, is_covered
from gw.defender.pipeline import Pipeline
from gw.defender.rows import to_action
from gw.model.action import Action
from gw.model.decision import Decision, Finding, Verdict
from gw.model.problem import Problem
from gw.policy.compiled import CompiledPolicy, Example, Rule
from gw.policy.handle import PolicyHandle
from gw.policy.matchers.base import NOTHING, Target
from gw.policy.reader import Entry
from gw.policy.source import Node, plain
from gw.policy.targets import keys_of

_NOTHING: Final[Mapping[str, Any]] = {}
MAX_CASES: Final = 10_000  # of one scenario's matrix

# How a plain text example is put to each target.
_AS_ROW: Final[Mapping[Target, tuple[str, Mapping[str, str]]]] = {
    Target.PROMPT: ("prompt", {}),
    Target.TOOL_OUTPUT: ("prompt", {"provenance": "tool_output"}),
    Target.COMMAND: ("command", {}),
    Target.OUTBOUND: ("output", {}),
    Target.TOOL_CALL: ("data", {"tool": "example"}),
    Target.RPC: ("data", {"method": "example"}),
}
# Fields of `when` by the name they have in a row.
_ROW_NAMES: Final = {
    name: name for name in ("agent", "channel", "chat", "client", "method", "provenance", "sender", "session", "tool")
}


class StillClock:
    """ports.Clock of a test: moves only when told."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """One example or case. `rules` are those it made hit, for coverage."""

    name: str
    place: Node
    passed: bool
    message: str = ""
    rules: frozenset[str] = frozenset()


@dataclass(slots=True)
class Coverage:
    """Which rules were shown to match and which to stay silent."""

    hit: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)

    def missing(self, policy: CompiledPolicy) -> list[tuple[str, str]]:
        """(rule, "hit" or "miss") for every rule without an example or case of that kind."""
        return [
            (rule.id, kind)
            for rule in policy.rules.values()
            for kind, seen in (("hit", self.hit), ("miss", self.silent))
            if rule.id not in seen
        ]


class Bench:
    """One policy with fresh guards and a clock that stands still."""

    def __init__(self, policy: CompiledPolicy, given: Mapping[str, Any] = _NOTHING) -> None:
        """*given* as in `given:` of a test. Raises ValueError when it is not understood."""
        self.policy = policy
        self.clock = StillClock()
        services = services_of(given, policy, self.clock)
        self.engine = Engine(make_guards(services))
        self.pipeline = Pipeline(PolicyHandle(policy), self.engine, self.clock, timeout_s=float("inf"))

    def judge(self, action: Action) -> Decision:
        return self.pipeline.evaluate(action)

    def hits(self, rule: Rule, row: Mapping[str, Any]) -> bool:
        """Whether the rule says something of the action, whatever its level, stage and the score.

        Raises ValueError for what is no action, or when it could not be read to the end.
        """
        action = to_action(row, mode="test")
        settings = self.policy.settings_for(action)
        if rule.matcher is NOTHING:
            return any(finding.rule == rule.id for finding in self.engine.run(action, self.policy, settings))
        failures: list[Finding] = []
        subjects = self.engine.subjects(action, self.policy, settings, failures)
        if failures:
            raise ValueError(f"not read to the end: {failures[0].rule} {failures[0].detail}")
        if rule.section == "allow":
            return any(
                subject.command is not None
                and is_covered(subject, keys_of(subject), self.policy)
                and rule.matcher.match(subject) is not None
                for subject in subjects
            )
        now_ms = self.clock.now_ms()
        return any(
            (finding := apply(rule, subject, self.policy, now_ms)) is not None and finding.rule == rule.id
            for subject in subjects
        )


def check_examples(policy: CompiledPolicy, coverage: Coverage | None = None) -> Iterator[Outcome]:
    """Every `hit` and `miss` of every rule, on each of the rule's targets."""
    bench = Bench(policy)
    coverage = coverage if coverage is not None else Coverage()
    for rule in policy.rules.values():
        for kind, examples, seen in (("hit", rule.hits, coverage.hit), ("miss", rule.misses, coverage.silent)):
            for example in examples:
                outcome = _check_example(bench, rule, kind, example)
                if outcome.passed:
                    seen.add(rule.id)
                yield outcome


def failed_examples(policy: CompiledPolicy) -> list[Problem]:
    """What `hit` and `miss` say and the rules do not do, as errors of the policy."""
    return [
        outcome.place.problem("example", outcome.message, path=outcome.name)
        for outcome in check_examples(policy)
        if not outcome.passed
    ]


def _check_example(bench: Bench, rule: Rule, kind: str, example: Example) -> Outcome:
    name = f"{rule.id} {kind} {_short(example.value)}"
    try:
        wrong = [
            target.value for target, row in example_rows(rule, example) if bench.hits(rule, row) is not (kind == "hit")
        ]
    except ValueError as error:
        return Outcome(name, example.place, False, str(error))
    if not wrong:
        return Outcome(name, example.place, True, rules=frozenset((rule.id,)) if kind == "hit" else frozenset())
    said = "does not match" if kind == "hit" else "matches"
    return Outcome(name, example.place, False, f"{rule.id} {said} this {kind} example as {', '.join(wrong)}")


def example_rows(rule: Rule, example: Example) -> Iterator[tuple[Target, dict[str, Any]]]:
    """The example as an action for each target, with what the rule's own `when` asks for."""
    wanted = {
        _ROW_NAMES[name]: values[0].replace("*", "x")
        for name, values in (rule.when.fields if rule.when is not None else ())
        if name in _ROW_NAMES
    }
    for target in sorted(rule.targets):
        if isinstance(example.value, Mapping):
            yield target, {**wanted, **example.value}
        else:
            key, extra = _AS_ROW[target]
            yield target, {**extra, **wanted, key: example.value}


def run_scenario(policy: CompiledPolicy, test: Entry, coverage: Coverage) -> Iterator[Outcome]:
    """The cases of one entry of `tests:`: the product of `for`, each with fresh guards."""
    expected = test.get("expect")
    if expected is None or test.get("action") is None:
        return
    rows = [plain(element) for element in test.get("action").elements()]
    matrix = plain(test.get("for")) if test.get("for") is not None else {}
    if not isinstance(matrix, dict) or not all(isinstance(row, dict) for row in rows):
        yield Outcome(test.get("name", ""), test.node, False, "`action` and `for` are mappings")
        return
    choices = [[(name, value) for value in _as_list(values)] for name, values in matrix.items()]
    for number, chosen in enumerate(itertools.product(*choices)):
        if number >= MAX_CASES:
            yield Outcome(test.get("name", ""), test.node, False, f"more than {MAX_CASES} cases")
            return
        varied = dict(chosen)
        name = test.get("name", "") + "".join(f" [{key}={value}]" for key, value in varied.items())
        yield _run_case(policy, test, name, [{**row, **varied} for row in rows], coverage)


def _run_case(
    policy: CompiledPolicy, test: Entry, name: str, rows: Sequence[Mapping[str, Any]], coverage: Coverage
) -> Outcome:
    expected: Entry = test.get("expect")
    repeat = test.get("repeat", 1)
    seen: set[str] = set()
    try:
        given = plain(test.get("given")) if test.get("given") is not None else {}
        bench = Bench(policy, given)
        for _ in range(repeat):
            for row in rows:
                decision = bench.judge(to_action(row, mode="test"))
                seen.update(finding.rule for finding in decision.findings)
            wrong = mismatches(decision, expected)
            if wrong:
                return Outcome(name, test.node, False, "; ".join(wrong), frozenset(seen))
    except ValueError as error:
        return Outcome(name, test.node, False, str(error))
    coverage.hit |= seen
    coverage.silent |= set(expected.get("not_hits", ()))
    return Outcome(name, test.node, True, rules=frozenset(seen))


def mismatches(decision: Decision, expected: Entry) -> list[str]:
    """What the decision has that `expect` did not say; empty when all of it holds."""
    rules = {finding.rule for finding in decision.findings}
    wrong = []
    for name, value in expected.values.items():
        actual: Any
        match name:
            case "verdict" | "would" | "enforced" | "score":
                actual = getattr(decision, name)
                holds = actual == value
            case "verdict_at_least" | "score_at_least":
                actual = getattr(decision, name.partition("_")[0])
                holds = actual >= value
            case "verdict_at_most" | "score_at_most":
                actual = getattr(decision, name.partition("_")[0])
                holds = actual <= value
            case "hits":
                actual, holds = sorted(rules), set(value) <= rules
            case _:
                actual, holds = sorted(rules), not set(value) & rules
        if not holds:
            wrong.append(f"{name}: expected {_show(value)}, got {_show(actual)}")
    return wrong


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _show(value: Any) -> str:
    if isinstance(value, Verdict):
        return value.word
    return ", ".join(value) or "none" if isinstance(value, list | tuple) else str(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
