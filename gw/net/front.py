"""The guard's own port: HTTP that is handed on to the gateway behind it, and upgrades that are joined to its own.

Knows nothing of methods or verdicts: a `Front` says what has to be read and whether it may pass. Invariant: a request
whose body is judged is sent on with exactly the bytes that were judged; everything else, and every answer, passes as
it comes, without waiting for its end; nothing is sent on before `Front.admit` has let its sender in.
"""

import logging
from contextlib import closing
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from gevent import socket
from gevent.pywsgi import WSGIHandler
from gevent.select import select
from geventwebsocket.handler import WebSocketHandler

from gw.errors import UpstreamError
from gw.hub import Deadline, spawn
from gw.net.dial import Headers, Opened, Refused, request_head
from gw.net.http import BodyRefusedError, Handler, Request, Response, error_response, facts_of, refuse_upgrade, respond
from gw.net.listener import Server, ServerOptions
from gw.net.pump import Connection
from gw.net.upstream import Upstream
from gw.ports import Peer, UpgradeFacts

logger = logging.getLogger(__name__)

PIECE_BYTES: Final = 64 * 1024
ANSWER_TIMEOUT_S: Final = 3600.0  # a turn of a model may say nothing for long
# Of one connection only (RFC 9110 section 7.6.1), or made anew by us.
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"}
    | {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"}
)
# Who a request comes from is for us to say, or for nobody: a gateway may believe what a loopback peer claims.
FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
WITHIN: Final = ("127.0.0.1", 0)  # the address of what asks itself
RETRY: Final = (("Retry-After", "1"),)


class Asked(NamedTuple):
    """A request line and its headers, as they came."""

    method: str
    target: str
    headers: Headers
    facts: UpgradeFacts


class Front(Protocol):
    """What the guard decides about HTTP."""

    upstream: Upstream

    def admit(self, asked: Asked) -> tuple[Asked, Response | None]:
        """Let its sender in or not; the request without what was only for us."""

    def must_judge(self, asked: Asked) -> bool:
        """Whether its body has to be read and judged."""

    def judge(self, asked: Asked, request: Request) -> Response | None:
        """None: it may pass. May wait for a person."""

    def join(self, client: Connection, facts: UpgradeFacts, opened: Opened) -> Peer:
        """The protocol code between a client and an open WebSocket of the gateway."""


