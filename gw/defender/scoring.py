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
    live: dict[str, int] = {}
    every: dict[str, int] = {}
    floor = would_floor = Verdict.ALLOW
    for finding in findings:
        group = finding.group or finding.rule
        points = finding.points
        if points > every.get(group, 0):
            every[group] = points
        if finding.floor > would_floor:
            would_floor = finding.floor
        if finding.live:
            if points > live.get(group, 0):
                live[group] = points
            if finding.floor > floor:
                floor = finding.floor
    score = min(MAX_SCORE, sum(live.values()))
    would_score = min(MAX_SCORE, sum(every.values()))
    return Score(
        score, max(floor, by_threshold(score, risk)), would_score, max(would_floor, by_threshold(would_score, risk))
    )


def by_threshold(score: int, risk: Risk) -> Verdict:
    if score >= risk.block_at:
        return Verdict.BLOCK
    return Verdict.REVIEW if score >= risk.review_at else Verdict.ALLOW
