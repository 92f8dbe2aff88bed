"""Decisions of one policy held against another's, over recorded actions.

Pure: records come in, differences go out. Invariant: only what was really re-judged counts; what could not be is
counted as skipped.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gw.defender.review import reasons
from gw.defender.tester import Bench
from gw.model.action import Action
from gw.model.decision import Verdict
from gw.policy.compiled import CompiledPolicy


class Before(NamedTuple):
    """A verdict there already is, by record or by the other policy."""

    decision_id: str
    day: str
    verdict: Verdict
    rules: tuple[str, ...]
    action: Action | None  # None: its text was not kept


class Change(NamedTuple):
    before: Before
    after: Verdict
    rules: tuple[str, ...]  # that hit now

    @property
    def cause(self) -> str:
        """The rule to group by: one that is new, else one that is gone, else the first."""
        new = [rule for rule in self.rules if rule not in self.before.rules]
        gone = [rule for rule in self.before.rules if rule not in self.rules]
        return next(iter((*new, *(f"without {rule}" for rule in gone), *self.rules)), "thresholds")


@dataclass(slots=True)
class Comparison:
    judged: int = 0
    skipped: int = 0
    changes: list[Change] = field(default_factory=list)

    @property
    def released(self) -> list[Change]:
        """Formerly blocked actions that would pass now."""
        return [one for one in self.changes if one.before.verdict is Verdict.BLOCK and one.after is Verdict.ALLOW]

    def grouped(self) -> Iterator[tuple[str, Verdict, Verdict, Counter[str]]]:
        """(cause, before, after, count by day), the most frequent first."""
        groups: dict[tuple[str, Verdict, Verdict], Counter[str]] = {}
        for change in self.changes:
            key = (change.cause, change.before.verdict, change.after)
            groups.setdefault(key, Counter())[change.before.day] += 1
        for (cause, before, after), days in sorted(groups.items(), key=lambda row: -row[1].total()):
            yield cause, before, after, days


def compare(rows: Iterable[Before], policy: CompiledPolicy) -> Comparison:
    """Judge every action again under *policy*, oldest first, so that guards with a memory see the same order."""
    bench = Bench(policy)
    found = Comparison()
    for before in rows:
        if before.action is None:
            found.skipped += 1
            continue
        found.judged += 1
        decision = bench.judge(before.action)
        if decision.verdict is not before.verdict:
            found.changes.append(Change(before, decision.verdict, reasons(decision)))
    return found


def judged_by(policy: CompiledPolicy, actions: Iterable[tuple[str, str, Action]]) -> Iterator[Before]:
    """(id, day, action) with the verdicts of *policy*: the other side of a comparison of two policies."""
    bench = Bench(policy)
    for name, day, action in actions:
        decision = bench.judge(action)
        yield Before(name, day, decision.verdict, reasons(decision), action)
