"""The load client: one process, one epoll, our codec in its client role; the same for every peer.

It never parses what comes back beyond counting messages, so that the servers and not the client are the bottleneck.
"""

import base64
import json
import os
import select
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gw._native.wsframe import PING, PONG, TEXT, Decoder, Outbox, encode

MOST_BYTES = 1 << 26
DRAIN_S = 5.0
RING = 64  # different request ids per connection


class Connection:
    def __init__(self, port: int, token: str | None = None, scopes: Sequence[str] = ("operator.read",)) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self.sock.fileno()
        self.decoder = Decoder(max_message_bytes=MOST_BYTES, client=True)
        self.outbox = Outbox(client=True)
        self.frames: list[bytes] = []
        self.at = 0
        self.sent_at_ns = 0
        self.latencies_ns: list[int] = []
        self._inbox: list[tuple[int, bytes]] = []
        self._upgrade(port)
        if token is not None:
            self._login(token, list(scopes))
        self.sock.setblocking(False)

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

    def prepare(self, method: str, params: dict[str, Any]) -> None:
        """Make the frames that `ask` sends: compact JSON as the reference client writes it, each with its own id."""
        self.frames = [
            encode(
                TEXT,
                json.dumps(
                    {"type": "req", "id": f"{i}", "method": method, "params": params}, separators=(",", ":")
                ).encode(),
                masked=True,
            )
            for i in range(RING)
        ]

    def ask(self, count: int) -> bool:
        """Send *count* requests; whether the kernel took them all."""
        for _ in range(count):
            self.outbox.push(self.frames[self.at])
            self.at = (self.at + 1) % len(self.frames)
        return self.outbox.flush(self.fd) == 0

    def messages(self) -> int:
        """Read once; how many messages that completed."""
        events = self.decoder.receive(self.fd, 1 << 20)
        if events is None:
            raise ConnectionError("the server closed the connection")
        count = 0
        for opcode, payload in events:
            if opcode == TEXT:
                count += 1
            elif opcode == PING:
                self.outbox.push_message(PONG, payload)
        return count

    def close(self) -> None:
        self.sock.close()


class Load(NamedTuple):
    messages: int
    seconds: float


def drive(connections: Iterable[Connection], outstanding: int, seconds: float, record: bool = False) -> Load:
    """Keep *outstanding* requests under way on every connection for *seconds*, then wait for the last answers."""
    by_fd = {connection.fd: connection for connection in connections}
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    waiting = dict.fromkeys(by_fd, outstanding)
    began = time.perf_counter()
    for fd, connection in by_fd.items():
        connection.sent_at_ns = time.perf_counter_ns()
        if not connection.ask(outstanding):
            poll.modify(fd, select.EPOLLIN | select.EPOLLOUT)
    total = 0
    under_way = outstanding * len(by_fd)
    until = began + seconds
    asking = True
    while under_way:
        now = time.perf_counter()
        if asking and now >= until:
            asking = False
        if now >= until + DRAIN_S:
            raise TimeoutError(f"{under_way} answers missing")
        for fd, happened in poll.poll(0.2):
            connection = by_fd[fd]
            if happened & select.EPOLLOUT and connection.outbox.flush(fd) == 0:
                poll.modify(fd, select.EPOLLIN)
            if not happened & ~select.EPOLLOUT:
                continue
            count = connection.messages()
            if not count:
                continue
            if record:
                now_ns = time.perf_counter_ns()
                connection.latencies_ns.append(now_ns - connection.sent_at_ns)
                connection.sent_at_ns = now_ns
            total += count
            waiting[fd] -= count
            under_way -= count
            if asking:
                waiting[fd] += count
                under_way += count
                if not connection.ask(count):
                    poll.modify(fd, select.EPOLLIN | select.EPOLLOUT)
    poll.close()
    return Load(total, time.perf_counter() - began)


def receive_all(connections: Sequence[Connection], each: int, timeout_s: float = 30.0) -> None:
    """Wait until every connection has got *each* messages."""
    left = {connection.fd: each for connection in connections}
    by_fd = {connection.fd: connection for connection in connections}
    poll = select.epoll()
    for fd in left:
        poll.register(fd, select.EPOLLIN)
    until = time.perf_counter() + timeout_s
    while left:
        if time.perf_counter() > until:
            raise TimeoutError(f"{len(left)} connections miss messages")
        for fd, _ in poll.poll(0.2):
            left[fd] -= by_fd[fd].messages()
            if left[fd] <= 0:
                del left[fd]
                poll.unregister(fd)
    poll.close()
