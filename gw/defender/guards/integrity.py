"""What is known to have been tampered with on this host weighs on every action.

Knows no file: the watcher's state is kept up to date elsewhere. Invariant: findings stay until acknowledged, so the
second action after a change is judged like the first.
"""

from collections.abc import Iterable, Sequence

from gw.defender.integrity.watcher import Watcher, watches
from gw.model.action import Action
from gw.model.decision import Finding
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from gw.ports import Clock


class IntegrityGuard:
    name = "integrity"
    pure = False  # the host changes between two equal actions
    reads = None

    def __init__(self, watcher: Watcher, clock: Clock) -> None:
        self._watcher = watcher
        self._clock = clock

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        watcher = self._watcher
        # The usual case costs two attribute look-ups.
        if not (watcher.open or watcher.problem):
            return ()
        return watcher.findings(watches(policy.host), self._clock.now_ms())
