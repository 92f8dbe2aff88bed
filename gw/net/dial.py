"""A WebSocket we open ourselves: connect, TLS, upgrade; from then on a `pump.Connection` like any accepted one.

Knows nothing of what is said. Invariant: a dial ends within its deadlines, in an open connection or in UpstreamError
with no socket left behind; nothing that came right behind the 101 is lost.

RFC 6455 section 4.1 (the client's handshake). No subprotocol and no extension is offered.
"""

import os
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from gevent import socket
from gevent.ssl import SSLContext

from gw import limits
from gw.errors import Expired, UpstreamError
from gw.hub import Deadline
from gw.net.pump import Connection, PumpLimits, make_flusher
from gw.net.transport import transport_for
from gw.ports import Link, Peer

READ_BYTES: Final = 64 * 1024
REFUSAL_BYTES: Final = 64 * 1024  # of a refusal's body, the most that is kept
ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
PORTS: Final = {"ws": 80, "wss": 443, "http": 80, "https": 443}

Headers = tuple[tuple[str, str], ...]


class Target(NamedTuple):
    """Where a server is. `resource` is the path with its query, as it stands in a request line."""

    host: str
    port: int
    is_tls: bool = False
    resource: str = "/"

    @classmethod
    def parse(cls, url: str) -> "Target":
        """From ws://, wss://, http:// or https://; ValueError says what is wrong and quotes nothing secret."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("must be ws://HOST:PORT or wss://HOST:PORT")
        if parts.username or parts.password or parts.fragment:
            raise ValueError("must name no user, password or fragment")
        resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not resource.isascii() or any(character <= " " for character in resource):
            raise ValueError("must have a percent-encoded path")
        return cls(parts.hostname, parts.port or PORTS[parts.scheme], parts.scheme in ("wss", "https"), resource)

    @property
    def authority(self) -> str:
        """What a Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["wss" if self.is_tls else "ws"] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Without the query, which may hold a secret."""
        return f"{'wss' if self.is_tls else 'ws'}://{self.authority}{self.resource.partition('?')[0]}"


@dataclass(frozen=True)
class DialOptions:
    """`headers` are sent besides the handshake's own; one called Host replaces ours."""

    headers: Headers = ()
    tls_ca: Path | None = None  # PEM of the authorities (or the one certificate) to trust instead of the system's
    connect_timeout_s: float = 10.0  # name, TCP and TLS
    upgrade_timeout_s: float = 10.0
    ping_interval_s: float = limits.TICK_INTERVAL_MS / 1000
    pump: PumpLimits = field(default_factory=lambda: PumpLimits(message_bytes=limits.MAX_BUFFERED_BYTES))


class Refused(UpstreamError):
    """The server answered the upgrade with something else than 101; `answer` is that answer as it came."""

    def __init__(self, status: int, answer: bytes) -> None:
        super().__init__(f"it answers the upgrade with HTTP {status}")
        self.status = status
        self.answer = answer


class Opened(NamedTuple):
    """An upgraded socket that nobody reads yet, and what came right behind the 101."""

    sock: Any
    early: bytes


def dial(target: Target, make_peer: Callable[[Link], Peer], options: DialOptions | None = None) -> Connection:
    """Open a WebSocket; the calling greenlet waits. Raises UpstreamError (`Refused` when there was an answer)."""
    options = options or DialOptions()
    return attach(open_websocket(target, options), make_peer, options)


def attach(
    opened: Opened,
    make_peer: Callable[[Link], Peer],
    options: DialOptions,
    on_closed: Callable[[Connection], None] = lambda connection: None,
) -> Connection:
    """Give an upgraded socket to a Peer; from here on everything happens on the hub."""
    transport = transport_for(opened.sock)
    connection = Connection(transport, make_flusher(), options.pump, on_closed, is_client=True)

    def beat() -> None:
        connection.tick()
        connection.call_later(options.ping_interval_s, beat)

    connection.call_later(options.ping_interval_s, beat)
    connection.start(lambda: make_peer(connection), opened.early)
    return connection


def open_websocket(target: Target, options: DialOptions) -> Opened:
    """Connect and upgrade. Raises UpstreamError."""
    sock = open_stream(target, options.tls_ca, options.connect_timeout_s)
    with closing_on_failure(target, sock), Deadline(options.upgrade_timeout_s, "the upgrade"):
        early = _upgrade(sock, target, options.headers)
        sock.settimeout(0.0)
        return Opened(sock, early)


