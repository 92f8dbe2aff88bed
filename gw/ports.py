"""What the core asks of the outside, as Protocols; the I/O ring and the tests each bring their own.

Typing only: importing this module loads nothing. Invariant: whatever is behind a port never blocks the hub.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from gw.model.action import Action
    from gw.model.decision import Decision

P = ParamSpec("P")
R = TypeVar("R")

# JSON values at the edge, before a module has given them types of its own.
Json = Any


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall clock, ms since the epoch."""

    def monotonic(self) -> float:
        """Seconds, never goes backwards; for durations and deadlines."""


class Offload(Protocol):
    """Runs blocking or GIL-free work in native threads while the calling greenlet waits."""

    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return job(...)'s result; raises Overloaded at once when the pool's queue is full."""


class Latch(Protocol):
    """Something that happens once, and any number of greenlets may wait for."""

    def set(self) -> None: ...

    def wait(self, timeout_s: float) -> bool:
        """Return whether it has happened, at the latest after *timeout_s*."""


class Tasks(Protocol):
    """Starts greenlets, now or later."""

    def spawn(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object: ...

    def after(self, delay_s: float, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
        """Start a greenlet once *delay_s* have passed."""

    def latch(self) -> Latch: ...


class Gate(Protocol):
    """Bounded admission: so many at once, so many waiting, so long."""

    def admit(self) -> AbstractContextManager[None]:
        """Hold a place while inside; raises Overloaded when the queue is full or the turn does not come in time."""


class UpgradeFacts(NamedTuple):
    """What the upgrade request said; `headers` has lower-case names, repeated ones joined by a comma."""

    remote: str  # address of the client, without port; behind a trusted proxy the one it reports
    path: str
    headers: Mapping[str, str]
    is_tls: bool

    @property
    def host(self) -> str:
        return self.headers.get("host", "")

    @property
    def origin(self) -> str | None:
        return self.headers.get("origin")


class Link(Protocol):
    """The transport of one WebSocket peer, as seen by protocol code."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes accepted but not yet handed to the kernel."""

    def send(self, payload: bytes) -> None:
        """Queue one text message. Never blocks; past the buffer limit the link closes itself with 1008."""

    def send_frame(self, frame: bytes) -> None:
        """Queue an already encoded frame (prepared broadcasts)."""

    def send_event(self, body: bytes) -> None:
        """Queue a broadcast event: its JSON object without the closing brace; the link adds its own next `seq`."""

    def close(self, code: int, reason: str = "") -> None:
        """Flush what is queued, send the close frame, then close; later sends are dropped."""

    def resume(self) -> None:
        """Read on after Peer.message returned False; harmless otherwise."""

    def limit_messages(self, most_bytes: int) -> None:
        """Set the largest message accepted from now on (64 KiB before hello, 25 MiB after)."""

    def call_later(self, seconds: float, function: Callable[[], object]) -> Callable[[], None]:
        """Call *function* on the hub unless the link closes first; the answer cancels it."""


class Peer(Protocol):
    """Protocol code of one connection; called on the hub, so none of these may block."""

    def opened(self) -> None: ...

    def message(self, data: bytes) -> bool:
        """Take one complete message. False asks the link to pause reading until Link.resume()."""

    def closed(self, code: int, reason: str) -> None: ...


class HttpClient(Protocol):
    """Outbound HTTPS for reputation and channels; runs in a native pool, the calling greenlet waits."""

    def get(self, url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
        """Return status and body. Raises IntelError("timeout") or IntelError("network"); follows no redirects."""


class DecisionSink(Protocol):
    """Where decisions go."""

    def record(self, decision: "Decision", action: "Action") -> None:
        """Return once the decision is as durable as its verdict demands (blocks: fsynced)."""
