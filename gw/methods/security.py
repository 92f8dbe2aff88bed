"""`security.*`: judge something, read the ledgers, see which policy is in force.

Knows no files of its own; ledgers are read through the store pool. Invariant: nothing here changes a verdict or a
ledger entry.
"""

from collections.abc import Callable
from typing import Final

from gw.defender.pipeline import Pipeline
from gw.defender.rows import to_action
from gw.errors import InvalidRequest, PolicyError, Unavailable
from gw.ledger.decisions import DecisionLog, read_latest
from gw.ledger.quarantine import Quarantine
from gw.ledger.record import to_event
from gw.methods.router import Call, rpc
from gw.model.decision import Decision, Verdict
from gw.policy.handle import PolicyHandle
from gw.ports import Clock, Json, Offload

MAX_ROWS: Final = 1000
DEFAULT_ROWS: Final = 100


class Security:
    """`publish(decision)` announces a recorded decision as event `security.decision`."""

    def __init__(
        self,
        pipeline: Pipeline,
        policy: PolicyHandle,
        log: DecisionLog,
        quarantine: Quarantine,
        offload: Offload,
        clock: Clock,
        publish: Callable[[Decision], None] = lambda decision: None,
        reload: Callable[[], object] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._policy = policy
        self._log = log
        self._quarantine = quarantine
        self._offload = offload
        self._clock = clock
        self._publish = publish
        self._reload = reload

    @rpc("security.evaluate")
    def evaluate(self, call: Call) -> Json:
        """Judge {prompt|command|url|path|output, tool, args, channel, ...}; `dryRun: true` leaves no record."""
        try:
            info = call.info
            action = to_action(
                call.params, mode="rpc", action_id=call.id, conn_id=info.conn_id, client_id=info.client_id
            )
        except ValueError as error:
            raise InvalidRequest(f"security.evaluate: {error}") from None
        if call.params.get("dryRun") is True:
            return to_answer(self._pipeline.evaluate(action))
        decision = self._pipeline.judge(action)
        self._publish(decision)
        return to_answer(decision)

    @rpc("security.decisions")
    def decisions(self, call: Call) -> Json:
        """Newest first: {limit, verdict}."""
        limit = _limit(call)
        wanted = _verdict(call.params.get("verdict"))
        self._log.flush()
        rows = self._offload.run(_latest, self._log, limit, wanted)
        return {"decisions": rows, "dropped": self._log.dropped}

    @rpc("security.quarantine.list")
    def quarantined(self, call: Call) -> Json:
        return {"entries": self._offload.run(self._quarantine.list, _limit(call))}

    @rpc("security.quarantine.get")
    def quarantine_entry(self, call: Call) -> Json:
        decision_id = call.params.get("id")
        if not isinstance(decision_id, str):
            raise InvalidRequest("security.quarantine.get: `id` must be the id of a decision")
        entry = self._offload.run(self._quarantine.get, decision_id)
        if entry is None:
            raise InvalidRequest(f"security.quarantine.get: no entry {decision_id[:80]}")
        return {"entry": entry}

    @rpc("security.policy")
    def policy(self, call: Call) -> Json:
        """Which policy is in force, and why a newer one is not."""
        policy = self._policy.current
        risk = policy.settings.risk
        sections = [rule.section for rule in policy.rules.values()]
        return {
            **policy.ref._asdict(),
            "mode": "audit" if self._pipeline.audit_only else policy.settings.mode,
            "rules": {section: sections.count(section) for section in ("deny", "allow", "score")},
            "risk": {"reviewAt": risk.review_at, "blockAt": risk.block_at},
            "warnings": [str(problem) for problem in self._policy.warnings],
            "failure": [str(problem) for problem in self._policy.failure],
        }

    @rpc("security.policy.reload")
    def reload(self, call: Call) -> Json:
        """Read the policy files again now; a broken set is refused with its problems and changes nothing."""
        if self._reload is None:
            raise Unavailable("policies are not reloaded here", retryable=False)
        try:
            self._reload()
        except PolicyError as error:
            problems = [str(problem) for problem in error.problems]
            raise InvalidRequest(f"policy refused: {error}", details={"problems": problems}) from None
        return self.policy(call)

    @rpc("security.quarantine.release")
    def release(self, call: Call) -> Json:
        """Mark an entry as a false alarm: it counts as overturned in the report of its rules."""
        self._mark(call, "released")
        return {"released": True}

    @rpc("security.quarantine.purge")
    def purge(self, call: Call) -> Json:
        """Remove the text of an entry; that it was there stays on record."""
        self._mark(call, "purged")
        return {"purged": True}

    def _mark(self, call: Call, what: str) -> None:
        decision_id = call.params.get("id")
        note = call.params.get("note", "")
        if not isinstance(decision_id, str) or not isinstance(note, str):
            raise InvalidRequest(f"{call.method}: `id` must be the id of a decision, `note` text")
        by = call.info.display_name or call.info.client_id
        if not self._offload.run(self._quarantine.mark, decision_id, what, by, note, self._clock.now_ms()):
            raise InvalidRequest(f"{call.method}: no entry {decision_id[:80]}")


def to_answer(decision: Decision) -> dict[str, Json]:
    """What the asker of a verdict needs: the event's fields, and what to say."""
    worst = next((finding for finding in decision.findings if finding.live and (finding.say or finding.instead)), None)
    return {
        **to_event(decision),
        "say": worst.say if worst else "",
        "instead": worst.instead if worst else "",
    }


def _latest(log: DecisionLog, limit: int, wanted: Verdict | None) -> list[dict[str, Json]]:
    rows = []
    for record in read_latest(log.folder, MAX_ROWS * 10 if wanted is not None else limit):
        if wanted is None or record["verdict"] == wanted.word:
            rows.append(record)
            if len(rows) >= limit:
                break
    return rows


def _limit(call: Call) -> int:
    limit = call.params.get("limit", DEFAULT_ROWS)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_ROWS:
        raise InvalidRequest(f"{call.method}: `limit` must be a whole number from 1 to {MAX_ROWS}")
    return limit


def _verdict(word: Json) -> Verdict | None:
    if word is None:
        return None
    if word not in ("allow", "review", "block"):
        raise InvalidRequest("security.decisions: `verdict` must be allow, review or block")
    return Verdict.parse(word)
