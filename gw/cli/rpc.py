"""A small blocking client of the gateway, for commands that ask a running one.

Knows nothing of what the methods mean. Invariant: every wait has a deadline, and a gateway that cannot be reached or
refuses is one exception with words a person can act on.
"""

import os
import socket
import ssl
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

from gw import __version__, limits
from gw._native import wsframe
from gw.config.settings import Address
from gw.errors import GwError
from gw.wire import json

TIMEOUT_S = 10.0
READ_BYTES = 65536


class UnreachableError(GwError):
    """No gateway answers there, or it will not let us in."""

    exit_status = 3  # what cli.main ends with


class RefusedError(GwError):
    """The gateway answered a request with an error; `shape` is the wire's error object."""

    def __init__(self, method: str, shape: dict[str, Any]) -> None:
        super().__init__(f"{method}: {shape.get('message', shape.get('code'))}")
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
        self.address = address
        self.events: list[dict[str, Any]] = []  # received while waiting for answers
        self._token = token
        self._scopes = scopes
        self._decoder = wsframe.Decoder(max_message_bytes=limits.MAX_PAYLOAD_BYTES, client=True)
        self._frames: list[dict[str, Any]] = []
        self._socket: socket.socket | None = None
        self._open(tls_ca, timeout_s)

    def __enter__(self) -> "GatewayClient":
        self.hello = self._connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError, UnreachableError):  # it may be gone already, which is what we want
            self._write(wsframe.encode_close(1000, masked=True))
        self._close()

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """The payload of the answer. Raises RefusedError, UnreachableError."""
        request_id = str(uuid4())
        self.send({"type": "req", "id": request_id, "method": method, "params": params or {}})
        while True:
            frame = self.receive()
            if frame.get("type") != "res" or frame.get("id") != request_id:
                self.events.append(frame)
            elif frame.get("ok"):
                return frame.get("payload")
            else:
                raise RefusedError(method, frame.get("error") or {})

    def send(self, frame: dict[str, Any]) -> None:
        self._write(wsframe.encode(wsframe.TEXT, json.dumps(frame), masked=True))

    def receive(self) -> dict[str, Any]:
        """The next frame."""
        while not self._frames:
            self._take(self._read())
        return self._frames.pop(0)

    def _take(self, data: bytes) -> None:
        for opcode, payload in self._decoder.feed(data):
            if opcode in (wsframe.TEXT, wsframe.BINARY):
                self._frames.append(json.loads(payload))
            elif opcode == wsframe.PING:
                self._write(wsframe.encode(wsframe.PONG, payload, masked=True))
            elif opcode == wsframe.CLOSE and not self._frames:
                code, reason = wsframe.parse_close(payload)
                raise self._unreachable(f"it closed the connection with {code} {reason}".strip())

    # --- the socket -----------------------------------------------------------------------------------------

    def _open(self, tls_ca: Path | None, timeout_s: float) -> None:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address.host, self.address.host)  # noqa: S104
        key = b64encode(os.urandom(16)).decode()
        request = (
            f"GET / HTTP/1.1\r\nHost: {Address(host, self.address.port)}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        try:
            self._socket = socket.create_connection((host, self.address.port), timeout_s)
            if tls_ca is not None:
                context = ssl.create_default_context(cafile=str(tls_ca))
                context.check_hostname = False  # the gateway's own certificate is what is trusted, under any name
                self._socket = context.wrap_socket(self._socket)
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from None
        self._write(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > limits.HTTP_HEADER_BYTES:
                raise self._unreachable("it does not speak HTTP")
            head += self._read()
        head, _, early = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise self._unreachable("it answers " + head.partition(b"\r\n")[0].decode("latin-1"))
        self._take(early)

    def _read(self) -> bytes:
        assert self._socket is not None
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise self._unreachable(error.strerror or "no answer in time") from None
        if not data:
            raise self._unreachable("it closed the connection")
        return data

    def _write(self, data: bytes) -> None:
        if self._socket is None:
            raise self._unreachable("the connection is closed")
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._unreachable(error.strerror or "connection lost") from None

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _unreachable(self, why: str) -> UnreachableError:
        """The connection is of no use any more."""
        self._close()
        return UnreachableError(f"no gateway at {self.address}: {why}")

    # --- connect --------------------------------------------------------------------------------------------

    def _connect(self) -> dict[str, Any]:
        challenge = self.receive()
        if challenge.get("event") != "connect.challenge":
            raise self._unreachable("it is no OpenClaw gateway")
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
            raise self._unreachable(f"it refuses: {error.shape.get('message')}") from None
        return hello
