"""Builds the defender for a running gateway: policy, guards, bounds and ledgers, and the router's guard on top.

The only place that joins `defender`, `policy` and `ledger`. Invariant: a gateway without a usable policy or ledger does
not start.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gw.config.secrets import ensure_token, read_secret
from gw.config.settings import Ledger as LedgerSettings
from gw.config.settings import Settings
from gw.defender.cache import AnswerCache
from gw.defender.engine import Engine
from gw.defender.extract import Origin, from_request
from gw.defender.guards import canary, make_guards
from gw.defender.guards.base import Services
from gw.defender.ids import new_action_id
from gw.defender.pipeline import Pipeline
from gw.defender.review import Reviews
from gw.errors import ConfigError
from gw.hub import Deadline, Gate
from gw.ledger.decisions import DecisionLog
from gw.ledger.quarantine import Quarantine
from gw.ledger.receipts import Signer
from gw.ledger.redact import Redactor
from gw.ledger.retention import Keep, prune_decisions, prune_quarantine
from gw.ledger.reviews import ReviewFile
from gw.ledger.sink import LedgerSink
from gw.methods.router import Call
from gw.model.action import Action
from gw.model.decision import Decision, Verdict
from gw.model.problem import Problem
from gw.modes.host_integrity import HostIntegrity
from gw.modes.policy_files import Policies
from gw.modes.reputation import build_reputation, file_digest
from gw.observe.metrics import Metrics
from gw.policy.handle import PolicyHandle
from gw.ports import Clock, Offload

if TYPE_CHECKING:
    from gw.defender.virustotal.lookup import Lookup

logger = logging.getLogger(__name__)

OVERLOADED: Final = "engine.overloaded"  # what the pipeline finds when its gate is full
LEDGER_KEY: Final = "ledger.key"
STOPPED: Final[Mapping[Verdict, str]] = {Verdict.BLOCK: "decision.blocked", Verdict.REVIEW: "decision.held"}
MOST_NAME_CHARS: Final = 64  # of a tool or channel in the log: callers choose them


@dataclass(frozen=True, slots=True)
class Judging:
    pipeline: Pipeline
    policy: PolicyHandle
    log: DecisionLog
    quarantine: Quarantine
    metrics: Metrics
    reviews: Reviews
    ledgers: LedgerSink
    integrity: HostIntegrity
    reputation: "Lookup | None"
    cache: AnswerCache

    def flush(self) -> None:
        """Write what waits for the disk; called about once a second."""
        self.ledgers.flush()
        self.reviews.flush()

    def prune(self, ledger: LedgerSettings, now_ms: int) -> None:
        """Remove what the ledgers have kept long enough; runs in a native thread. Raises OSError."""
        prune_decisions(self.log.folder, Keep(ledger.decisions_days, ledger.decisions_mb << 20), now_ms)
        prune_quarantine(self.quarantine.folder, Keep(ledger.quarantine_days, ledger.quarantine_mb << 20), now_ms)

    def guard(self, call: Call) -> Decision:
        """The router's port: judge one request."""
        info = call.info
        origin = Origin(id=new_action_id(), conn_id=info.conn_id, client_id=info.client_id)
        return self.judge(from_request(call.method, call.params, call.raw, origin))

    def judge(self, action: Action) -> Decision:
        """Judge, record and count one action, whoever asks."""
        return self.settle(self.evaluate(action), action)

    def evaluate(self, action: Action) -> Decision:
        return self.pipeline.evaluate(action)

    def settle(self, decision: Decision, action: Action) -> Decision:
        """The second half of `judge`; what it returns is what counts."""
        decision = self.pipeline.settle(decision, action)
        self.count(decision)
        return decision

    def count(self, decision: Decision) -> None:
        if decision.enforced is not Verdict.ALLOW and not _is_probe(decision):
            logger.info(STOPPED[decision.enforced], extra=_facts(decision))
        self.metrics.add("clawgate_decisions_total", decision.verdict.word, decision.enforced.word, decision.mode)
        self.metrics.histogram("clawgate_eval_seconds").observe(decision.elapsed_us / 1e6)
        for finding in decision.findings:
            self.metrics.add("clawgate_findings_total", finding.rule)
            if finding.rule == OVERLOADED:
                self.metrics.add("clawgate_overload_total", "evaluations")


def _is_probe(decision: Decision) -> bool:
    """Gates are asked again and again whether they bite; that they did stands in `status`."""
    return [finding.rule for finding in decision.reasons] == [canary.RULE]


def _facts(decision: Decision) -> dict[str, str | int]:
    """What the journal may say of it: nothing that was judged, nobody's id. `observe.log` bounds how often."""
    asked = {"method": decision.method, "tool": decision.tool, "channel": decision.channel}
    return {
        "decision": decision.id,
        **{name: value[:MOST_NAME_CHARS] for name, value in asked.items() if value},
        "rules": ",".join(dict.fromkeys(finding.rule for finding in decision.reasons[:2])),
        "score": decision.score,
    }


def build_judging(
    settings: Settings,
    clock: Clock,
    store: Offload,
    files: Offload,
    metrics: Metrics,
    policies: Policies,
) -> Judging:
    """`store` has one worker. Raises ConfigError when a ledger cannot be opened."""
    policy = PolicyHandle(policies.policy, policies.warnings)
    state = settings.gateway.state
    quarantine = Quarantine(state / "quarantine", store)
    try:
        log = DecisionLog(state / "decisions", store, sign=Signer(state / "decisions").receipt)
        log.open()
        reviews = open_reviews(state, store, clock)
    except OSError as error:
        place = str(error.filename or state)
        raise ConfigError([Problem(place, 0, 0, "ledger.open", f"cannot open: {error.strerror}")]) from None
    defender = settings.defender
    integrity = HostIntegrity(settings, lambda: policy.current, clock, files, store)
    reputation = build_reputation(settings, clock, metrics)
    services = Services(clock, integrity.watcher, reputation, lambda path: files.run(file_digest, path))
    cache = AnswerCache(clock)
    engine = Engine(make_guards(services), files, cache)
    gate = Gate(defender.workers, defender.queue, defender.admission_timeout_ms / 1000, "evaluations")
    ledgers = LedgerSink(
        log,
        quarantine,
        Redactor(ledger_key(state), lambda text: policy.current.secret_spans(text)),
        lambda: frozenset(policy.current.redact.get("decision_log", ())),
    )
    pipeline = Pipeline(
        policy,
        engine,
        clock,
        sink=ledgers,
        reviews=reviews,
        gate=gate,
        deadline=Deadline,
        timeout_s=defender.timeout_ms / 1000,
        audit_only=settings.policy.audit_only,
    )
    metrics.watch("clawgate_eval_queue_depth", lambda: gate.waiting)
    metrics.watch("clawgate_policy_generation", lambda: policy.generation)
    return Judging(pipeline, policy, log, quarantine, metrics, reviews, ledgers, integrity, reputation, cache)


def open_reviews(state: Path, store: Offload, clock: Clock) -> Reviews:
    """Held actions and leave as they were when the service stopped; their file is shortened to that. Raises OSError."""
    file = ReviewFile(state / "reviews", store)
    reviews = Reviews(file, clock)
    reviews.restore(file.load())
    file.open(reviews.snapshot())
    return reviews


def ledger_key(state: Path) -> bytes:
    """The key that turns identities into tokens in the ledgers; made on first use."""
    path = state / LEDGER_KEY
    ensure_token(path)
    return read_secret(path).encode()
