"""Turns that nobody typed: timers, webhooks, wake-ups and heartbeats, judged and submitted like any message.

Knows turns and the outlet, not what made the errand. Invariant: an errand is judged each time it is due, under the
policy of that moment; one that is stopped leaves nothing in a session; one id is one turn.
"""

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from gw.defender.extract import Origin, from_request
from gw.defender.ids import new_action_id
from gw.errors import InvalidRequest
from gw.methods.outlet import Judge, Outlet, Target, Tell
from gw.methods.router import verdict_error
from gw.methods.run_end import RunEnd
from gw.methods.session_desk import SessionDesk
from gw.methods.turn_request import Request, Sender
from gw.methods.turns import Turns
from gw.model.action import Provenance
from gw.model.decision import Verdict
from gw.ports import Json
from gw.session import keys
from gw.wire import json
from gw.wire.text import clean_message

logger = logging.getLogger(__name__)

METHOD: Final = "channel.message"
# Answers to a heartbeat that say nothing (ROUTING.md section 11).
IDLE: Final = ("HEARTBEAT_OK", "NO_REPLY")
IDLE_CHARS: Final = 300


class Errand(NamedTuple):
    """`source` is cron, hook, wake or heartbeat; policies see it as the channel. `key` is the stored session key."""

    source: str
    name: str  # for people and ledgers
    key: str
    run_id: str
    text: str
    provenance: Provenance = Provenance.USER
    deliver: Target | None = None
    params: Mapping[str, Json] = {}  # model, thinking, timeoutMs: the runner's
    heartbeat: bool = False


class Errands:
    def __init__(self, desk: SessionDesk, turns: Turns, outlet: Outlet | None, judge: Judge, tell: Tell) -> None:
        self._desk = desk
        self._turns = turns
        self._outlet = outlet
        self._judge = judge
        self._tell = tell

    def start(self, errand: Errand) -> dict[str, Json]:
        """Returns what `chat.send` would: runId and status (started, in_flight, ok, error, dropped).

        Raises Blocked or Held when the policy stops it, and what Turns.submit raises.
        """
        self.check(errand)
        request = Request(
            errand.source,
            errand.key,
            errand.run_id,
            clean_message(errand.text.replace("\0", "")),
            Sender(errand.source, errand.source, errand.name, errand.source, {"errand": errand.source}),
            {**errand.params, "message": errand.text},  # what the idempotency key stands for
            reason=errand.source,
            heartbeat=errand.heartbeat,
            reply=lambda end: self._ended(errand, end),
            via={"cron": "cron", "hook": "channel"}.get(errand.source, "internal"),
        )
        ack = self._turns.submit(request)
        self._turns.go(ack)
        return ack.payload

    def wait(self, run_id: str, timeout_s: float) -> RunEnd | None:
        """How an errand ended, whichever run it became part of; None when it did not in time."""
        return self._turns.wait(run_id, timeout_s)

    def last_target(self, key: str) -> Target | None:
        """Where a session last talked to somebody outside."""
        delivery = (self._desk.book.get(key) or {}).get("delivery") or {}
        if delivery.get("kind") != "external" or not delivery.get("to"):
            return None
        channel, account = str(delivery["channel"]), str(delivery.get("accountId") or "default")
        return Target(channel, account, str(delivery["to"]), str(delivery.get("threadId") or ""))

    def check(self, errand: Errand) -> None:
        """Judge it. Raises Blocked or Held."""
        said = {"message": errand.text}
        agent = self._desk.agent_of(errand.key)
        params = {**said, "channel": errand.source, "sessionKey": errand.key, "agentId": agent}
        origin = Origin(id=new_action_id(), sender=f"{errand.source}:{errand.name}")
        action = from_request(METHOD, params, json.dumps(said), origin)
        decision = self._judge(action._replace(provenance=errand.provenance))
        if decision.verdict is not Verdict.ALLOW:
            self._tell(decision)
        if decision.enforced is not Verdict.ALLOW:
            raise verdict_error(decision)

    def _ended(self, errand: Errand, end: RunEnd) -> None:
        text = end.text.strip()
        if errand.deliver is None or self._outlet is None or end.status != "ok" or not text:
            return
        if errand.heartbeat and is_idle(text):
            return
        agent = self._desk.agent_of(errand.key)
        self._outlet.answer(errand.deliver, text, errand.run_id, errand.key, agent)


def is_idle(text: str) -> bool:
    """Whether an answer to a heartbeat says that there is nothing to say."""
    for word in IDLE:
        if text.upper().startswith(word) or text.upper().endswith(word):
            return len(text) - len(word) <= IDLE_CHARS
    return False


def session_key(desk: SessionDesk, wanted: str | None, agent: str | None) -> str:
    """The stored key of a session named by a caller; the agent's main session by default. Raises InvalidRequest."""
    if agent is not None and keys.agent_id(agent) not in desk.config.rules.agents:
        raise InvalidRequest(f'agent "{agent}" not found')
    return keys.to_store_key(wanted or "main", desk.config.rules, agent)
