"""The events of one run, in the order clients know: chat states and agent streams with one counter per run.

Knows the bus and the shapes; what happens to a run is decided elsewhere. Invariant: `payload.seq` never goes back, and
a run says final, aborted or error once.

Source: openclaw/PROTOCOL.md section 6, traces client_chat_stream_abort_history and cli_remote_*.
"""

from collections.abc import Mapping

from gw.methods.events import EventBus
from gw.ports import Clock, Json


def text_message(text: str, at_ms: int) -> dict[str, Json]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}], "timestamp": at_ms}


class RunEvents:
    def __init__(
        self, bus: EventBus, clock: Clock, *, run_id: str, key: str, session_id: str, agent_id: str, plain: bool
    ) -> None:
        """`plain` runs (method agent) show no preparation states."""
        self._bus = bus
        self._clock = clock
        self._run_id = run_id
        self._key = key
        self._session_id = session_id
        self._agent_id = agent_id
        self._plain = plain
        self._seq = 0
        self._said_last = False

    def status(self, phase: str) -> None:
        if not self._plain:
            self._chat({"state": "status", "phase": phase}, self._seq + 1)
            self._agent("run_status", {"phase": phase})

    def lifecycle(self, phase: str, **data: Json) -> None:
        self._agent("lifecycle", {"phase": phase, **data}, sessionId=self._session_id)

    def delta(self, delta: str, whole: str, item_id: str) -> None:
        self._agent("assistant", {"text": whole, "delta": delta, "itemId": item_id})
        message = text_message(whole, self._clock.now_ms())
        self._chat({"state": "delta", "deltaText": delta, "message": message}, self._seq)

    def usage(self, usage: Mapping[str, Json]) -> None:
        if usage.get("output"):
            self._agent("usage", {"outputTokens": usage["output"]})

    def tool(self, phase: str, name: str, call_id: str, data: Mapping[str, Json], conn_id: str | None) -> None:
        """Arguments go to whoever started the run and asked for them (cap tool-events) and to message subscribers;
        everybody else sees that a tool runs."""
        if phase in ("start", "result"):
            item = {
                "itemId": f"tool:{call_id}",
                "phase": "start" if phase == "start" else "end",
                "kind": "tool",
                "name": name,
                "title": name.capitalize(),
                "toolCallId": call_id,
            }
            if phase == "start":
                self._agent("item", item)
        payload = self._payload("tool", {"phase": phase, "name": name, "toolCallId": call_id, **data})
        self._bus.publish(
            "agent",
            payload,
            session_key=self._key,
            only=lambda client: client.conn_id == conn_id and "tool-events" in client.info.caps,
        )
        self._bus.publish("session.tool", payload, session_key=self._key)
        if phase == "result":
            self._agent("item", {**item, "status": "failed" if data.get("isError") else "completed"})

    def final(self, text: str | None, stop_reason: str | None = None) -> None:
        """The last word of a request; without a text its work goes on under another run."""
        state: dict[str, Json] = {"state": "final"}
        if stop_reason is not None:
            state["stopReason"] = stop_reason
        if text is not None:
            state["message"] = text_message(text, self._clock.now_ms())
        self._last(state, self._seq)

    def aborted(self, reason: str, partial: str) -> None:
        state: dict[str, Json] = {"state": "aborted", "stopReason": reason}
        if partial:
            state["message"] = text_message(partial, self._clock.now_ms())
        self._last(state, self._seq + 1)

    def error(self, message: str, kind: str) -> None:
        self._last({"state": "error", "errorMessage": message, "errorKind": kind}, self._seq)

    def _last(self, state: Mapping[str, Json], seq: int) -> None:
        if not self._said_last:
            self._said_last = True
            self._chat(state, seq)

    def _chat(self, state: Mapping[str, Json], seq: int) -> None:
        payload = {
            "runId": self._run_id,
            "sessionKey": self._key,
            "agentId": self._agent_id,
            "seq": seq,
            **state,
        }
        self._bus.publish("chat", payload, session_key=self._key)

    def _agent(self, stream: str, data: Mapping[str, Json], **fields: Json) -> None:
        self._bus.publish("agent", self._payload(stream, data, **fields), session_key=self._key)

    def _payload(self, stream: str, data: Mapping[str, Json], **fields: Json) -> dict[str, Json]:
        self._seq += 1
        return {
            "runId": self._run_id,
            "sessionKey": self._key,
            **fields,
            "agentId": self._agent_id,
            "stream": stream,
            "data": data,
            "seq": self._seq,
            "ts": self._clock.now_ms(),
            "isHeartbeat": False,
        }


def superseded(bus: EventBus, clock: Clock, run_id: str, key: str, agent_id: str, reason: str) -> None:
    """A waiting request that a newer message pushed aside: final without a message, then aborted."""
    for state in ({"state": "final"}, {"state": "aborted", "stopReason": reason}):
        payload = {"runId": run_id, "sessionKey": key, "agentId": agent_id, "seq": 1, **state}
        bus.publish("chat", payload, session_key=key)