class FrontHandler(Handler):
    """Serves one client connection by handing its requests on."""

    command: str
    path: str  # the target of the request line, as it came

    def run_application(self) -> None:
        front: Front = self.server.owner.front
        facts = facts_of(self.environ, frozenset())
        asked = Asked(self.command, self.path, tuple(self.headers.items()), facts)
        asked, refused = front.admit(asked)
        if refused is None and self.environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            refused = self._join(front, asked)
        elif refused is None:
            refused = self._hand_on(front, asked)
        if refused is not None:
            self._leave_body()
            self.application = partial(respond, refused)
            WSGIHandler.run_application(self)

    # --- WebSockets ---------------------------------------------------------------------------------------------

    def _join(self, front: Front, asked: Asked) -> Response | None:
        """Open the gateway's side first: what it refuses is refused in its own words."""
        paths = frozenset({self.environ["PATH_INFO"]})
        refused = refuse_upgrade(self.environ, self.request_version, paths, frozenset())
        refused = refused or self.server.owner.refuse_connection()
        if refused is not None:
            return refused
        try:
            opened = front.upstream.websocket(handed_on(asked), asked.target)
        except Refused as answer:
            self._write_raw(answer.answer)
            return None
        except (UpstreamError, ValueError) as error:
            return _not_there(error)
        waiting = self.server.owner.opened
        waiting[self.client_address] = opened
        try:
            WebSocketHandler.run_application(self)
        finally:
            left = waiting.pop(self.client_address, None)
            if left is not None:  # the client went away before its 101
                left.sock.close()
        return None

    # --- plain requests -----------------------------------------------------------------------------------------

    def _hand_on(self, front: Front, asked: Asked) -> Response | None:
        body: bytes | None = None
        try:
            if front.must_judge(asked):
                body = self._read_body()
                facts = asked.facts
                request = Request(
                    asked.method,
                    facts.path,
                    self.environ["QUERY_STRING"],
                    facts.headers,
                    body,
                    facts.remote,
                    facts.is_tls,
                )
                refused = front.judge(asked, request)
                if refused is not None or self._is_gone():
                    return refused
            upstream = front.upstream.stream()
        except BodyRefusedError as error:
            return error.response
        except UpstreamError as error:
            return _not_there(error)
        self.close_connection = True
        try:
            with closing(upstream):
                upstream.sendall(self._head(asked, body))
                self._send_body(upstream, body)
                self._relay_answer(upstream)
        except (OSError, ValueError) as error:  # one side broke off: so does the other, which then knows
            logger.info("front.broken_off", extra={"kind": type(error).__name__})
        return None

    def _head(self, asked: Asked, body: bytes | None) -> bytes:
        """The same request line and headers; a body that was read has a length, whatever it came with."""
        headers = handed_on(asked)
        if body is not None:
            dropped = {"transfer-encoding", "content-length"}
            headers = tuple((name, value) for name, value in headers if name.lower() not in dropped)
            headers = (*headers, ("Content-Length", str(len(body))))
        return request_head(
            f"{asked.method} {asked.target} {self.request_version}", (*headers, ("Connection", "close"))
        )

    def _send_body(self, upstream: Any, body: bytes | None) -> None:
        if body is not None:
            upstream.sendall(body)
            return
        is_chunked = self.wsgi_input.chunked_input
        while piece := self.wsgi_input.read(PIECE_BYTES):
            upstream.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        if is_chunked:
            upstream.sendall(b"0\r\n\r\n")

    def _relay_answer(self, upstream: Any) -> None:
        """Pass on what comes, as it comes, to the end of the gateway's stream or of the client's patience."""
        self.status, self.headers_sent = "200", True  # what is sent is the gateway's own head
        while self._is_awaited(upstream):
            piece = upstream.recv(PIECE_BYTES)
            if not piece:
                return
            with self.patience(piece):
                self.socket.sendall(piece)

    def _is_awaited(self, upstream: Any) -> bool:
        """Wait for bytes of the gateway; False when the client is gone or nothing comes."""
        if getattr(upstream, "pending", int)():
            return True
        watched = [upstream] if hasattr(self.socket, "pending") else [upstream, self.socket]
        while True:
            ready, _, _ = select(watched, [], [], ANSWER_TIMEOUT_S)
            if upstream in ready or not ready:
                return bool(ready)
            if self._is_gone():
                return False
            watched = [upstream]  # it has sent more, which nobody reads: its end cannot be seen any more

    def _is_gone(self) -> bool:
        """Whether the client has closed its side. A TLS socket cannot be asked without reading from it."""
        if hasattr(self.socket, "pending"):
            return False
        ready, _, _ = select([self.socket], [], [], 0)
        try:
            return bool(ready) and not self.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _write_raw(self, answer: bytes) -> None:
        self.close_connection = True
        self.status, self.headers_sent = "200", True
        self.socket.sendall(answer)


class FrontServer(Server):
    """A listener whose connections all lead to the gateway behind."""

    handler_class = FrontHandler

    def __init__(self, front: Front, options: ServerOptions) -> None:
        super().__init__(self._refuse, {}, options, None)
        self.front = front
        self.opened: dict[tuple[Any, ...], Opened] = {}  # by client, from the gateway's 101 to ours

    def adopt(self, sock: Any, address: tuple[Any, ...], facts: UpgradeFacts, early: bytes) -> None:
        opened = self.opened.pop(address)
        self.keep(sock, address, early, lambda connection: self.front.join(connection, facts, opened))

    def ask(self, request: bytes, timeout_s: float) -> bytes:
        """What a client hears that sends *request* (which ends its connection), from within: no address, no TLS.

        Raises Expired, OSError.
        """
        near, far = socket.socketpair()
        with closing(near), Deadline(timeout_s, "an answer of our own"):
            spawn(self._listeners[0].handle, far, WITHIN)
            near.sendall(request)
            answer = b""
            while piece := near.recv(PIECE_BYTES):
                answer += piece
        return answer

    @staticmethod
    def _refuse(link: object, facts: object) -> Peer:
        raise AssertionError("every WebSocket of a front has its counterpart")


def handed_on(asked: Asked) -> Headers:
    """The headers that concern the gateway, in their order and spelling."""
    named = {name.lower(): value for name, value in asked.headers}
    dropped = HOP_BY_HOP | {word.strip().lower() for word in named.get("connection", "").split(",")}
    return tuple((name, value) for name, value in asked.headers if name.lower() not in dropped)


def _not_there(error: Exception) -> Response:
    logger.info("front.unavailable", extra={"why": str(error)})
    return error_response(503, "unavailable", "the gateway behind clawgate is not there; try again", RETRY)


def serve_front(front: Front, listen: tuple[str, int], options: ServerOptions) -> FrontServer:
    """Bind and start accepting; returns at once. Raises OSError, ConfigError."""
    server = FrontServer(front, options)
    server.start([listen])
    return server
