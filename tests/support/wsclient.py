"""A small WebSocket client for tests: our codec in its client role over a cooperative socket.

Every wait has a deadline, so a test that would hang fails.
"""

import base64
import os
from collections import deque
from typing import Any

from gevent import socket, ssl

from gw._native.wsframe import CLOSE, PING, PONG, TEXT, Decoder, encode, encode_close, parse_close
from gw.hub import Deadline

WAIT_S = 15.0


def upgrade_request(path: str = "/", **headers: str) -> bytes:
    """Keyword `x_forwarded_for` is the header X-Forwarded-For; a value of "" leaves a default header out."""
    lines = {
        "host": "127.0.0.1",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"GET {path} HTTP/1.1\r\n{fields}\r\n".encode()


def connect_tcp(port: int, tls: "ssl.SSLContext | None" = None, host: str = "127.0.0.1") -> Any:
    sock = socket.create_connection((host, port), timeout=WAIT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock if tls is None else tls.wrap_socket(sock)


def ask_http(port: int, request: bytes, tls: "ssl.SSLContext | None" = None) -> tuple[int, bytes]:
    """Send raw bytes, read until the server closes; returns (status, all that came back)."""
    with connect_tcp(port, tls) as sock, Deadline(WAIT_S, "an HTTP answer"):
        sock.sendall(request)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
    return int(answer.split(b" ", 2)[1]) if answer else 0, answer


class WsClient:
    """Connected once made. Raises AssertionError with the answer when the upgrade is refused."""

    def __init__(
        self, port: int, path: str = "/", early: bytes = b"", tls: "ssl.SSLContext | None" = None, **headers: str
    ) -> None:
        self.sock = connect_tcp(port, tls)
        self.decoder = Decoder(max_message_bytes=1 << 30, client=True)
        self.events: deque[tuple[int, bytes]] = deque()
        self.sock.sendall(upgrade_request(path, **headers) + early)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.sock.recv(4096)
            assert piece, f"no upgrade: {answer!r}"
            answer += piece
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), f"no upgrade: {answer!r}"
        self.head = head
        self.events.extend(self.decoder.feed(rest))

    def send(self, payload: bytes, opcode: int = TEXT, fin: bool = True) -> None:
        self.sock.sendall(encode(opcode, payload, fin, True))

    def send_raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def receive(self, timeout_s: float = WAIT_S) -> tuple[int, bytes] | None:
        """The next frame or message of any kind; None at the end of the stream."""
        with Deadline(timeout_s, "a message"):
            while not self.events:
                data = self.sock.recv(262_144)
                if not data:
                    return None
                self.events.extend(self.decoder.feed(data))
                assert self.decoder.failure is None, self.decoder.failure
        return self.events.popleft()

    def text(self, timeout_s: float = WAIT_S) -> bytes:
        """The next message, answering pings on the way."""
        while True:
            event = self.receive(timeout_s)
            assert event is not None, "the stream ended"
            opcode, payload = event
            if opcode == PING:
                self.send(payload, PONG)
                continue
            assert opcode < CLOSE, f"closed: {parse_close(payload) if opcode == CLOSE else event}"
            return payload

    def closing(self, timeout_s: float = WAIT_S) -> tuple[int, str]:
        """Read on to the close frame and return what it says; (1006, "") when the stream ends without one."""
        while True:
            try:
                event = self.receive(timeout_s)
            except OSError:
                event = None
            if event is None:
                return 1006, ""
            if event[0] == CLOSE:
                return parse_close(event[1])

    def say_goodbye(self, code: int = 1000) -> tuple[int, str]:
        self.sock.sendall(encode_close(code, "", True))
        answer = self.closing()
        self.close()
        return answer

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "WsClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
