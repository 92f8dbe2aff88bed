"""What channel code asks of the outside, without any of it: tasks that run when told, a clock that jumps, a scripted
provider."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from gw.channels.account import Wires
from gw.channels.base import Inbound, Peer, Sender
from gw.errors import Expired, SocketClosed, UpstreamError

P = ParamSpec("P")
R = TypeVar("R")
Reply = tuple[int, Mapping[str, str], bytes]


class End(BaseException):
    """How a test leaves a loop that has no end: a provider answers with it."""


def message(message_id: str = "1", text: str = "hi", **fields: Any) -> Inbound:
    base = {
        "channel": "telegram",
        "account": "default",
        "message_id": message_id,
        "timestamp_ms": 1,
        "chat_type": "direct",
        "chat_id": "7",
        "peer": Peer("direct", "7"),
        "sender": Sender("7"),
        "text": text,
    }
    return Inbound(**{**base, **fields})


class Clock:
    def __init__(self) -> None:
        self.at = 1_000.0
        self.slept: list[float] = []

    def now_ms(self) -> int:
        return int(self.at * 1000)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


class Tasks:
    """Runs what was spawned when asked to, in order."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def spawn(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
        self.waiting.append(lambda: function(*args, **kwargs))
        return None

    def after(self, delay_s: float, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
        return self.spawn(function, *args, **kwargs)

    def latch(self) -> Any:
        raise NotImplementedError

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


class Store:
    """ports.Offload without threads; `fail` is raised by the next jobs."""

    def __init__(self) -> None:
        self.fail: Exception | None = None

    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self.fail is not None:
            raise self.fail
        return job(*args, **kwargs)


class Http:
    """A provider that answers what it is told to, in order; an exception is raised."""

    def __init__(self, *replies: Reply | BaseException) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, str, bytes]] = []

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        self.asked.append((method, url, body))
        if not self.replies:
            raise UpstreamError("network")
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply


class Socket:
    """Frames to receive, in order; an int closes with that code, None is silence."""

    def __init__(self, *frames: bytes | int | None, clock: Clock | None = None) -> None:
        self.frames = list(frames)
        self.sent: list[bytes] = []
        self.closed_with: int | None = None
        self._clock = clock

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def receive(self, timeout_s: float) -> bytes:
        frame = self.frames.pop(0) if self.frames else 1006
        if frame is None:
            if self._clock is not None:
                self._clock.at += timeout_s
            raise Expired("nothing")
        if isinstance(frame, int):
            raise SocketClosed(frame)
        return frame

    def close(self, code: int = 1000) -> None:
        self.closed_with = code


class World:
    """All of it, and the Wires made of it."""

    def __init__(self, folder: Path, *replies: Reply | BaseException) -> None:
        self.folder = folder
        self.clock = Clock()
        self.tasks = Tasks()
        self.store = Store()
        self.http = Http(*replies)
        self.sockets: list[Socket | BaseException] = []
        self.dialled: list[str] = []

    def dial(self, url: str, timeout_s: float) -> Socket:
        self.dialled.append(url)
        socket: Socket | BaseException = self.sockets.pop(0) if self.sockets else UpstreamError("network")
        if isinstance(socket, BaseException):
            raise socket
        return socket

    def wires(self) -> Wires:
        return Wires(self.http, self.http, self.dial, self.clock, self.tasks, self.store, self.clock.sleep)