def open_stream(target: Target, tls_ca: Path | None, timeout_s: float) -> Any:
    """A connected gevent socket, with TLS where the target has it. Raises UpstreamError."""
    with Deadline(timeout_s, "connecting"):
        with closing_on_failure(target):
            sock: Any = socket.create_connection((target.host, target.port))
        with closing_on_failure(target, sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.is_tls:  # takes the descriptor over
                sock = client_context(tls_ca).wrap_socket(
                    sock, server_hostname=target.host, do_handshake_on_connect=False
                )
        if target.is_tls:
            with closing_on_failure(target, sock):
                sock.do_handshake()
        return sock


@contextmanager
def closing_on_failure(target: Target, sock: Any = None) -> Iterator[None]:
    """Close *sock* on any exception, and make what the network did an UpstreamError that names the target."""
    try:
        yield
    except BaseException as error:
        if sock is not None:
            sock.close()
        if isinstance(error, OSError | Expired | UpstreamError) and not isinstance(error, Refused):
            raise UpstreamError(f"{target}: {_reason(error)}") from None
        raise


def client_context(tls_ca: Path | None) -> SSLContext:
    """Certificates and host names are always checked. Raises OSError when *tls_ca* cannot be read."""
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # gevent's: the library's own would hold the hub while it waits
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls_ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(tls_ca)
    return context


# --- the upgrade ----------------------------------------------------------------------------------------------------


def _upgrade(sock: Any, target: Target, headers: Headers) -> bytes:
    """Ask for the WebSocket; returns what came behind the 101."""
    key = b64encode(os.urandom(16))
    sock.sendall(upgrade_request(target, key, headers))
    head, rest = read_head(sock)
    status, fields = parse_head(head)
    if status != 101:
        raise Refused(status, head + _rest_of_refusal(sock, fields, rest))
    accept = b64encode(sha1(key + ACCEPT_GUID, usedforsecurity=False).digest()).decode()
    if fields.get("upgrade", "").lower() != "websocket" or fields.get("sec-websocket-accept") != accept:
        raise UpstreamError("its answer to the upgrade is not a WebSocket's")
    if "sec-websocket-extensions" in fields or "sec-websocket-protocol" in fields:
        raise UpstreamError("it chose an extension or subprotocol that was not offered")
    return rest


def upgrade_request(target: Target, key: bytes, headers: Headers) -> bytes:
    own = (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key.decode()),
        ("Sec-WebSocket-Version", "13"),
    )
    named = {name.lower() for name, _ in headers}
    host = () if "host" in named else (("Host", target.authority),)
    return request_head(f"GET {target.resource} HTTP/1.1", (*host, *headers, *own))


def request_head(line: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Request line and header fields as bytes. ValueError: one of them would break out of its line."""
    lines = [line, *(f"{name}: {value}" for name, value in fields)]
    if any("\r" in each or "\n" in each for each in lines):
        raise ValueError("a header field holds a line break")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def read_head(sock: Any) -> tuple[bytes, bytes]:
    """An answer's head with its blank line, and what came behind it. Raises UpstreamError, OSError."""
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > limits.HTTP_HEADER_BYTES:
            raise UpstreamError("its answer's head is too long")
        piece = sock.recv(READ_BYTES)
        if not piece:
            raise UpstreamError("it closed the connection without an answer")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and fields (lower-case names, the last of repeated ones). Raises UpstreamError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise UpstreamError("it does not speak HTTP")
    named = (line.partition(":") for line in lines if line)
    return int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in named}


def _rest_of_refusal(sock: Any, fields: dict[str, str], early: bytes) -> bytes:
    """The body of a refusal as far as it is announced, else to the end of the stream; bounded."""
    announced = fields.get("content-length", "")
    is_number = announced.isdecimal() and len(announced) < 10  # int() refuses to read a number of any length
    most = min(int(announced), REFUSAL_BYTES) if is_number else REFUSAL_BYTES
    body = early
    while len(body) < most and (piece := sock.recv(READ_BYTES)):
        body += piece
    return body[:most]


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return getattr(error, "strerror", None) or str(error)
