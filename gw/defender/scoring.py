"""Folds findings into a score and a verdict.

Pure: no clock, no policy beyond thresholds. Invariant: monotonic; another finding never lowers a score or a verdict.
"""

from collections.abc import Collection
from typing import NamedTuple

from gw.model.decision import Finding, Verdict
from gw.policy.compiled import Risk

MAX_SCORE = 100


class Score(NamedTuple):
    """`score` and `verdict` by live findings; `would_score` and `would` by all of them."""

    score: int
    verdict: Verdict
    would_score: int
    would: Verdict


_NOTHING = Score(0, Verdict.ALLOW, 0, Verdict.ALLOW)


def fold(findings: Collection[Finding], risk: Risk) -> Score:
    """Sum of the strongest hit of each group, capped; floors raise the verdict."""
    if not findings:
        return _NOTHING if risk.review_at > 0 else Score(0, by_threshold(0, risk), 0, by_threshold(0, risk))
    would_score, would = _fold(findings, risk)
    live = [finding for finding in findings if finding.live]
    score, verdict = (would_score, would) if len(live) == len(findings) else _fold(live, risk)
    return Score(score, verdict, would_score, would)


def _fold(findings: Collection[Finding], risk: Risk) -> tuple[int, Verdict]:
    strongest: dict[str, int] = {}
    floor = Verdict.ALLOW
    for finding in findings:
        group = finding.group or finding.rule
        if finding.points > strongest.get(group, 0):
            strongest[group] = finding.points
        if finding.floor > floor:
            floor = finding.floor
    score = min(MAX_SCORE, sum(strongest.values()))
    return score, max(floor, by_threshold(score, risk))


def by_threshold(score: int, risk: Risk) -> Verdict:
    if score >= risk.block_at:
        return Verdict.BLOCK
    return Verdict.REVIEW if score >= risk.review_at else Verdict.ALLOW
