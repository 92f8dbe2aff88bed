"""A dialled WebSocket that is read by waiting: for code that talks in turns, in a greenlet of its own.

Knows nothing of what is said. Invariant: messages come out in order and none is dropped; a reader that is behind makes
the connection stop reading; once closed, `receive` gives what had arrived and then SocketClosed.
"""

from collections import deque
from pathlib import Path
from typing import Final

from gw.errors import Expired, SocketClosed, UpstreamError
from gw.hub import Latch
from gw.net.dial import DialOptions, Target, dial
from gw.ports import Link

MOST_WAITING: Final = 64  # messages; past it the connection is not read
CLOSE_REASON: Final = "done"


class Dialogue:
    """ports.Peer on one side, `send`, `receive` and `close` on the other. One greenlet receives."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: deque[bytes] = deque()
        self._ended: SocketClosed | None = None
        self._news = Latch()

    # --- ports.Peer -------------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Nothing to do: who dialled goes on once the upgrade is through."""

    def message(self, data: bytes) -> bool:
        self._waiting.append(data)
        self._news.set()
        return len(self._waiting) < MOST_WAITING

    def closed(self, code: int, reason: str) -> None:
        self._ended = SocketClosed(code, reason)
        self._news.set()

    # --- for its greenlet -------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Dropped when the connection is gone, which the next `receive` tells."""
        self._link.send(data)

    def receive(self, timeout_s: float) -> bytes:
        """Raises Expired when nothing came in time, SocketClosed when nothing will."""
        if not self._waiting and self._ended is None:
            self._news = Latch()
            if not self._news.wait(timeout_s):
                raise Expired(f"no message within {timeout_s:g} s")
        if not self._waiting:
            raise self._ended or Expired("no message")
        data = self._waiting.popleft()
        if len(self._waiting) == MOST_WAITING // 2:
            self._link.resume()
        return data

    def close(self, code: int = 1000) -> None:
        if self._ended is None:
            self._link.close(code, CLOSE_REASON)


def open_dialogue(url: str, timeout_s: float, tls_ca: Path | None = None) -> Dialogue:
    """Dial and wait for the upgrade, at most *timeout_s*. Raises UpstreamError."""
    try:
        target = Target.parse(url)
    except ValueError as error:
        raise UpstreamError(f"an address that is none: it {error}") from None
    peers: list[Dialogue] = []

    def make_peer(link: Link) -> Dialogue:
        peers.append(Dialogue(link))
        return peers[0]

    dial(
        target, make_peer, DialOptions(tls_ca=tls_ca, connect_timeout_s=timeout_s / 2, upgrade_timeout_s=timeout_s / 2)
    )
    return peers[0]
