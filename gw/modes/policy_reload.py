"""Keeps the policy in force up to date: on a signal, on request, and when its files change.

Must not know rules. Invariant: reading and compiling happen beside the hub, the swap is one assignment, and a policy
that is broken, or whose own examples do not hold, changes nothing but what `security.policy` says of the failure.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from gw import hub
from gw.errors import Overloaded, PolicyError
from gw.model.problem import Problem
from gw.observe.metrics import Metrics
from gw.policy.compiled import CompiledPolicy
from gw.policy.handle import PolicyHandle
from gw.policy.loader import Fingerprint, load, seen_at
from gw.policy.signing import Trust
from gw.ports import Offload

logger = logging.getLogger(__name__)

POLL_S: Final = 2.0
QUIET_POLLS: Final = 1  # polls without a further change before it is read: an editor or a copy may be half-way
WAIT_S: Final = 0.1
MOST_WAITS: Final = 300
SWITCH_S: Final = 0.0005  # how long the compiling thread may keep the interpreter while the hub has work


class PolicyReload:
    """`paths()` returns what the settings name, empty for the default places; `trust()` whose signatures count.

    `seen` is how the files were when the policy in force was read.
    """

    def __init__(
        self,
        handle: PolicyHandle,
        paths: Callable[[], Sequence[Path]],
        trust: Callable[[], Trust],
        offload: Offload,
        metrics: Metrics,
        seen: Fingerprint,
    ) -> None:
        self._handle = handle
        self._paths = paths
        self._trust = trust
        self._offload = offload
        self._metrics = metrics
        self._loaded = seen
        self._busy = False

    def reload(self) -> bool:
        """Read and swap; True when another policy is in force now. Raises PolicyError, Overloaded.

        One at a time: who comes meanwhile waits, because the files may have changed since the first one read them.
        """
        waits = 0
        while self._busy:
            if waits >= MOST_WAITS:
                raise Overloaded("policy reload")
            waits += 1
            hub.sleep(WAIT_S)
        self._busy = True
        try:
            policy, warnings = self._offload.run(_load_checked, list(self._paths()), self._trust)
            changed = self._handle.swap(policy, warnings)
        except PolicyError as error:
            self._handle.failed(error)
            self._metrics.add("clawgate_policy_reload_failures_total")
            logger.warning("policy.refused", extra={"problems": len(error.problems), "first": str(error.problems[0])})
            raise
        finally:
            self._busy = False
        logger.info("policy.reloaded", extra={"changed": changed, "generation": self._handle.generation})
        return changed

    def watch(self) -> None:
        """Reload whenever the files change and then stay still; runs for ever, under a Supervisor."""
        seen = self._loaded
        quiet = 0
        while True:
            hub.sleep(POLL_S)
            now = self._offload.run(seen_at, list(self._paths()))
            quiet = quiet + 1 if now == seen else 0
            seen = now
            if seen != self._loaded and quiet >= QUIET_POLLS:
                try:
                    self.reload()
                except PolicyError:
                    pass  # said and counted in reload(); the next change is another chance
                except Overloaded as full:
                    logger.warning("policy.not_read", extra={"full": full.where, "retry_s": POLL_S})
                    continue
                self._loaded = seen


def _load_checked(paths: Sequence[Path], trust: Callable[[], Trust]) -> tuple[CompiledPolicy, list[Problem]]:
    """Runs in a native thread. Raises PolicyError, also for examples that do not hold."""
    from gw.defender.tester import failed_examples  # late: only a reload needs it

    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        policy, warnings = load(paths, trust=trust())
        if failed := failed_examples(policy):
            raise PolicyError(failed)
        return policy, warnings
    finally:
        sys.setswitchinterval(interval)
