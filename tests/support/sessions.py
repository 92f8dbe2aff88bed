"""A gateway's session half without sockets: real router, bus, turns and store; clients that keep what they are sent."""

from collections.abc import Callable, Container, Mapping
from contextlib import contextmanager
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from gw import hub
from gw.methods.events import EventBus, Subscriptions
from gw.methods.router import Router
from gw.model.identity import ConnInfo, Role
from gw.modes.conversing import Conversing, build_conversing
from gw.session.config import SessionConfig
from gw.session.runner import PlainRunner, Runner
from gw.wire import json
from gw.wire.events import EventTable
from gw.wire.methods import MethodTable
from gw.wire.params import Shape, load_shapes
from tests.support.waiting import until

DATA = package_files("gw") / "data"
ADMIN = ("operator.admin", "operator.read", "operator.write", "operator.approvals")
WRITE = ("operator.read", "operator.write")


def read_table(name: str) -> Any:
    return json.loads((DATA / name).read_bytes())


def read_shapes(wanted: Container[str]) -> Mapping[str, Shape]:
    return load_shapes((DATA / "params.json").read_text(encoding="utf-8"), wanted)


class Inline:
    """ports.Offload that runs the job at once, in the caller."""

    def run(self, job: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return job(*args, **kwargs)


class FakeClock:
    """ports.Clock: time passes as it does, `ms` may be moved, and no two readings of the wall clock are the same."""

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self._real = hub.SystemClock()
        self._start = self._real.monotonic()
        self._last = 0
        self.ms = now_ms

    def now_ms(self) -> int:
        self._last = max(self._last + 1, self.ms + int((self._real.monotonic() - self._start) * 1000))
        return self._last

    def monotonic(self) -> float:
        return self._real.monotonic()


class FakeClient:
    """Stands for methods.client.Client: what the router and the bus use of one."""

    def __init__(self, house: "House", conn_id: str, scopes: tuple[str, ...], caps: tuple[str, ...]) -> None:
        self.conn_id = conn_id
        self.info = ConnInfo(
            conn_id=conn_id,
            role=Role.OPERATOR,
            scopes=frozenset(scopes),
            protocol=4,
            client_id="gateway-client",
            client_mode="backend",
            client_version="1",
            platform="linux",
            remote="127.0.0.1",
            is_local=True,
            device_id=conn_id,
            caps=frozenset(caps),
            auth_method="token",
            display_name="lab",
        )
        self.subscriptions = Subscriptions()
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.log: list[str] = []  # answers and events in the order they came
        self._house = house
        self._calls = 0

    def send(self, data: bytes) -> None:
        frame = json.loads(data)
        self.answers.setdefault(frame["id"], []).append(frame)
        self.log.append(f"res {frame['id']}")

    def send_event(self, body: bytes) -> None:
        frame = json.loads(body + b"}")
        self.events.append((frame["event"], frame["payload"]))
        self.log.append(frame["event"])

    def begin(self) -> None:
        self._calls += 1

    def finish(self) -> None:
        pass

    def start(self, method: str, params: dict[str, Any]) -> str:
        """Send a request and do not wait; returns its id."""
        request_id = f"{method}#{len(self.answers)}-{len(self.log)}-{self._calls}"
        self.answers[request_id] = []
        self._house.router.dispatch(self, request_id, method, params, json.dumps(params))  # type: ignore[arg-type]
        return request_id

    def frames(self, method: str, params: dict[str, Any], answers: int = 1) -> list[dict[str, Any]]:
        """Send a request and wait for its answers."""
        request_id = self.start(method, params)
        until(lambda: len(self.answers[request_id]) >= answers, f"{answers} answers to {method}")
        return self.answers[request_id]

    def call(self, method: str, **params: Any) -> Any:
        """The payload of a request that succeeds."""
        frame = self.frames(method, params)[0]
        assert frame["ok"], frame["error"]
        return frame["payload"]

    def error(self, method: str, **params: Any) -> Any:
        """The error of a request that fails."""
        frame = self.frames(method, params)[0]
        assert not frame["ok"], frame["payload"]
        return frame["error"]

    def chat_states(self) -> list[tuple[str, str]]:
        return [(payload["runId"], payload["state"]) for event, payload in self.events if event == "chat"]

    def wait_for(self, event: str, **fields: Any) -> dict[str, Any]:
        """The first event that has these payload fields, waiting for it."""

        def found() -> dict[str, Any] | None:
            for name, payload in self.events:
                if name == event and all(payload.get(key) == value for key, value in fields.items()):
                    return payload
            return None

        until(lambda: found() is not None, f"{event} {fields}")
        payload = found()
        assert payload is not None
        return payload


class House:
    """One state file, one process: `restart` is what a new process would see."""

    def __init__(
        self, path: Path, runner: Runner | None = None, config: SessionConfig | None = None, clock: Any = None
    ) -> None:
        self.path = path
        self.clock = clock or FakeClock()
        self.bus = EventBus(EventTable(read_table("events.json")))
        self.router = Router(MethodTable(read_table("methods.json")), spawn=hub.spawn, shapes=read_shapes)
        self.talk: Conversing = build_conversing(
            path,
            config or SessionConfig(),
            runner or PlainRunner(),
            bus=self.bus,
            clock=self.clock,
            tasks=hub.Greenlets(),
            store=Inline(),
        )
        self.router.attach(*self.talk.families)

    def client(self, name: str = "one", scopes: tuple[str, ...] = ADMIN, caps: tuple[str, ...] = ()) -> FakeClient:
        client = FakeClient(self, name, scopes, caps)
        self.bus.add(client)  # type: ignore[arg-type]
        return client

    def idle(self) -> None:
        """Wait until nothing runs or waits."""
        until(lambda: not self.talk.desk.scheduler.sessions(), "all runs to end")
        hub.sleep(0.01)

    def close(self) -> None:
        self.talk.book.close()


@contextmanager
def house(path: Path, runner: Runner | None = None, **options: Any) -> Any:
    made = House(path, runner, **options)
    try:
        yield made
    finally:
        made.close()
