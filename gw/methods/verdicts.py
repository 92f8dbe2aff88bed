"""Tells of decisions: every operator by `security.decision`, and who wrote a refused message in their chat.

Knows nothing of how a decision was made. Invariant: an event carries rule names, scores and fixed wording, never the
judged text.
"""

from gw.defender.review import PENDING, Held
from gw.ledger.record import to_event
from gw.methods.events import EventBus
from gw.methods.reviews import held_row
from gw.methods.router import Call, verdict_error
from gw.model.decision import Decision, Verdict


class Verdicts:
    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def publish(self, decision: Decision) -> None:
        self._bus.publish("security.decision", to_event(decision))

    def reviewed(self, held: Held) -> None:
        """Tell of an action that now waits for a person, or of the answer it got."""
        self._bus.publish(f"security.review.{'requested' if held.state == PENDING else 'resolved'}", held_row(held))

    def announce(self, decision: Decision, call: Call) -> None:
        """The router's port. Stock pages show a refused request only as "not sent"; this event shows them why."""
        self.publish(decision)
        if call.method != "chat.send" or decision.enforced is Verdict.ALLOW:
            return
        error = verdict_error(decision)
        instead = (error.details or {}).get("instead")
        refused = {
            "runId": call.params["idempotencyKey"],
            "sessionKey": call.params["sessionKey"],
            "seq": 0,
            "state": "error",
            "errorKind": "refusal",
            "errorMessage": f"{error.message} {instead}" if instead else error.message,
        }
        self._bus.send_to(call.client, "chat", refused)
