"""`Pipeline.judge(action) -> Decision`: the one way to a verdict, in every mode.

Knows no frames and no methods. Invariant: always answers, within its bounds: what cannot be judged in time or at all is
held for review (or as the policy says), and a decision is recorded before it is returned.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from gw.defender import scoring
from gw.defender.classes import class_of
from gw.defender.engine import Engine
from gw.defender.ids import ids
from gw.defender.review import Reviews
from gw.errors import Expired, Overloaded
from gw.limits import EVALUATION_TIMEOUT_S
from gw.model.action import Action
from gw.model.decision import Decision, Finding, Verdict
from gw.policy.compiled import CompiledPolicy, Settings
from gw.policy.handle import PolicyHandle
from gw.ports import Clock, DecisionSink, Gate

_OPEN = nullcontext()
DeadlineFactory = Callable[[float, str], AbstractContextManager[object]]


class OpenGate:
    """A gate that lets everything in at once: for the command line and tests."""

    def admit(self) -> AbstractContextManager[None]:
        return _OPEN


def no_deadline(seconds: float, what: str) -> AbstractContextManager[None]:
    """For callers without an event loop; `Pipeline` still measures what passed."""
    return _OPEN


class Pipeline:
    """`audit_only` forces every enforced verdict to allow, whatever the policy's mode."""

    def __init__(
        self,
        policy: PolicyHandle,
        engine: Engine,
        clock: Clock,
        *,
        sink: DecisionSink | None = None,
        reviews: Reviews | None = None,
        gate: Gate | None = None,
        deadline: DeadlineFactory = no_deadline,
        timeout_s: float = EVALUATION_TIMEOUT_S,
        audit_only: bool = False,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        self._policy = policy
        self._engine = engine
        self._clock = clock
        self._sink = sink
        self._reviews = reviews
        self._gate: Gate = gate or OpenGate()
        self._deadline = deadline
        self._timeout_s = timeout_s
        self._new_id = new_id or ids("dec_").__next__
        self.audit_only = audit_only

    def judge(self, action: Action) -> Decision:
        """Judge and record. May wait (a place, a large text, the disk); never raises for what the action contains."""
        return self.settle(self.evaluate(action), action)

    def settle(self, decision: Decision, action: Action) -> Decision:
        """Apply leave given before, record, hold. An allow that is recorded waits in memory for the next write, so who
        cares for microseconds may act on one first."""
        reviews = self._reviews
        if reviews is not None and decision.enforced is Verdict.REVIEW:
            decision = reviews.grant(decision, action)
        if self._sink is not None:
            self._sink.record(decision, action)
        if reviews is not None and decision.enforced is Verdict.REVIEW:
            reviews.hold(decision, action)
        return decision

    def evaluate(self, action: Action) -> Decision:
        """Judge without recording: for dry runs."""
        began = self._clock.monotonic()
        policy = self._policy.current
        settings = policy.settings_for(action)
        findings = self._findings(action, policy, settings)
        elapsed_s = self._clock.monotonic() - began
        if elapsed_s > self._timeout_s and not any(finding.rule == "engine.timeout" for finding in findings):
            findings.append(_unfinished("engine.timeout", action, settings, f"took {elapsed_s:.1f} s"))
        return self._decide(action, policy, settings, findings, elapsed_us=int(elapsed_s * 1e6))

    def _findings(self, action: Action, policy: CompiledPolicy, settings: Settings) -> list[Finding]:
        try:
            with self._gate.admit(), self._deadline(self._timeout_s, "evaluation"):
                return self._engine.run(action, policy, settings)
        except Overloaded as full:
            return [_unfinished("engine.overloaded", action, settings, f"{full.where} is full")]
        except Expired:
            return [_unfinished("engine.timeout", action, settings, f"not done in {self._timeout_s:g} s")]

    def _decide(
        self, action: Action, policy: CompiledPolicy, settings: Settings, findings: list[Finding], *, elapsed_us: int
    ) -> Decision:
        score = scoring.fold(findings, settings.risk)
        audit = self.audit_only or settings.mode == "audit"
        return Decision(  # by place, in the order of its fields: sixteen names cost as much as the score
            self._new_id(),
            action.id,
            action.method,
            action.digest,
            score.verdict,
            score.would,
            Verdict.ALLOW if audit else score.verdict,
            score.score,
            tuple(sorted(findings, key=_gravity)),
            policy.ref,
            "audit" if audit else "enforce",
            elapsed_us,
            self._clock.now_ms(),
            action.session_key,
            action.tool,
            action.channel,
        )


def _gravity(finding: Finding) -> tuple[int, int, int, str]:
    """Sorts the worst first; what weighs the same has the same order in every process."""
    return -finding.floor, -finding.points, finding.part, finding.rule


def _unfinished(rule: str, action: Action, settings: Settings, detail: str) -> Finding:
    """What stands for the findings of an action that could not be judged."""
    risk = settings.risk
    said = risk.on_overload if rule == "engine.overloaded" else risk.on_timeout
    return Finding(rule, floor=risk.on_failure[class_of(action)] if said is None else said, detail=detail)
