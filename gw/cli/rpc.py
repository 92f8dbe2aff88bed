"""A small blocking client of the gateway, for commands that ask a running one.

Knows nothing of what the methods mean. Invariant: a gateway that cannot be reached or refuses is one exception with
words a person can act on.
"""

from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from gw import __version__
from gw.cli.websocket import TIMEOUT_S, WebSocket
from gw.config.settings import Address
from gw.errors import GwError
from gw.wire import json


class RefusedError(GwError):
    """The gateway answered a request with an error; `shape` is the wire's error object."""

    def __init__(self, method: str, shape: dict[str, Any]) -> None:
        why = str(shape.get("message") or shape.get("code"))
        super().__init__(f"{method}: {why.removeprefix(f'{method}: ')}")
        self.shape = shape


class GatewayClient:
    """One connection as `cli`/`cli`; use as a context manager."""

    def __init__(
        self,
        address: Address,
        token: str | None,
        *,
        scopes: tuple[str, ...] = ("operator.read",),
        tls_ca: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.events: list[dict[str, Any]] = []  # received while waiting for answers
        self.hello: dict[str, Any] = {}
        self._token = token
        self._scopes = scopes
        self._socket = WebSocket(address, tls_ca=tls_ca, timeout_s=timeout_s)

    def __enter__(self) -> "GatewayClient":
        self.hello = self._connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """The payload of the answer. Raises RefusedError, UnreachableError."""
        return self.answer(self.request(method, params), method)

    def request(self, method: str, params: dict[str, Any] | None = None) -> str:
        """Send a request without waiting; the id."""
        request_id = str(uuid4())
        self.send({"type": "req", "id": request_id, "method": method, "params": params or {}})
        return request_id

    def answer(self, request_id: str, method: str = "request") -> Any:
        """Wait for the next answer with this id."""
        while True:
            frame = self.receive()
            if frame.get("type") != "res" or frame.get("id") != request_id:
                self.events.append(frame)
            elif frame.get("ok"):
                return frame.get("payload")
            else:
                raise RefusedError(method, frame.get("error") or {})

    def send(self, frame: dict[str, Any]) -> None:
        self._socket.send(json.dumps(frame))

    def receive(self) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(self._socket.receive())
        return frame

    def wait_for(self, event: str) -> dict[str, Any]:
        """The payload of the next event of that name; others are kept in `events`."""
        while True:
            kept = next((frame for frame in self.events if frame.get("event") == event), None)
            if kept is not None:
                self.events.remove(kept)
                payload: dict[str, Any] = kept.get("payload") or {}
                return payload
            self.events.append(self.receive())

    def _connect(self) -> dict[str, Any]:
        if self.receive().get("event") != "connect.challenge":
            raise self._socket.unreachable("it is no OpenClaw gateway")
        params: dict[str, Any] = {
            "minProtocol": 4,
            "maxProtocol": 4,
            "client": {"id": "cli", "version": __version__, "platform": "linux", "mode": "cli"},
            "role": "operator",
            "scopes": list(self._scopes),
            "caps": [],
        }
        if self._token:
            params["auth"] = {"token": self._token}
        try:
            hello: dict[str, Any] = self.call("connect", params)
        except RefusedError as error:
            raise self._socket.turned_away(str(error.shape.get("message"))) from None
        return hello
