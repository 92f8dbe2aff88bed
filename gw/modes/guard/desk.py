"""Judges what relays ask, and wakes what waits for a person when one has spoken.

Knows no frames beyond an item's parameters. Invariant: every item that is judged gets an answer, whatever fails; one
that waits ends by leave, by refusal, or by its time.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from gw import hub
from gw.defender.extract import Origin, from_event, from_request
from gw.defender.ids import new_action_id
from gw.defender.review import APPROVED, DENIED, PENDING, Held, Reviews
from gw.errors import Blocked, RequestError, Unavailable
from gw.errors import Held as HeldError
from gw.methods.router import verdict_error
from gw.model.action import Action
from gw.model.decision import Decision, Verdict
from gw.modes.guard import node_events
from gw.modes.guard.lanes import Item
from gw.modes.guard.node_calls import GUARDED_EVENTS
from gw.modes.guard.relay import LEAVE, Judged, Relay
from gw.ports import Clock

logger = logging.getLogger(__name__)

SETTLE_S: Final = 0.005  # a record may wait so long: the answer to what passed is not to wait behind it


class Judge(Protocol):
    def evaluate(self, action: Action) -> Decision: ...

    def settle(self, decision: Decision, action: Action) -> Decision:
        """Apply leave, record and count; what it returns is what counts."""


class GuardDesk:
    """A relay.Desk. `tell` publishes what was not simply allowed."""

    def __init__(
        self,
        judge: Judge,
        reviews: Reviews,
        tell: Callable[[Decision], None],
        clock: Clock,
        hold_s: float,
    ) -> None:
        self._judge = judge
        self._reviews = reviews
        self._tell = tell
        self._clock = clock
        self._hold_s = hold_s
        self._crew = hub.Crew()
        self._waiting: dict[str, dict[Item, Relay]] = {}  # by held action
        self._latches: dict[str, list[hub.Latch]] = {}  # HTTP requests that wait, by held action
        self._timers: dict[Item, Any] = {}
        self._unsettled: list[tuple[Decision, Action]] = []  # allowed and passed on, at most SETTLE_S ago

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values())) + sum(map(len, self._latches.values()))

    # --- relay.Desk ---------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def judge(self, relay: Relay, item: Item) -> None:
        self._crew.spawn_now(self._judge_item, relay, item)

    def wait(self, relay: Relay, item: Item) -> None:
        assert item.review is not None
        self._waiting.setdefault(item.review, {})[item] = relay
        if item not in self._timers:
            patience_s = self._hold_s if item.patience_s is None else min(self._hold_s, item.patience_s)
            self._timers[item] = hub.Greenlets().after(patience_s, self._give_up, relay, item)

    def forget(self, item: Item) -> None:
        timer = self._timers.pop(item, None)
        if timer is not None:
            timer.kill(block=False)
        waiting = self._waiting.get(item.review or "")
        if waiting is not None:
            waiting.pop(item, None)
            if not waiting:
                del self._waiting[item.review or ""]

    def _judge_item(self, relay: Relay, item: Item) -> None:
        if item.is_done:
            return
        try:
            action = self._action(relay, item)
            decision = self._judge.evaluate(action)
            if decision.enforced is Verdict.ALLOW:
                relay.judged(item, LEAVE)
                self._settle_later(decision, action)
            else:
                relay.stopped(item, for_good=decision.enforced is Verdict.BLOCK)
                relay.judged(item, self._outcome(decision, action))
        except Exception:  # the boundary: what cannot be judged is not passed, and its caller is told
            logger.exception("guard.crashed", extra={"method": item.method})
            relay.judged(item, Judged(Unavailable("judging failed inside clawgate")))

    def _action(self, relay: Relay, item: Item) -> Action:
        caller = relay.caller
        origin = Origin(new_action_id(), "guard", conn_id=caller.conn_id, client_id=caller.client_id)
        if item.method == node_events.METHOD:
            origin = origin._replace(provenance=node_events.provenance_of(item.params))
        make = from_event if item.method in GUARDED_EVENTS else from_request
        return make(item.method, item.params, item.raw, origin)

    def _settle_later(self, decision: Decision, action: Action) -> None:
        """Record what passed behind its answer: most of it waits in memory for the log's next write in any case."""
        self._unsettled.append((decision, action))
        if len(self._unsettled) == 1:
            self._crew.spawn(self._settle_soon)

    def _settle_soon(self) -> None:
        hub.sleep(SETTLE_S)
        self.settle()

    def settle(self) -> None:
        """Record everything that passed up to now."""
        batch, self._unsettled = self._unsettled, []
        for decision, action in batch:
            try:
                self._note(self._judge.settle(decision, action))
            except Exception:  # the boundary: one record must not take the others with it
                logger.exception("guard.unrecorded", extra={"decision": decision.id})

    def decide(self, action: Action) -> Judged:
        """Judge and record; may wait. For what is held, the held action that stands for it."""
        return self._outcome(self._judge.evaluate(action), action)

    def _outcome(self, decision: Decision, action: Action) -> Judged:
        self.settle()  # records keep their order, and those of what passed leave with the next that must be on disk
        decision = self._judge.settle(decision, action)
        self._note(decision)
        if decision.enforced is Verdict.ALLOW:
            return LEAVE
        held = self._reviews.waiting(action) if decision.enforced is Verdict.REVIEW else None
        review = held.id if held is not None and held.state == PENDING else None
        return Judged(verdict_error(decision), review)

    def _note(self, decision: Decision) -> None:
        if decision.verdict is not Verdict.ALLOW:
            self._tell(decision)

    def _give_up(self, relay: Relay, item: Item) -> None:
        self._timers.pop(item, None)
        relay.refuse(item, not_yet(item.review or ""))

    # --- people -------------------------------------------------------------------------------------------------

    def reviewed(self, held: Held) -> None:
        """A held action was answered (or is new, which wakes nobody)."""
        if held.state == PENDING:
            return
        for latch in self._latches.pop(held.id, ()):
            latch.set()
        for item, relay in self._waiting.pop(held.id, {}).items():
            if held.state == APPROVED:
                relay.retry(item)
            else:
                relay.refuse(item, denied(held.id))

    def decide_and_wait(self, action: Action) -> RequestError | None:
        """For callers with a greenlet of their own: None when it may pass, at the latest after the time of a hold."""
        until = self._clock.monotonic() + self._hold_s
        outcome = self.decide(action)
        while outcome.error is not None and outcome.review is not None:
            latch = hub.Latch()
            self._latches.setdefault(outcome.review, []).append(latch)
            left_s = until - self._clock.monotonic()
            if left_s <= 0 or not latch.wait(left_s):
                self._unlatch(outcome.review, latch)
                return not_yet(outcome.review)
            if self._reviews.get(outcome.review).state == DENIED:
                return denied(outcome.review)
            outcome = self.decide(action)
        return outcome.error

    def _unlatch(self, review: str, latch: hub.Latch) -> None:
        waiting = self._latches.get(review, [])
        if latch in waiting:
            waiting.remove(latch)
        if not waiting:
            self._latches.pop(review, None)


def not_yet(review: str) -> RequestError:
    """The hold goes on, but its caller has waited long enough; once there is leave, the same request passes."""
    details = {"code": "GUARD_REVIEW", "decisionId": review}
    message = "held for review by clawgate, and nobody has answered yet: ask again later"
    return HeldError(message, details=details, retryable=False)


def denied(review: str) -> RequestError:
    details = {"code": "GUARD_DENIED", "decisionId": review}
    return Blocked("refused by a person, who was asked by clawgate", details=details)
