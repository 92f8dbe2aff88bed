"""Thresholds chosen on other sources: what a line drawn without a source's benign rows would do to that source.

Knows no corpus and no policy. Invariant: neither threshold for a source depends on any row of that source.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from gw.model.decision import Decision, Verdict

LOWEST: Final = 1
NEVER: Final = 101  # above every score
SHARES: Final = (0.01, 0.001)  # of the counted benign rows, held and blocked at most


class Seen(NamedTuple):
    """A row of a corpus and what was said of it."""

    label: int
    source: str
    category: str
    score: int
    floor: Verdict

    def reached(self, verdict: Verdict) -> int:
        """The score, or more than any threshold where a floor gives *verdict* whatever the score."""
        return NEVER if self.floor >= verdict else self.score


class Lines(NamedTuple):
    review: int
    block: int


def seen(row: Mapping[str, object], decision: Decision) -> Seen:
    floor = max((finding.floor for finding in decision.findings if finding.live), default=Verdict.ALLOW)
    label = 1 if row["label"] else 0
    return Seen(label, str(row["source"]), str(row["category"]), decision.score, floor)


def choose(scores: Collection[int], share: float) -> int:
    """The least score that at most *share* of *scores* reach; NEVER when more of them reach every one."""
    count = Counter(scores)
    reached = count[NEVER]
    for score in range(NEVER - 1, LOWEST - 1, -1):
        reached += count[score]
        if reached > share * len(scores):
            return score + 1
    return LOWEST


def lines_without(rows: Iterable[Seen], counted: Collection[str]) -> dict[str, Lines]:
    """Source -> thresholds that keep both shares over all other sources' benign rows; *counted* empty: any category."""
    every = list(rows)
    benign = [row for row in every if not row.label and (not counted or row.category in counted)]
    found = {}
    for source in {row.source for row in every}:
        others = [row for row in benign if row.source != source]
        review, block = (
            choose([row.reached(verdict) for row in others], share)
            for verdict, share in zip((Verdict.REVIEW, Verdict.BLOCK), SHARES, strict=True)
        )
        found[source] = Lines(review, max(block, review))
    return found
