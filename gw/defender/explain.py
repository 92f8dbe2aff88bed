"""How a verdict came about, step by step, by the engine that gives it.

Knows no output format. Invariant: what is explained is what `Pipeline` would decide; nothing is re-implemented here.
"""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

from gw.defender import scoring
from gw.defender.engine import Engine
from gw.defender.pipeline import Pipeline
from gw.model.action import Action
from gw.model.decision import Decision, Finding, Verdict
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy, Override, Risk, Settings


class Stage(NamedTuple):
    name: str
    us: int


class Explanation(NamedTuple):
    """`groups` are (name, points that count, rules that hit); `flip` is one line on what would change the verdict."""

    action: Action
    decision: Decision
    subjects: tuple[Subject, ...]
    settings: Settings
    overrides: tuple[Override, ...]
    groups: tuple[tuple[str, int, tuple[str, ...]], ...]
    stages: tuple[Stage, ...]
    flip: str


def explain(
    action: Action, policy: CompiledPolicy, engine: Engine, pipeline: Pipeline, seconds: Callable[[], float]
) -> Explanation:
    """Judge *action* without recording it and say how; *seconds* is a monotonic clock for the stages."""
    settings = policy.settings_for(action)
    began = seconds()
    subjects = engine.subjects(action, policy, settings, [])
    stages = [Stage("read", _us(seconds() - began))]
    for guard in chain(*engine.concerned(action)):
        began = seconds()
        list(guard.inspect(action, subjects, policy))
        stages.append(Stage(f"guard {guard.name}", _us(seconds() - began)))
    decision = pipeline.evaluate(action)
    return Explanation(
        action=action,
        decision=decision,
        subjects=tuple(subjects),
        settings=settings,
        overrides=tuple(override for override in policy.overrides if override.when.holds(action)),
        groups=_groups(decision.findings),
        stages=tuple(stages),
        flip=flip(decision, settings.risk),
    )


def flip(decision: Decision, risk: Risk) -> str:
    """The smallest policy change that would give another verdict."""
    verdict = decision.verdict
    if verdict is Verdict.ALLOW:
        missing = risk.review_at - decision.score
        return f"{missing} more points would hold it for review (review_at {risk.review_at}, score {decision.score})"
    ways = []
    for finding in decision.findings:
        if not finding.live:
            continue
        others = [other for other in decision.findings if other.rule != finding.rule]
        lower = scoring.fold(others, risk).verdict
        if lower < verdict:
            ways.append((int(finding.floor), finding.points, finding.rule, lower))
    if ways:
        _, _, rule, lower = min(ways)
        return f"{_without(rule)} would make it {lower.word}"
    floors = [finding.rule for finding in decision.findings if finding.live and finding.floor >= verdict]
    if floors:
        return f"{len(floors)} rules demand {verdict.word} each: {', '.join(dict.fromkeys(floors))}"
    threshold = "block_at" if verdict is Verdict.BLOCK else "review_at"
    return f"risk.{threshold} above {decision.score} would make it {Verdict(verdict - 1).word}"


def _without(rule: str) -> str:
    if rule.startswith(("bonus.", "floor.")):
        section, _, field = rule.partition(".")
        return f"no {section} for this {field}"
    return f"an exception for {rule}"


def _groups(findings: tuple[Finding, ...]) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.points:
            groups.setdefault(finding.group or finding.rule, []).append(finding)
    return tuple(
        (
            name,
            max((finding.points for finding in rows if finding.live), default=0),
            tuple(dict.fromkeys(finding.rule for finding in rows)),
        )
        for name, rows in groups.items()
    )


def _us(seconds: float) -> int:
    return int(seconds * 1e6)
