"""What the fakes of chat providers share: an HTTP and WebSocket server in a thread of its own, with a codec that is not
ours (gevent-websocket), that writes down every call and can be told to fail.

Each fake is written from its provider's public API documentation, and tests/e2e/test_channels_sdks.py drives it with
the provider's usual Python library, so that the fake and our driver do not merely agree with each other.
"""

import contextlib
import hashlib
import hmac
import json
import struct
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs

import gevent
from gevent.event import Event
from gevent.pywsgi import WSGIServer
from geventwebsocket.exceptions import WebSocketError
from geventwebsocket.handler import WebSocketHandler

WAIT_S = 30.0


class Called(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]  # lower-case names
    body: Any  # JSON, or the fields of a form
    query: dict[str, str]


class Reply(NamedTuple):
    body: Any
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})


class FakeProvider:
    """`with Fake() as fake:`; subclasses answer in `answer` and talk in `socket`."""

    def __init__(self) -> None:
        self.calls: list[Called] = []
        self.failures: deque[tuple[str, Reply]] = deque()  # (end of the path, what it answers instead), used once
        self._number = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._stop: Callable[[], object] = lambda: None
        self.port = 0

    # --- the server -------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        server = WSGIServer(("127.0.0.1", 0), self._application, handler_class=WebSocketHandler, log=None)
        server.start()
        self.port = server.server_port
        over = gevent.get_hub().loop.async_()
        end = Event()
        over.start(end.set)
        self._stop = over.send
        self._ready.set()
        end.wait()
        server.stop(timeout=0.5)
        gevent.get_hub().destroy()

    def _application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        if "wsgi.websocket" in environ:
            with contextlib.suppress(WebSocketError):  # the other side went away
                self.socket(environ["wsgi.websocket"], path, environ["QUERY_STRING"])
            return []
        called = _called(environ, path)
        self.calls.append(called)
        failure = next((one for one in self.failures if path.endswith(one[0])), None)
        if failure is not None:
            self.failures.remove(failure)
        reply = failure[1] if failure is not None else self.answer(called)
        data = b"" if reply.body is None else json.dumps(reply.body).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **reply.headers}
        start_response(f"{reply.status} X", list(headers.items()))
        return [data]

    def answer(self, called: Called) -> Reply:
        raise NotImplementedError

    def socket(self, socket: Any, path: str, query: str) -> None:
        socket.close(1008)

    # --- for tests --------------------------------------------------------------------------------------------

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def number(self) -> int:
        self._number += 1
        return self._number

    def called(self, end: str) -> list[Called]:
        """Calls whose path ends so."""
        return [called for called in self.calls if called.path.endswith(end)]

    def fail(self, end: str, body: Any, status: int = 200, **headers: str) -> None:
        """Let the next call whose path ends so fail."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.failures.append((end, Reply(body, status, named)))


def _called(environ: dict[str, Any], path: str) -> Called:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    data = environ["wsgi.input"].read()
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    try:
        body = json.loads(data) if data else {}
    except ValueError:
        body = {name: values[0] for name, values in parse_qs(data.decode("utf-8", "replace")).items()}
    return Called(environ["REQUEST_METHOD"], path, headers, body, query)


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """What a provider does with a webhook: status and body of the answer."""
    request = urllib.request.Request(url, body, headers, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=WAIT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def mac(secret: str, data: bytes) -> str:
    return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()


def close_with(socket: Any, code: int) -> None:
    """Close with this code, which the library's own `close` does not send."""
    socket.send_frame(struct.pack("!H", code), socket.OPCODE_CLOSE)


@contextmanager
def listening(queue: "deque[Any]", queues: "list[deque[Any]]") -> Iterator[None]:
    """While a socket is open, what is published goes to its queue."""
    queues.append(queue)
    try:
        yield
    finally:
        queues[:] = [other for other in queues if other is not queue]  # equal ones are not the same one
