"""The guard's proof of itself: at a steady interval something that is always refused takes both ways through it.

Knows no sockets: HTTP is asked through `ask`. Invariant: a probe names a tool that exists nowhere, so an open gate lets
nothing happen; only the guard's own refusal, with nothing passed on, counts as a bite.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from uuid import uuid4

from gw import hub
from gw.defender.guards.canary import RULE
from gw.errors import Expired
from gw.modes.beside.canary import Outcome, Record, new_word
from gw.modes.guard.relay import Relay, Shared
from gw.ports import Json
from gw.wire import frames, json

PROBE_S: Final = 10.0  # a refusal is on disk before it is told
WEBSOCKET, HTTP = "guard", "guard-http"
REFUSED: Final = b"HTTP/1.1 403 "


class Proof:
    """`ask(request, timeout_s)` has the guarded port answer one HTTP request, and raises Expired or OSError;
    `headers()` let it in."""

    def __init__(
        self,
        shared: Shared,
        ask: Callable[[bytes, float], bytes],
        headers: Callable[[], Mapping[str, str]],
        record: Record,
    ) -> None:
        self._shared = shared
        self._ask = ask
        self._headers = headers
        self._record = record

    def run(self, every_s: float) -> None:
        """For ever."""
        while True:
            for gate, outcome in self.probe():
                self._record.note(gate, outcome)
            hub.sleep(every_s)

    def probe(self) -> Iterator[tuple[str, Outcome]]:
        yield WEBSOCKET, probe_relay(self._shared)
        yield HTTP, self._probe_http()

    def _probe_http(self) -> Outcome:
        body = json.dumps({"tool": new_word(), "args": {}})
        named = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body)), **self._headers()}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        try:
            answer = self._ask(f"POST /tools/invoke HTTP/1.1\r\n{head}\r\n".encode() + body, PROBE_S)
        except (Expired, OSError):
            answer = b""
        if not answer:
            return Outcome.UNREACHABLE
        return Outcome.BITES if answer.startswith(REFUSED) and RULE.encode() in answer else Outcome.OPEN


class End:
    """A relay.Side that keeps what it is sent."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.heard = hub.Latch()

    def send_as(self, opcode: int, payload: bytes) -> None:
        self.said.append(payload)
        self.heard.set()

    send_now = send_as

    def close(self, code: int, reason: str = "") -> None: ...

    def resume(self) -> None: ...

    def limit_messages(self, most_bytes: int) -> None: ...


def probe_relay(shared: Shared) -> Outcome:
    """A connection past its hello, between two ends of ours; what is judged and recorded is as for any other."""
    client, gateway = End(), End()
    relay = Relay(f"canary-{uuid4()}", client, gateway, shared)
    relay.from_client(_request("hello", "connect", {}))
    relay.from_upstream(frames.answer("hello", {}))
    gateway.said.clear()
    client.said.clear()
    client.heard = gateway.heard = hub.Latch()
    relay.from_client(_request("probe", "tools.invoke", {"name": new_word(), "args": {}}))
    client.heard.wait(PROBE_S)
    relay.client_gone(1000, "")
    if gateway.said:
        return Outcome.OPEN
    return Outcome.BITES if any(RULE.encode() in answer for answer in client.said) else Outcome.UNREACHABLE


def _request(request_id: str, method: str, params: Json) -> bytes:
    return json.dumps({"type": "req", "id": request_id, "method": method, "params": params})
