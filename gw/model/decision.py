"""What the defender says about an action: findings, score, verdict, and what was enforced.

Knows nothing of how findings are made. Invariant: detect, score, decide and enforce stay four separate fields, so an
audit-only run can be measured.
"""

from enum import IntEnum
from typing import Final, NamedTuple


class Verdict(IntEnum):
    """Ordered, so that `max` is the fold: nothing ever lowers a verdict."""

    ALLOW = 0
    REVIEW = 1
    BLOCK = 2

    word: str

    def __init__(self, number: int) -> None:
        self.word = self.name.lower()

    @classmethod
    def parse(cls, word: str) -> "Verdict":
        return cls[word.upper()]


class Span(NamedTuple):
    """Half-open range of characters in the original text of a part."""

    start: int
    end: int


RESEMBLES: Final = "model"  # tag of the rules of the prompt model


class Finding(NamedTuple):
    """One reason. Never carries the judged text itself: `detail` is fixed wording, lengths and names."""

    rule: str
    points: int = 0
    group: str = ""
    floor: Verdict = Verdict.ALLOW  # at least this verdict, whatever the score
    part: int = -1  # index into action.parts, -1 for the action as a whole
    span: Span | None = None
    detail: str = ""
    say: str = ""  # shown to agent and human
    instead: str = ""  # the safer way
    live: bool = True  # False: shadow stage or a level only detected; counts towards `would` alone
    tags: tuple[str, ...] = ()


class PolicyRef(NamedTuple):
    """Which policy decided: `digest` of the compiled set, `generation` counts reloads since start."""

    name: str
    generation: int
    digest: str


class Decision(NamedTuple):
    id: str
    action_id: str
    method: str
    digest: str
    verdict: Verdict  # by live findings
    would: Verdict  # with shadow and detect-only findings, and as if the mode were enforce
    enforced: Verdict  # what was done: ALLOW in audit mode
    score: int  # 0..100
    findings: tuple[Finding, ...]
    policy: PolicyRef
    mode: str  # enforce | audit
    elapsed_us: int
    at_ms: int
    session_key: str | None = None
    tool: str | None = None
    channel: str | None = None

    @property
    def reasons(self) -> list[Finding]:
        """The findings that had a part in it, the one to be told first in front.

        What a text resembles says less than what it holds, so findings tagged `model` count half here.
        """
        live = (finding for finding in self.findings if finding.live and (finding.points or finding.floor))
        return sorted(live, key=lambda finding: (-finding.floor, -finding.points / (1 + (RESEMBLES in finding.tags))))
