"""HTTP on the gateway's port: plain requests by a table of routes, and the way to a WebSocket.

Knows nothing of methods, peers or who may ask what: a route is a function from Request to Response. Invariant: sizes
and times are bounded before anything is read (request line, headers, body, idle time), and a request that is refused
gets a JSON body that says why.

pywsgi parses and answers; gevent-websocket performs the handshake, after the checks here have passed.
"""

import binascii
import errno
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import IO, Any, NamedTuple

from gevent.pywsgi import WSGIHandler
from geventwebsocket.handler import WebSocketHandler

from gw import limits
from gw.errors import Expired
from gw.hub import Deadline
from gw.ports import Json, UpgradeFacts
from gw.wire import json

logger = logging.getLogger(__name__)

MAX_HEADER_LINES = 100
WEBSOCKET_VERSION = "13"
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)


class Request(NamedTuple):
    method: str
    path: str  # percent-decoded
    query: str
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    remote: str
    is_tls: bool


class Response(NamedTuple):
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Route = Callable[[Request], Response]
Routes = Mapping[str, Route]


def json_response(status: int, value: Json, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, json.dumps(value), headers=headers)


def error_response(status: int, kind: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Upstream's shape of an HTTP error."""
    return json_response(status, {"error": {"message": message, "type": kind}}, headers)


def find_route(routes: Routes, path: str) -> Route | None:
    """A route by its exact path, else the longest key that ends in "/" and is a prefix; "/" so takes all the rest."""
    route = routes.get(path)
    while route is None and path:
        path = path[: path.rfind("/", 0, len(path) - 1) + 1]
        route = routes.get(path)
    return route


# --- what is asked, by whom -----------------------------------------------------------------------------------------


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if key in environ:
            headers[key.replace("_", "-").lower()] = environ[key]
    return headers


def facts_of(environ: Mapping[str, Any], trusted_proxies: frozenset[str]) -> UpgradeFacts:
    headers = headers_of(environ)
    remote = environ.get("REMOTE_ADDR", "")
    if remote in trusted_proxies:
        # The last entry is the one our proxy saw itself; those before it are the client's word.
        remote = headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or remote
    return UpgradeFacts(remote, environ["PATH_INFO"], headers, environ["wsgi.url_scheme"] == "https")


def refuse_upgrade(
    environ: Mapping[str, Any], version: str, paths: frozenset[str], trusted_proxies: frozenset[str]
) -> Response | None:
    """Why this upgrade request gets no WebSocket, or None. RFC 6455 section 4.2.1; PROTOCOL.md section 2 (refusals)."""
    headers = headers_of(environ)
    if environ["PATH_INFO"] not in paths:
        return error_response(404, "not_found", "no WebSocket here; connect to /")
    forwarded = "x-forwarded-for" in headers or "x-forwarded-host" in headers
    if forwarded and environ.get("REMOTE_ADDR") not in trusted_proxies:
        return error_response(
            403, "proxy_attribution_required", "forwarded headers from an address that is not a trusted proxy"
        )
    if environ["REQUEST_METHOD"] != "GET" or version != "HTTP/1.1":
        return error_response(400, "invalid_request", "a WebSocket starts with a GET request of HTTP/1.1")
    if "upgrade" not in headers.get("connection", "").lower():
        return error_response(400, "invalid_request", "header Connection: Upgrade is missing")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        return error_response(400, "invalid_request", "an upgrade request has no body")
    if headers.get("sec-websocket-version") != WEBSOCKET_VERSION:
        again = (("Sec-WebSocket-Version", WEBSOCKET_VERSION),)
        return error_response(426, "upgrade_required", "only WebSocket version 13 is spoken", again)
    try:
        nonce = binascii.a2b_base64(headers.get("sec-websocket-key", ""), strict_mode=True)
    except ValueError:
        nonce = b""
    if len(nonce) != 16:
        return error_response(400, "invalid_request", "Sec-WebSocket-Key must be 16 bytes in base64")
    return None


# --- one HTTP connection --------------------------------------------------------------------------------------------


class _HeaderReader:
    """What the header parser reads from; gives up at the first line past the bounds."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._bytes = limits.HTTP_HEADER_BYTES
        self._lines = MAX_HEADER_LINES

    def readline(self, size: int = -1) -> bytes:
        line = self._file.readline(min(self._bytes + 1, size) if size >= 0 else self._bytes + 1)
        self._bytes -= len(line)
        self._lines -= 1
        if self._bytes < 0 or self._lines < 0:
            raise HeadersTooLargeError
        return line


class HeadersTooLargeError(ValueError):
    """The bounds of _HeaderReader."""


class BodyRefusedError(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.response = error_response(status, kind, message)


def respond(response: Response, environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    """The WSGI application of one ready answer."""
    headers = [
        ("Content-Type", response.content_type),
        ("Content-Length", str(len(response.body))),
        *SECURITY_HEADERS,
        *response.headers,
    ]
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]


def _bare_answer(status: int) -> tuple[str, bytes]:
    """What pywsgi sends when no request could be parsed."""
    phrase = HTTPStatus(status).phrase
    head = f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: "
    return str(status), f"{head}{len(phrase)}\r\n\r\n{phrase}".encode()


class Handler(WebSocketHandler):  # type: ignore[misc]  # gevent-websocket ships no types
    """Serves one connection until it ends, or until it has become a WebSocket and is the server's to keep."""

    environ: dict[str, Any]
    socket: Any
    websocket: Any

    def handle(self) -> None:
        try:
            super().handle()
        except Expired:
            pass  # no request came in time: nobody to answer
        except (OSError, ValueError) as error:
            logger.info("http.bad_request", extra={"remote": self.client_address[0], "kind": type(error).__name__})

    def read_requestline(self) -> str:
        with Deadline(limits.HTTP_IDLE_TIMEOUT_S, "waiting for a request"):
            line: str = super().read_requestline()
        return line

    def read_request(self, raw_requestline: str) -> bool:
        with Deadline(limits.HTTP_HEADER_TIMEOUT_S, "reading request headers"):
            done: bool = super().read_request(raw_requestline)
        if self.request_version == "HTTP/0.9":
            raise ValueError("HTTP/0.9")
        return done

    def MessageClass(self, file: IO[bytes], *args: object) -> Any:  # noqa: N802  (pywsgi's hook)
        headers = super().MessageClass(_HeaderReader(file), *args)
        # Two ways to say where a body ends are how requests are smuggled (RFC 9112 section 6.1).
        codings, sizes = headers.get_all("transfer-encoding", []), headers.get_all("content-length", [])
        if len(codings) + len(sizes) > 1 or any(coding.lower() != "chunked" for coding in codings):
            raise ValueError("body length is ambiguous")
        return headers

    @contextmanager
    def patience(self, data: bytes) -> Iterator[None]:
        """While *data* is sent: a client that does not read ends its connection as if it had closed it."""
        seconds = limits.HTTP_IDLE_TIMEOUT_S + len(data) / limits.HTTP_READER_BYTES_PER_S
        try:
            with Deadline(seconds, "the reader of an answer"):
                yield
        except Expired:
            logger.info("http.not_read", extra={"remote": self.client_address[0], "bytes": len(data)})
            raise BrokenPipeError(errno.EPIPE, "the client does not read") from None

    def _sendall(self, data: bytes) -> None:
        with self.patience(data):
            super()._sendall(data)

    def _handle_client_error(self, ex: BaseException) -> tuple[str, bytes]:
        logger.info("http.bad_request", extra={"remote": self.client_address[0], "kind": type(ex).__name__})
        if isinstance(ex, Expired):
            return _bare_answer(408)
        return _bare_answer(431 if isinstance(ex, HeadersTooLargeError) else 400)

    def run_application(self) -> None:
        if self.environ.get("HTTP_UPGRADE", "").lower() != "websocket":
            answer = self._answer()
        else:
            options = self.server.options
            refusal = (
                refuse_upgrade(self.environ, self.request_version, options.websocket_paths, options.trusted_proxies)
                or self.server.owner.refuse_connection()
            )
            if refusal is None:
                super().run_application()
                return
            logger.info("upgrade.refused", extra={"remote": self.client_address[0], "status": refusal.status})
            self._leave_body()
            answer = refusal
        self.application = partial(respond, answer)
        WSGIHandler.run_application(self)

    def _answer(self) -> Response:
        """Run the route; whatever goes wrong becomes an answer."""
        environ = self.environ
        try:
            body = self._read_body()
            facts = facts_of(environ, self.server.options.trusted_proxies)
            route = find_route(self.server.owner.routes, facts.path)
            if route is None:
                return error_response(404, "not_found", "nothing is served here")
            method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
            return route(Request(method, facts.path, query, facts.headers, body, facts.remote, facts.is_tls))
        except BodyRefusedError as refused:
            self._leave_body()
            return refused.response
        except Exception:  # boundary: a broken route is a 500, and its text stays out of the answer
            logger.exception("http.crashed")
            return error_response(500, "internal", "the gateway failed to answer")

    def _read_body(self) -> bytes:
        """The whole body; an announced size is believed when it says too much."""
        most = self.server.options.body_bytes
        try:
            with Deadline(limits.HTTP_BODY_TIMEOUT_S, "reading a request body"):
                body: bytes = b"" if (self.content_length or 0) > most else self.wsgi_input.read(most + 1)
        except Expired:
            raise BodyRefusedError(408, "request_timeout", "the request body did not arrive in time") from None
        except OSError:
            raise BodyRefusedError(400, "invalid_request", "the request body is broken") from None
        if len(body) > most or (self.content_length or 0) > most:
            raise BodyRefusedError(413, "too_large", f"a request body may have {most} bytes")
        return body

    def _leave_body(self) -> None:
        """Close after the answer instead of reading a body that nobody wants, at whatever pace it comes."""
        self.close_connection = True
        self.wsgi_input.content_length = 0
        self.wsgi_input.chunked_input = False

    def run_websocket(self) -> None:
        """The 101 is out: hand the socket over, with whatever came right behind the request."""
        facts = facts_of(self.environ, self.server.options.trusted_proxies)
        sock, self.socket = self.socket, None
        sock.settimeout(0.0)
        try:
            early: bytes = self.rfile.read1(limits.PREAUTH_MESSAGE_BYTES) or b""
        except OSError:  # a plain socket has nothing; a TLS one says so
            early = b""
        self.rfile.close()  # or the socket would stay open until this handler is collected
        # The library's own WebSocket would send a close frame when it is collected.
        self.websocket.closed = True
        self.websocket.stream = self.websocket.handler = self.websocket = None
        self.environ = {}
        self.server.owner.adopt(sock, self.client_address, facts, early)

    def log_request(self) -> None:
        pass  # paths and addresses of ordinary requests are not for the log
