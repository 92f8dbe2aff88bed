"""Methods agent and agent.wait: a turn that is answered twice, and waiting for one from elsewhere.

Knows params and shapes; turns do the work. Invariant: the first answer says `accepted` once the message is durable, the
second how the turn ended.
"""

from typing import Final

from gw.errors import InvalidRequest, Unavailable
from gw.methods.router import Call, rpc
from gw.methods.run_end import RunEnd
from gw.methods.session_commands import SessionCommands
from gw.methods.session_desk import SessionDesk
from gw.methods.turn_request import Request, sender_of
from gw.methods.turns import Turns
from gw.ports import Json
from gw.session import keys, listing
from gw.wire.text import clean_message

DEFAULT_TIMEOUT_S: Final = 600.0  # the stock command line asks for this much
MAX_TIMEOUT_S: Final = 3600.0
WAIT_MS: Final = 30_000


class Agent:
    def __init__(self, desk: SessionDesk, turns: Turns, commands: SessionCommands) -> None:
        self._desk = desk
        self._turns = turns
        self._commands = commands

    @rpc("agent")
    def run(self, call: Call) -> Json:
        params, run_id = call.params, call.params["idempotencyKey"]
        key = self._key(call)
        text = clean_message(params["message"])
        request = Request("agent", key, run_id, text, sender_of(call.info), params, plain=True)
        ack = self._commands.submit(request, call.info)
        if ack.request is None:
            return ack.payload
        call.respond(
            {
                "runId": run_id,
                "sessionKey": key,
                "agentId": self._desk.agent_of(key),
                "status": "accepted",
                "acceptedAt": self._desk.clock.now_ms(),
            }
        )
        self._turns.go(ack)
        if ack.said is not None:
            return RunEnd.spoken(run_id, ack.said, self._desk.clock.now_ms()).agent_answer(run_id)
        end = self._turns.wait(run_id, _seconds(params.get("timeout")))
        if end is None:
            raise Unavailable(f"run {run_id} did not end in time", details={"runId": run_id, "status": "timeout"})
        if end.status == "error":
            raise Unavailable(end.error or "the run failed", details={"runId": run_id}, retryable=False)
        return end.agent_answer(run_id)

    @rpc("agent.wait")
    def wait(self, call: Call) -> Json:
        run_id = call.params["runId"]
        timeout_ms = call.params.get("timeoutMs", WAIT_MS)
        end = self._turns.wait(run_id, min(timeout_ms / 1000, MAX_TIMEOUT_S))
        if end is None:
            return {"runId": run_id, "status": "timeout"}
        answer: dict[str, Json] = {
            "runId": run_id,
            "status": "ok" if end.status == "ok" else "error",
            "startedAt": end.started_at_ms,
            "endedAt": end.ended_at_ms,
        }
        if end.status != "ok":
            answer |= {"error": end.error or end.status}
        return answer

    def _key(self, call: Call) -> str:
        """The session by key, by id, by the recipient, or the agent's main one."""
        desk, params = self._desk, call.params
        if params.get("sessionKey"):
            return desk.key(params, "sessionKey")
        if params.get("sessionId"):
            wanted = listing.Selector("sessionId", params["sessionId"])
            found = listing.matching(desk.book.newest_first(), wanted)
            if not found:
                raise InvalidRequest(f"No session found: {params['sessionId']}")
            return found[0].key
        agent = params.get("agentId")
        if agent is not None and keys.agent_id(agent) not in desk.config.rules.agents:
            raise InvalidRequest(f'unknown agent id "{agent}"')
        return desk.key({**params, "key": "main"})


def _seconds(timeout: int | None) -> float:
    return DEFAULT_TIMEOUT_S if not timeout else min(float(timeout), MAX_TIMEOUT_S)
