"""A server around a scripted Peer, for the tests of the ring."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gw.net.http import Routes
from gw.net.listener import Server, ServerOptions, serve
from gw.net.pump import PumpLimits
from gw.ports import Link, UpgradeFacts
from tests.support.waiting import until


class Script:
    """A ports.Peer that records what it hears and does what `on_message` says (by default: answer the same)."""

    def __init__(self, link: Link, facts: UpgradeFacts) -> None:
        self.link = link
        self.facts = facts
        self.messages: list[bytes] = []
        self.ends: list[tuple[int, str]] = []

    def opened(self) -> None:
        self.on_open(self)

    def message(self, data: bytes) -> bool:
        self.messages.append(data)
        return self.on_message(self, data)

    def closed(self, code: int, reason: str) -> None:
        self.ends.append((code, reason))

    @staticmethod
    def on_open(peer: "Script") -> None:
        pass

    @staticmethod
    def on_message(peer: "Script", data: bytes) -> bool:
        peer.link.send(data)
        return True


class Ring:
    def __init__(self, server: Server, peers: list[Script]) -> None:
        self.server = server
        self.peers = peers
        self.port = server.addresses[0][1]

    def settle(self, condition: Callable[[], bool], what: str = "the expected state") -> None:
        """Wait until *condition* holds."""
        until(condition, what)


@contextmanager
def ring(
    options: ServerOptions | None = None,
    routes: Routes | None = None,
    on_open: Callable[[Script], None] | None = None,
    on_message: Callable[[Script, bytes], bool] | None = None,
    listen: tuple[tuple[str, int], ...] = (("127.0.0.1", 0),),
    **limits: float,
) -> Iterator[Ring]:
    """`limits` are fields of PumpLimits."""
    peers: list[Script] = []

    def make(link: Link, facts: UpgradeFacts) -> Script:
        peer = Script(link, facts)
        if on_open is not None:
            peer.on_open = on_open  # type: ignore[method-assign]
        if on_message is not None:
            peer.on_message = on_message  # type: ignore[method-assign]
        peers.append(peer)
        return peer

    if limits:
        options = ServerOptions(pump=PumpLimits(**limits))  # type: ignore[arg-type]
    server = serve(listen, make, routes or {}, options)
    try:
        yield Ring(server, peers)
    finally:
        server.stop(drain_s=0.2)
