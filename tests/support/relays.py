"""A relay between two sides that keep what they get, and a desk that answers when a test says so."""

import json
from typing import Any

from gw import hub
from gw._native.wsframe import TEXT
from gw.errors import Blocked, RequestError
from gw.errors import Held as HeldError
from gw.modes.beside.coverage import Coverage
from gw.modes.guard.lanes import Item
from gw.modes.guard.node_calls import Passes
from gw.modes.guard.relay import Desk, Judged, Relay, Shared
from gw.modes.guard.repeats import Repeats
from gw.modes.guard.witness import Witness
from gw.observe.metrics import Metrics

Json = Any
FREE = frozenset({"connect", "health", "chat.history", "chat.abort", "sessions.abort", "node.invoke.result"})


class FakeSide:
    """A relay.Side."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.opcodes: list[int] = []
        self.at_once: list[bytes] = []  # of `raw`, what did not wait for the end of a turn
        self.closed_with: tuple[int, str] | None = None
        self.resumed = 0
        self.most_bytes = 0

    def send_as(self, opcode: int, payload: bytes) -> None:
        if self.closed_with is None:
            self.raw.append(payload)
            self.opcodes.append(opcode)

    def send_now(self, opcode: int, payload: bytes) -> None:
        self.send_as(opcode, payload)
        self.at_once.append(payload)

    def close(self, code: int, reason: str = "") -> None:
        if self.closed_with is None:
            self.closed_with = (code, reason)

    def resume(self) -> None:
        self.resumed += 1

    def limit_messages(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes

    @property
    def frames(self) -> list[dict[str, Json]]:
        return [json.loads(raw) for raw in self.raw]

    def clear(self) -> None:
        self.raw.clear()
        self.opcodes.clear()


BLOCKED = Blocked("blocked by clawgate: no", details={"code": "GUARD_BLOCKED", "instead": "Do less."})
HELD = HeldError("held for review by clawgate: hm", details={"code": "GUARD_REVIEW"}, retryable=False)


class FakeDesk:
    """A relay.Desk: what is asked waits in `asked` until the test answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[Relay, Item]] = []
        self.waiting: list[tuple[Relay, Item]] = []
        self.writing: list[tuple[Relay, Item]] = []  # blocked, and not on record yet
        self.clock_ms = 1_000_000
        self.holds = 0

    def now_ms(self) -> int:
        return self.clock_ms

    def judge(self, relay: Relay, item: Item) -> None:
        self.asked.append((relay, item))

    def wait(self, relay: Relay, item: Item) -> None:
        self.waiting.append((relay, item))

    def forget(self, item: Item) -> None:
        self.waiting = [pair for pair in self.waiting if pair[1] is not item]

    def allow(self, index: int = 0) -> None:
        self._answer(index, Judged())

    def block(self, index: int = 0, error: RequestError = BLOCKED) -> None:
        self._answer(index, Judged(error))

    def stop(self, index: int = 0) -> None:
        relay, item = self.asked.pop(index)
        self.writing.append((relay, item))
        relay.stopped(item, for_good=True)

    def record(self, index: int = 0) -> None:
        relay, item = self.writing.pop(index)
        relay.judged(item, Judged(BLOCKED))

    def hold(self, index: int = 0) -> None:
        self.holds += 1
        self._answer(index, Judged(HELD, f"held-{self.holds}"))

    def approve(self, index: int = 0) -> None:
        relay, item = self.waiting.pop(index)
        relay.retry(item)

    def deny(self, index: int = 0) -> None:
        relay, item = self.waiting[index]
        relay.refuse(item, BLOCKED)

    def _answer(self, index: int, outcome: Judged) -> None:
        relay, item = self.asked.pop(index)
        relay.judged(item, outcome)


def shared_by(desk: Desk, coverage: Coverage | None = None) -> Shared:
    found = coverage or Coverage(hub.SystemClock(), Metrics())
    return Shared(desk, FREE, Repeats(), Passes(), Witness(lambda: found, lambda: True, hub.spawn))


class Line:
    """One relayed connection, past its hello unless told otherwise."""

    def __init__(self, desk: FakeDesk | None = None, shared: Shared | None = None, *, greeted: bool = True) -> None:
        self.desk = desk or FakeDesk()
        self.shared = shared or shared_by(self.desk)
        self.client, self.gateway = FakeSide(), FakeSide()
        self.relay = Relay("conn-1", self.client, self.gateway, self.shared)
        self.count = 0
        if greeted:
            self.greet()

    def greet(self, device: str = "device-1") -> None:
        params = {"client": {"id": "cli"}, "device": {"id": device}}
        self.say({"type": "req", "id": "c1", "method": "connect", "params": params})
        self.hear({"type": "res", "id": "c1", "ok": True, "payload": {"type": "hello-ok"}})
        self.client.clear()
        self.gateway.clear()
        self.client.resumed = 0

    def say(self, frame: Json, opcode: int = TEXT) -> bool:
        return self.relay.from_client(frame if isinstance(frame, bytes) else json.dumps(frame).encode(), opcode)

    def hear(self, frame: Json, opcode: int = TEXT) -> None:
        self.relay.from_upstream(frame if isinstance(frame, bytes) else json.dumps(frame).encode(), opcode)

    def ask(self, method: str, request_id: str | None = None, **params: Json) -> bool:
        self.count += 1
        return self.say({"type": "req", "id": request_id or str(self.count), "method": method, "params": params})

    @property
    def passed(self) -> list[str]:
        """Ids of the requests that reached the gateway, in order."""
        return [frame["id"] for frame in self.gateway.frames]

    @property
    def answers(self) -> dict[str, Json]:
        """Id -> payload, or the error's code (details.code where there is one)."""
        found = {}
        for frame in self.client.frames:
            if frame["type"] == "res":
                error = frame.get("error") or {}
                code = (error.get("details") or {}).get("code") or error.get("code")
                found[frame["id"]] = frame.get("payload") if frame["ok"] else code
        return found
