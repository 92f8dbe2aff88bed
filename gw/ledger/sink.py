"""Takes decisions from the pipeline into the ledgers: the implementation of ports.DecisionSink.

Invariant: a block or hold is on disk in both ledgers before `record` returns, or waits in memory for a disk that
refuses it, which has been logged; an allow never waits for the disk.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from gw.errors import GwError
from gw.ledger.decisions import DecisionLog
from gw.ledger.quarantine import Quarantine
from gw.ledger.record import to_record
from gw.ledger.redact import Redactor
from gw.model.action import Action
from gw.model.decision import Decision, Verdict

logger = logging.getLogger(__name__)

MAX_WAITING: Final = 256  # entries with their text, kept while the disk refuses them


class LedgerSink:
    """`masked_groups()` returns the rule groups whose spans the policy in force wants masked in the decision log."""

    def __init__(
        self,
        log: DecisionLog,
        quarantine: Quarantine,
        redactor: Redactor,
        masked_groups: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self.log = log
        self.quarantine = quarantine
        self.unquarantined = 0  # entries given up because too many waited for a failing disk
        self._redactor = redactor
        self._masked_groups = masked_groups
        self._waiting: deque[tuple[dict[str, Any], Action]] = deque()

    def record(self, decision: Decision, action: Action) -> None:
        record = to_record(decision, action, self._redactor, self._masked_groups())
        durable = decision.verdict is not Verdict.ALLOW
        if durable and not self._put(record, action):
            self._waiting.append((record, action))
            while len(self._waiting) > MAX_WAITING:
                self._waiting.popleft()
                self.unquarantined += 1
        self.log.append(record, durable=durable)

    def flush(self) -> None:
        """Write what waits, also what the disk refused before."""
        batch, self._waiting = self._waiting, deque()  # so that no two callers write the same
        while batch and self._put(*batch[0]):
            batch.popleft()
        self._waiting.extendleft(reversed(batch))
        self.log.flush()

    def _put(self, record: dict[str, Any], action: Action) -> bool:
        """Whether the text is on disk; the verdict stands whatever the disk does."""
        try:
            self.quarantine.put(record, action)
        except FileExistsError:
            pass  # written, though its writer was told otherwise
        except (OSError, GwError) as error:
            logger.error("quarantine.write_failed", extra={"decision": record["id"], "error": type(error).__name__})
            return False
        return True
