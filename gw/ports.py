"""What the core asks of the outside, as Protocols; the I/O ring and the tests each bring their own.

Typing only: importing this module loads nothing. Invariant: whatever is behind a port never blocks the hub.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar

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


class Link(Protocol):
    """The transport of one WebSocket peer, as seen by protocol code."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes accepted but not yet handed to the kernel."""

    def send(self, payload: bytes) -> None:
        """Queue one text message. Never blocks; past the buffer limit the link closes itself with 1008."""

    def send_frame(self, frame: bytes) -> None:
        """Queue an already encoded frame (prepared broadcasts)."""

    def close(self, code: int, reason: str = "") -> None:
        """Flush what is queued, send the close frame, then close; later sends are dropped."""


class Peer(Protocol):
    """Protocol code of one connection; called on the hub, so none of these may block."""

    def opened(self) -> None: ...

    def message(self, data: bytes) -> bool:
        """Take one complete message. False asks the link to pause reading until Link.resume()."""

    def closed(self, code: int, reason: str) -> None: ...


class DecisionSink(Protocol):
    """Where decisions go."""

    def record(self, decision: Any, action: Any) -> None:
        """Return once the decision is as durable as its verdict demands (blocks: fsynced)."""
