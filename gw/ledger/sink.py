"""Takes decisions from the pipeline into the ledgers: the implementation of ports.DecisionSink.

Invariant: a block or hold is on disk in both ledgers before `record` returns, or the loss has been counted and logged;
an allow never waits for the disk.
"""

import logging
from collections.abc import Callable

from gw.errors import GwError
from gw.ledger.decisions import DecisionLog
from gw.ledger.quarantine import Quarantine
from gw.ledger.record import to_record
from gw.ledger.redact import Redactor
from gw.model.action import Action
from gw.model.decision import Decision, Verdict

logger = logging.getLogger(__name__)


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
        self.unquarantined = 0  # entries lost to a full or failing disk
        self._redactor = redactor
        self._masked_groups = masked_groups

    def record(self, decision: Decision, action: Action) -> None:
        record = to_record(decision, action, self._redactor, self._masked_groups())
        durable = decision.verdict is not Verdict.ALLOW
        if durable:
            try:
                self.quarantine.put(record, action)
            except (OSError, GwError) as error:  # the verdict stands whatever the disk does
                self.unquarantined += 1
                logger.error("quarantine.write_failed", extra={"decision": decision.id, "error": type(error).__name__})
        self.log.append(record, durable=durable)
