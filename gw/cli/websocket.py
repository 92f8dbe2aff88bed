"""A small blocking WebSocket client over our own frame codec, for commands and tests.

Knows nothing of the protocol inside the messages. Invariant: every wait has a deadline, and a connection that is of no
use any more is closed before `UnreachableError` says why.
"""

import os
import socket
import ssl
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gw import limits
from gw._native import wsframe
from gw.config.settings import Address
from gw.errors import GwError

TIMEOUT_S = 10.0
READ_BYTES = 65536


class UnreachableError(GwError):
    """Nothing usable answers there, or it will not let us in."""

    exit_status = 3  # what cli.main ends with


class TurnedAwayError(UnreachableError):
    """A gateway answers, which does not let us in."""


class WebSocket:
    """Open when constructed; `receive` gives whole messages and answers pings on the way."""

    def __init__(
        self,
        address: Address,
        *,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        tls_ca: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.address = address
        self.closed_with: tuple[int, str] | None = None  # what the other side said
        self._decoder = wsframe.Decoder(max_message_bytes=limits.MAX_PAYLOAD_BYTES, client=True)
        self._messages: deque[bytes] = deque()
        self._socket: socket.socket | None = None
        self._connect(tls_ca, timeout_s)
        self._upgrade(path, headers or {})

    def send(self, payload: bytes, opcode: int = wsframe.TEXT) -> None:
        self.write(wsframe.encode(opcode, payload, masked=True))

    def receive(self) -> bytes:
        """The next message. Raises UnreachableError when none comes."""
        while not self._messages:
            if self.closed_with is not None:
                code, reason = self.closed_with
                raise self.unreachable(f"it closed the connection with {code} {reason}".strip())
            self._take(self._read())
        return self._messages.popleft()

    def close(self, code: int = 1000) -> None:
        with suppress(UnreachableError):  # it may be gone already, which is what we want
            self.write(wsframe.encode_close(code, masked=True))
        self._drop()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self._socket is None:
            raise self.unreachable("the connection is closed")
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self.unreachable(error.strerror or "connection lost") from None

    def unreachable(self, why: str) -> UnreachableError:
        """The exception to raise; the connection is of no use any more."""
        self._drop()
        return UnreachableError(f"no gateway at {self.address}: {why}")

    def turned_away(self, why: str) -> TurnedAwayError:
        """The same where there is a gateway."""
        self._drop()
        return TurnedAwayError(f"the gateway at {self.address} refuses: {why}")

    # --- inside ---------------------------------------------------------------------------------------------

    def _connect(self, tls_ca: Path | None, timeout_s: float) -> None:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address.host, self.address.host)  # noqa: S104
        try:
            self._socket = socket.create_connection((host, self.address.port), timeout_s)
            if tls_ca is not None:
                context = ssl.create_default_context(cafile=str(tls_ca))
                context.check_hostname = False  # the gateway's own certificate is what is trusted, under any name
                self._socket = context.wrap_socket(self._socket)
        except OSError as error:
            raise self.unreachable(error.strerror or str(error)) from None

    def _upgrade(self, path: str, headers: Mapping[str, str]) -> None:
        lines = {
            "Host": str(self.address),
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            **headers,
        }
        fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.write(f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > limits.HTTP_HEADER_BYTES:
                raise self.unreachable("it does not speak HTTP")
            head += self._read()
        head, _, early = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise self.unreachable("it answers " + head.partition(b"\r\n")[0].decode("latin-1"))
        self._take(early)

    def _take(self, data: bytes) -> None:
        for opcode, payload in self._decoder.feed(data):
            if opcode in (wsframe.TEXT, wsframe.BINARY):
                self._messages.append(payload)
            elif opcode == wsframe.PING:
                self.send(payload, wsframe.PONG)
            elif opcode == wsframe.CLOSE:
                self.closed_with = wsframe.parse_close(payload)

    def _read(self) -> bytes:
        if self._socket is None:
            raise self.unreachable("the connection is closed")
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise self.unreachable(error.strerror or "no answer in time") from None
        if not data:
            raise self.unreachable("it closed the connection")
        return data

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
