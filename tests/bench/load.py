"""The load client: one process, one epoll, and our own compiled stream in its client role; the same for every peer.

It never parses what comes back beyond counting messages, so that the servers and not the client are the bottleneck.
"""

import base64
import json
import os
import select
import socket
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from gw._native.wsframe import CLOSE, PING, PONG, TEXT, Decoder, encode
from gw._native.wsstream import Flusher, Outbox, Stream

MOST_BYTES = 1 << 26
DRAIN_S = 5.0
RING = 64  # different request ids per connection, at least
ANSWER_START = b'{"type":"res"'


class Connection:
    """One client connection; while it is driven, every answer that comes is followed by the next request."""

    def __init__(self, port: int, token: str | None = None, scopes: Sequence[str] = ()) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self.sock.fileno()
        self.decoder = Decoder(max_message_bytes=MOST_BYTES, client=True)
        receive = partial(self.decoder.receive, self.fd)
        outbox = Outbox(partial(encode, masked=True))
        self.stream = Stream(self.fd, self.decoder, outbox, Flusher(lambda flush: None), MOST_BYTES, receive)
        self.stream.owner = self
        self.stream.message = self.heard
        self.stream.is_open = self.stream.is_calm = True
        self.frames: list[bytes] = []
        self.at = 0
        self.start = ANSWER_START
        self.is_asking = False
        self.answers = 0
        self.latencies_ns: list[int] | None = None
        self.sent_at_ns = 0
        self.is_full = False  # the kernel did not take all of what we sent
        self._inbox: list[tuple[int, bytes]] = []
        self._upgrade(port)
        if token is not None:
            self._login(token, list(scopes))
        self.sock.setblocking(False)

    # --- what the stream calls ----------------------------------------------------------------------------------

    def heard(self, payload: bytes) -> bool:
        if payload.startswith(self.start):
            self.answers += 1
            if self.latencies_ns is not None:
                now_ns = time.perf_counter_ns()
                self.latencies_ns.append(now_ns - self.sent_at_ns)
                self.sent_at_ns = now_ns
            if self.is_asking:
                self.ask()
        return True

    def control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.stream.outbox.push_message(PONG, payload)
        elif opcode == CLOSE:
            self.lost()

    def settle(self) -> None:
        """More came than one turn hands out."""
        while self.decoder.has_more:
            self.stream.take(self.decoder.feed(b""))

    def settle_writing(self, left: int) -> None:
        self.is_full = left > 0
        self.stream.is_calm = not self.is_full

    def lost(self) -> None:
        raise ConnectionError("the server closed the connection")

    def crashed(self, error: Exception) -> None:
        raise error

    # --- before the load ----------------------------------------------------------------------------------------

    def _upgrade(self, port: int) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.sock.recv(4096)
            if not piece:
                raise ConnectionError(f"no upgrade: {head!r}")
            head += piece
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise ConnectionError(f"no upgrade: {head[:80]!r}")
        self._inbox += self.decoder.feed(head.partition(b"\r\n\r\n")[2])

    def next_json(self) -> Any:
        """Wait for one message; only before the load starts."""
        while not self._inbox:
            data = self.sock.recv(1 << 16)
            if not data:
                raise ConnectionError("closed")
            self._inbox += self.decoder.feed(data)
        opcode, payload = self._inbox.pop(0)
        return json.loads(payload) if opcode == TEXT else self.next_json()

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """One request and its answer, blocking; events on the way are dropped."""
        self.sock.setblocking(True)
        request = {"type": "req", "id": "call", "method": method, "params": params}
        self.sock.sendall(encode(TEXT, json.dumps(request).encode(), masked=True))
        while True:
            frame = self.next_json()
            if frame.get("id") == "call":
                self.sock.setblocking(False)
                return frame

    def _login(self, token: str, scopes: list[str]) -> None:
        assert self.next_json()["event"] == "connect.challenge"
        client = {"id": "gateway-client", "version": "1.0.0", "platform": "linux", "mode": "backend"}
        params = {
            "minProtocol": 3,
            "maxProtocol": 4,
            "client": client,
            "role": "operator",
            "scopes": scopes,
            "auth": {"token": token},
        }
        answer = self.call("connect", params)
        if not answer["ok"]:
            raise ConnectionError(f"login refused: {answer['error']}")

    def prepare(self, method: str, *params: dict[str, Any]) -> None:
        """Make the frames that `ask` sends in turn: compact JSON as the reference client writes it, with ids."""
        self.at = 0
        self.frames = []
        for i in range(max(RING, len(params))):
            request = {"type": "req", "id": f"{i}", "method": method, "params": params[i % len(params)]}
            self.frames.append(encode(TEXT, json.dumps(request, separators=(",", ":")).encode(), masked=True))

    # --- under load ---------------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Queue the next request."""
        self.stream.outbox.push(self.frames[self.at])
        self.at = (self.at + 1) % len(self.frames)

    def close(self) -> None:
        self.stream.owner = self.stream.message = None
        self.sock.close()


class Load(NamedTuple):
    messages: int
    seconds: float


def drive(connections: Sequence[Connection], outstanding: int, seconds: float) -> Load:
    """Keep *outstanding* requests under way on every connection for *seconds*, then wait for the last answers."""
    by_fd = {connection.fd: connection for connection in connections}
    poll = select.epoll()
    began = time.perf_counter()
    for connection in connections:
        connection.start = ANSWER_START
        connection.answers = 0
        connection.is_asking = True
        poll.register(connection.fd, select.EPOLLIN)
    for connection in connections:
        connection.sent_at_ns = time.perf_counter_ns()
        for _ in range(outstanding):
            connection.ask()
        connection.stream.flush()
        watch_writing(poll, connection)
    until = began + seconds
    while time.perf_counter() < until:
        turn(poll, by_fd)
    for connection in connections:
        connection.is_asking = False
    # Every connection has as many requests under way as ever; the last answers are part of the load.
    finish = sum(connection.answers for connection in connections) + outstanding * len(connections)
    while sum(connection.answers for connection in connections) < finish:
        if time.perf_counter() > until + DRAIN_S:
            raise TimeoutError("answers are missing")
        turn(poll, by_fd)
    poll.close()
    return Load(finish, time.perf_counter() - began)


def turn(poll: select.epoll, by_fd: dict[int, Connection]) -> None:
    for fd, happened in poll.poll(0.2):
        connection = by_fd[fd]
        if happened & select.EPOLLOUT:
            connection.stream.flush()
        if happened & ~select.EPOLLOUT:
            connection.stream.turn()
        if connection.is_full or happened & select.EPOLLOUT:
            watch_writing(poll, connection)


def watch_writing(poll: select.epoll, connection: Connection) -> None:
    poll.modify(connection.fd, select.EPOLLIN | (select.EPOLLOUT if connection.is_full else 0))


def receive_all(connections: Sequence[Connection], each: int, start: bytes, timeout_s: float = 30.0) -> None:
    """Wait until every connection has got *each* messages that begin with *start*."""
    by_fd = {}
    poll = select.epoll()
    for connection in connections:
        connection.start = start
        connection.answers = 0
        connection.is_asking = False
        by_fd[connection.fd] = connection
        poll.register(connection.fd, select.EPOLLIN)
    until = time.perf_counter() + timeout_s
    while any(connection.answers < each for connection in connections):
        if time.perf_counter() > until:
            raise TimeoutError("messages are missing")
        turn(poll, by_fd)
    poll.close()


def discard(connections: Iterable[Connection]) -> None:
    """Read away what is here already."""
    for connection in connections:
        while connection.decoder.receive(connection.fd, 1 << 20):
            pass
