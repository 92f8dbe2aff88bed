"""Refuses the harmless probes by which clawgate proves that a gate still asks it and still obeys.

Knows no gate. Invariant: a probe is refused under every policy that enforces at all, so one that gets through means an
open gate. Its reason is the one that stands in code, like that of a guard that fails: no policy may soften it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from gw.model.action import Action, PartKind
from gw.model.decision import Finding, Verdict
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy

WORD: Final = "clawgate-canary-"  # and DIGITS hexadecimal digits; no program and no file has such a name
DIGITS: Final = 32
RULE: Final = "canary.probe"
_TALK: Final = frozenset({PartKind.PROMPT, PartKind.OUTPUT})  # where a probe is only spoken of


class CanaryGuard:
    name = "canary"
    pure = True
    reads = frozenset(PartKind) - _TALK

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterator[Finding]:
        for index, part in enumerate(action.parts):
            if part.kind not in _TALK and _has_probe(part.value):
                say = "A probe of clawgate's own; it is always refused."
                yield Finding(RULE, floor=Verdict.BLOCK, part=index, say=say)
                return


def _has_probe(text: str) -> bool:
    at = text.find(WORD)
    if at < 0:
        return False
    digits = text[at + len(WORD) : at + len(WORD) + DIGITS]
    return len(digits) == DIGITS and all(digit in "0123456789abcdef" for digit in digits)
