"""The listening side: accepts connections within the caps, serves HTTP on them, keeps those that became WebSockets.

Knows nothing of what peers say: `peer_factory` makes one protocol object per connection. Invariant: every accepted
socket is counted once, by address, from accept to close; none is accepted past the caps.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gevent import socket
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from gw import limits
from gw.errors import Expired
from gw.hub import Deadline, SystemClock, Task, sleep, spawn
from gw.net.http import Handler, Response, Routes, error_response
from gw.net.pump import Connection, PumpLimits, make_flusher
from gw.net.transport import transport_for
from gw.observe.metrics import Metrics
from gw.ports import Link, Peer, UpgradeFacts

if TYPE_CHECKING:
    from gevent.ssl import SSLContext

logger = logging.getLogger(__name__)

BACKLOG = 1024
STOP_POLL_S = 0.02
TICK_SLICE = 128

PeerFactory = Callable[[Link, UpgradeFacts], Peer]


class ServerOptions(NamedTuple):
    tls_cert: Path | None = None  # PEM chain; serves TLS together with tls_key
    tls_key: Path | None = None
    max_connections: int = limits.MAX_CONNECTIONS
    max_connections_per_address: int = limits.MAX_CONNECTIONS_PER_ADDRESS
    trusted_proxies: frozenset[str] = frozenset()  # addresses whose X-Forwarded-* headers are believed
    websocket_paths: frozenset[str] = frozenset({"/"})
    body_bytes: int = limits.HTTP_BODY_BYTES
    ping_interval_s: float = limits.TICK_INTERVAL_MS / 1000
    pump: PumpLimits = PumpLimits()


class _Listener(WSGIServer):  # type: ignore[misc]  # gevent ships no types
    """One bound address. pywsgi owns the HTTP part of a connection, `Server` everything else."""

    application = None  # the handler finds the route itself

    def __init__(self, server: "Server", sock: socket.socket, context: "SSLContext | None") -> None:
        tls = {} if context is None else {"ssl_context": context, "do_handshake_on_connect": False}
        super().__init__(sock, spawn=Pool(None), log=None, error_log=None, **tls)
        self.owner = server
        self.handler_class = server.handler_class
        self.options = server.options
        self.logger = logging.getLogger("geventwebsocket")
        self.logger.disabled = True  # it would quote what clients send

    def update_environ(self) -> None:
        self.environ.update(SERVER_NAME="clawgate", SERVER_PORT=str(self.address[1]))  # without asking the resolver

    def do_handle(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        if self.owner.count_in(address[0]):
            super().do_handle(sock, address)
        else:
            sock.close()

    def do_close(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        super().do_close(sock)
        self.owner.http_ended(address)

    def wrap_socket_and_handle(self, client_socket: socket.socket, address: tuple[Any, ...]) -> None:
        try:
            tls_socket = self.wrap_socket(client_socket, **self.ssl_args)  # takes the descriptor over
        except OSError:
            return  # gone already
        try:
            with Deadline(limits.TLS_HANDSHAKE_TIMEOUT_S, "TLS handshake"):
                tls_socket.do_handshake()
        except BaseException as error:
            tls_socket.close()
            if not isinstance(error, OSError | Expired):
                raise  # we are being stopped
            logger.info("tls.refused", extra={"remote": address[0], "kind": type(error).__name__})
            return
        self.handle(tls_socket, address)


class Server:
    """What `serve` returns: the bound addresses, the live connections, and `stop`."""

    handler_class: type[Handler] = Handler  # what serves the HTTP part of a connection

    def __init__(
        self, peer_factory: PeerFactory, routes: Routes, options: ServerOptions, metrics: Metrics | None
    ) -> None:
        self.options = options
        self.routes = routes
        self.addresses: list[tuple[str, int]] = []
        self.accepted = 0  # WebSockets since start
        self._peer_factory = peer_factory
        self._metrics = metrics
        if metrics is not None:
            metrics.watch("clawgate_connections_total", lambda: self.accepted)
        self._flusher = make_flusher()
        self._listeners: list[_Listener] = []
        self._connections: dict[Connection, str] = {}  # and the address each is counted under
        self._open: Counter[str] = Counter()  # sockets by address, HTTP and WebSocket
        self._adopted: set[tuple[Any, ...]] = set()  # peers whose HTTP greenlet has yet to end
        self._stopping = False
        self._ticker: Task | None = None

    def __len__(self) -> int:
        """WebSocket connections open now."""
        return len(self._connections)

    def start(self, listen: Sequence[tuple[str, int]]) -> None:
        """Bind every address, then accept on all. OSError: one cannot be bound, and then none is."""
        context = _tls_context(self.options)
        bound: list[socket.socket] = []
        try:
            for host, port in listen:
                bound += bind(host, port)
        except OSError:
            for sock in bound:
                sock.close()
            raise
        for sock in bound:
            self.addresses.append(sock.getsockname()[:2])
            listener = _Listener(self, sock, context)
            listener.start()
            self._listeners.append(listener)
        self._ticker = spawn(self._tick)

    def stop(self, drain_s: float = limits.DRAIN_S) -> None:
        """Accept nothing more, tell every WebSocket to come back (1012), and end within *drain_s* seconds."""
        self._stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections):
            connection.close(1012, "service restart")
        clock = SystemClock()
        until = clock.monotonic() + drain_s
        while self._connections and clock.monotonic() < until:
            sleep(STOP_POLL_S)
        for connection in list(self._connections):
            connection.abort()
        for listener in self._listeners:
            listener.pool.kill(timeout=STOP_POLL_S)
        if self._ticker is not None:
            self._ticker.kill()

    # --- accounting ---------------------------------------------------------------------------------------------

    def count_in(self, address: str) -> bool:
        if self._open.total() >= self.options.max_connections:
            where = "connections"
        elif self._open[address] >= self.options.max_connections_per_address:
            where = "connections_per_address"
        else:
            self._open[address] += 1
            return True
        logger.info("connection.refused", extra={"remote": address, "where": where})
        if self._metrics is not None:
            self._metrics.add("clawgate_overload_total", where)
        return False

    def _count_out(self, address: str) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]

    def http_ended(self, address: tuple[Any, ...]) -> None:
        if address in self._adopted:
            self._adopted.discard(address)  # it is a WebSocket now, and counts until that ends
        else:
            self._count_out(address[0])

    # --- WebSockets ---------------------------------------------------------------------------------------------

    def refuse_connection(self) -> Response | None:
        return error_response(503, "unavailable", "the gateway is stopping") if self._stopping else None

    def adopt(self, sock: socket.socket, address: tuple[Any, ...], facts: UpgradeFacts, early: bytes) -> None:
        """Take over a socket whose upgrade has been answered."""
        self.keep(sock, address, early, lambda connection: self._peer_factory(connection, facts))

    def keep(
        self, sock: socket.socket, address: tuple[Any, ...], early: bytes, make_peer: Callable[[Connection], Peer]
    ) -> None:
        connection = Connection(transport_for(sock), self._flusher, self.options.pump, self._ended)
        self._adopted.add(address)
        self._connections[connection] = address[0]
        self.accepted += 1
        connection.start(lambda: make_peer(connection), early)

    def _ended(self, connection: Connection) -> None:
        self._count_out(self._connections.pop(connection))

    def _tick(self) -> None:
        """Let every connection look after its peer's life; in slices, so that thousands do not hold the hub."""
        while True:
            sleep(self.options.ping_interval_s)
            for i, connection in enumerate(list(self._connections)):
                connection.tick()
                if i % TICK_SLICE == TICK_SLICE - 1:
                    sleep(0)


def bind(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets; `localhost` means 127.0.0.1 and, where the machine has it, ::1 on the same port."""
    if host == "localhost":
        first = bind("127.0.0.1", port)
        try:
            return first + bind("::1", first[0].getsockname()[1])
        except OSError:
            return first
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from None
    return [sock]


def _tls_context(options: ServerOptions) -> "SSLContext | None":
    if options.tls_cert is None and options.tls_key is None:
        return None
    from gw.net.tls import server_context  # OpenSSL, only where it is used

    return server_context(options.tls_cert, options.tls_key)


def serve(
    listen: Sequence[tuple[str, int]],
    peer_factory: PeerFactory,
    routes: Routes,
    options: ServerOptions | None = None,
    *,
    metrics: Metrics | None = None,
) -> Server:
    """Bind and start accepting; returns at once. Raises OSError (an address), ConfigError (TLS files)."""
    server = Server(peer_factory, routes, options or ServerOptions(), metrics)
    server.start(listen)
    return server
