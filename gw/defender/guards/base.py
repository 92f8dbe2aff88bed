"""What a guard is: it looks at one action and yields reasons, never a verdict.

Knows nothing of scoring, ledgers or the transport. Invariant: points and wording come from the policy
(`policy.finding(rule_id, ...)`), so nothing a guard says is a number in code.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gw.defender.integrity.watcher import Watcher
from gw.defender.virustotal.client import Reputation
from gw.model.action import Action, PartKind
from gw.model.decision import Finding
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from gw.ports import Clock


class Guard(Protocol):
    """Total on any action; a guard that raises becomes the finding `guard.error` with floor review.

    `pure`: what it says depends on the action, the subjects and the policy alone, so it may be remembered.
    """

    name: str
    pure: bool

    @property
    def reads(self) -> frozenset[PartKind] | None:
        """The kinds of part it has something to say about; None: it is asked about every action."""

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        """Yield findings; `finding.part` is the index of the part meant, -1 for the action as a whole."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a guard may ask for when it is built; one per process. What is absent has no guard."""

    clock: Clock
    watcher: Watcher | None = None  # host integrity
    reputation: Reputation | None = None
    digest: Callable[[str], str | None] = lambda path: None  # SHA-256 of a file, for reputation
