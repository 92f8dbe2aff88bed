"""A gateway's protocol side without sockets: clients on links that keep what was sent, greenlets that run at once."""

import json
from collections.abc import Callable
from typing import Any

from gw._native.wsframe import Decoder, encode_event
from gw.access.admission import Admission, Secrets
from gw.access.pairing import Pairings
from gw.access.throttle import LoginThrottle
from gw.methods.client import Client, Frames, Services
from gw.methods.events import EventBus
from gw.methods.handshake import Handshake
from gw.methods.router import Guard, Router
from gw.observe.metrics import Metrics
from gw.ports import UpgradeFacts
from gw.wire.connect import Server
from tests.support.policies import FakeClock
from tests.support.tables import event_table, method_table, shape_of

Json = Any
TOKEN = "the-shared-secret"


class MemoryFile:
    """access.pairing.RecordFile that keeps what a file would, as text."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.saves = 0

    def load(self) -> Json | None:
        return None if self.text is None else json.loads(self.text)

    def save(self, records: Json) -> None:
        self.text = json.dumps(records)
        self.saves += 1


class FakeLink:
    """ports.Link: keeps frames decoded, timers by hand."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Json]] = []
        self.closed_with: tuple[int, str] | None = None
        self.resumed = 0
        self.most_bytes = 0
        self.events_sent = 0
        self.timers: list[tuple[float, Callable[[], object]]] = []
        self._decoder = Decoder(max_message_bytes=1 << 26, client=True)

    @property
    def buffered_bytes(self) -> int:
        return 0

    def send(self, payload: bytes) -> None:
        if self.closed_with is None:
            self.sent.append(json.loads(payload))

    def send_frame(self, frame: bytes) -> None:
        for _, payload in self._decoder.feed(frame):
            self.send(payload)

    def send_event(self, body: bytes) -> None:
        self.events_sent += 1
        self.send_frame(encode_event(body, self.events_sent))

    def close(self, code: int, reason: str = "") -> None:
        if self.closed_with is None:
            self.closed_with = (code, reason)

    def resume(self) -> None:
        self.resumed += 1

    def limit_messages(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes

    def call_later(self, seconds: float, function: Callable[[], object]) -> Callable[[], None]:
        timer = (seconds, function)
        self.timers.append(timer)
        return lambda: self.timers.remove(timer) if timer in self.timers else None

    @property
    def answers(self) -> list[dict[str, Json]]:
        return [frame for frame in self.sent if frame["type"] == "res"]

    def events(self, name: str) -> list[dict[str, Json]]:
        return [frame for frame in self.sent if frame.get("event") == name]


class Stage:
    """Everything a Client needs; `spawned` collects greenlets when `lazy`, else they run at once."""

    def __init__(self, *families: object, guard: Guard | None = None, lazy: bool = False) -> None:
        self.clock = FakeClock()
        self.metrics = Metrics()
        self.bus = EventBus(event_table())
        self.spawned: list[Callable[[], object]] = []
        self.lazy = lazy
        self.announced: list[Any] = []
        self.router = Router(
            method_table(),
            spawn=self.spawn,
            guard=guard,
            announce=lambda decision, call: self.announced.append((decision, call.method)),
            shapes=lambda names: {name: shape_of(name) for name in SHAPED if name in names},
        )
        self.router.attach(*families)
        self.pairings = Pairings(MemoryFile())
        self.joined: list[Client] = []
        self.left: list[Client] = []
        self.services = Services(
            router=self.router,
            bus=self.bus,
            handshake=Handshake(
                Admission(lambda: Secrets("token", TOKEN), self.pairings, LoginThrottle(1000)),
                self.router,
                Server("1.2.3", "build-1", "boot-1"),
                shape_of("connect"),
                self.clock,
                self.metrics,
                events=lambda protocol: ("tick",),
                snapshot=lambda client: {"uptimeMs": 1},
            ),
            clock=self.clock,
            spawn=self.spawn,
            frames=Frames.of(self.metrics),
            connected=(self.joined.append,),
            left=(self.left.append,),
        )

    def spawn(self, function: Callable[..., object], *args: Any) -> None:
        if self.lazy:
            self.spawned.append(lambda: function(*args))
        else:
            function(*args)

    def run_spawned(self) -> None:
        while self.spawned:
            self.spawned.pop(0)()

    def arrive(self, remote: str = "127.0.0.1", **headers: str) -> "Visitor":
        return Visitor(self, remote, {"host": "127.0.0.1:18789", **headers})

    def enter(self, *scopes: str, **changes: Json) -> "Visitor":
        """A client past its handshake; its link's record starts empty."""
        visitor = self.arrive()
        visitor.connect(*scopes, **changes)
        assert visitor.client.is_open, visitor.link.sent
        visitor.link.sent.clear()
        return visitor


# Methods of the tests' families that have a published shape.
SHAPED = frozenset({"sessions.list", "chat.send", "chat.history", "sessions.patch"})


class Visitor:
    """One client and its link."""

    def __init__(self, stage: Stage, remote: str, headers: dict[str, str]) -> None:
        self.link = FakeLink()
        self.client = Client(self.link, UpgradeFacts(remote, "/", headers, False), stage.services)
        self.client.opened()

    def say(self, frame: Json) -> bool:
        return self.client.message(frame if isinstance(frame, bytes) else json.dumps(frame).encode())

    def ask(self, method: str, params: Json = None, request_id: str = "1") -> bool:
        frame = {"type": "req", "id": request_id, "method": method}
        return self.say(frame if params is None else {**frame, "params": params})

    def connect(self, *scopes: str, **changes: Json) -> bool:
        client = {"id": "cli", "version": "1", "platform": "linux", "mode": "cli", **changes.pop("client", {})}
        params = {
            "minProtocol": 4,
            "maxProtocol": 4,
            "client": client,
            "scopes": list(scopes),
            "auth": {"token": TOKEN},
            **changes,
        }
        return self.ask("connect", params, "c1")

    @property
    def last(self) -> dict[str, Json]:
        return self.link.answers[-1]
