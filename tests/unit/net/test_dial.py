"""gw/net/dial: a WebSocket we open ourselves, against our own listener and against servers that misbehave."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from gevent import socket
from gevent.server import StreamServer

from gw import hub
from gw._native.wsframe import BINARY, TEXT, encode, encode_close
from gw.errors import UpstreamError
from gw.net import dial as dialling
from gw.net.dial import DialOptions, Refused, Target, dial
from gw.net.listener import ServerOptions
from gw.net.pump import Connection, PumpLimits
from gw.ports import Link
from tests.support.certificates import write_pair
from tests.support.waiting import until
from tests.unit.net.ring import Ring, Script, ring

PATIENT = DialOptions(connect_timeout_s=2, upgrade_timeout_s=2)


class Caller:
    """A ports.Peer on the dialled side."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.messages: list[bytes] = []
        self.ends: list[tuple[int, str]] = []
        self.takes = True

    def opened(self) -> None: ...

    def message(self, data: bytes) -> bool:
        self.messages.append(data)
        return self.takes

    def closed(self, code: int, reason: str) -> None:
        self.ends.append((code, reason))


def call(r: Ring, options: DialOptions = PATIENT, **target: Any) -> tuple[Caller, Connection]:
    peers: list[Caller] = []

    def make(link: Link) -> Caller:
        peers.append(Caller(link))
        return peers[0]

    connection = dial(Target("127.0.0.1", r.port, **target), make, options)
    return peers[0], connection


@contextmanager
def raw_server(serve: Callable[[Any], object]) -> Iterator[Target]:
    """A server that reads one request head and then does *serve(socket)*."""

    def handle(sock: Any, address: object) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return
            data += piece
        serve(sock)

    server = StreamServer(("127.0.0.1", 0), handle)
    server.start()
    try:
        yield Target("127.0.0.1", server.server_port)
    finally:
        server.stop(timeout=0.1)


# --- what works ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1_000_000])
def test_a_message_goes_out_masked_and_an_answer_comes_back(size: int) -> None:
    with ring(message_bytes=1_000_000) as r:
        peer, connection = call(r)
        connection.send(b"x" * size)
        r.settle(lambda: len(peer.messages) == 1)
        assert peer.messages == [b"x" * size]
        connection.close(1000)
        r.settle(lambda: bool(peer.ends))


def test_a_binary_message_stays_binary() -> None:
    seen: list[int] = []

    def note(peer: Script, data: bytes) -> bool:
        assert isinstance(peer.link, Connection)
        seen.append(peer.link.stream.opcode)
        return True

    with ring(on_message=note) as r:
        _, connection = call(r)
        connection.send_as(BINARY, b"\xff")
        connection.send_as(TEXT, b"t")
        connection.send_now(BINARY, b"\xfe")
        r.settle(lambda: len(seen) == 3)
        connection.abort()
        connection.send_now(TEXT, b"too late")
    assert seen == [BINARY, TEXT, BINARY]


def test_what_cannot_wait_leaves_before_the_loop_has_its_turn() -> None:
    with ring() as r:
        peer, connection = call(r)
        connection.send_now(TEXT, b"a")
        assert connection.buffered_bytes == 0
        connection.send_as(TEXT, b"b")
        connection.send_now(TEXT, b"c")
        assert connection.buffered_bytes > 0, "order first"
        r.settle(lambda: len(peer.messages) == 3)
        assert peer.messages == [b"a", b"b", b"c"]
        connection.abort()


def test_the_server_sees_our_path_and_headers() -> None:
    headers = (("Host", "gateway.example"), ("Origin", "http://gateway.example"), ("X-One", "1"))
    with ring() as r:
        _, connection = call(r, DialOptions(headers=headers), resource="/?a=b")
        facts = r.peers[0].facts
        assert (facts.path, facts.host, facts.origin) == ("/", "gateway.example", "http://gateway.example")
        assert facts.headers["x-one"] == "1" and "sec-websocket-extensions" not in facts.headers
        connection.abort()


def test_what_comes_right_behind_the_101_is_not_lost() -> None:
    def say_three(peer: Script) -> None:
        for i in range(3):
            peer.link.send(b"%d" % i)

    with ring(on_open=say_three) as r:
        peer, connection = call(r)
        r.settle(lambda: len(peer.messages) == 3)
        assert peer.messages == [b"0", b"1", b"2"]
        connection.abort()


@pytest.mark.parametrize("by_us", [True, False])
def test_a_clean_close_tells_both_sides_the_code(by_us: bool) -> None:
    with ring() as r:
        peer, connection = call(r)
        r.settle(lambda: bool(r.peers))
        (connection if by_us else r.peers[0].link).close(4001, "enough")
        r.settle(lambda: bool(peer.ends) and bool(r.peers[0].ends))
        assert peer.ends == r.peers[0].ends == [(4001, "enough")]


def test_a_peer_that_pauses_is_not_read_from() -> None:
    with ring() as r:
        peer, connection = call(r)
        peer.takes = False
        for i in range(4):
            connection.send(b"%d" % i)
        r.settle(lambda: peer.messages == [b"0"])
        hub.sleep(0.02)
        assert peer.messages == [b"0"]
        peer.takes = True
        connection.resume()
        r.settle(lambda: peer.messages == [b"0", b"1", b"2", b"3"])
        connection.abort()


def test_a_slow_server_costs_bounded_memory() -> None:
    """What it does not read is bounded; past the bound the connection ends."""

    def never_read(peer: Script, data: bytes) -> bool:
        return False

    with ring(on_message=never_read, message_bytes=1 << 20) as r:
        peer, connection = call(r, DialOptions(pump=PumpLimits(1 << 20, buffered_bytes=4 << 20, close_grace_s=0.1)))
        for _ in range(64):
            connection.send(b"x" * (1 << 19))
        assert connection.buffered_bytes <= 4 << 20
        r.settle(lambda: bool(peer.ends))
        assert peer.ends == [(1008, "slow consumer")]


def test_a_silent_server_is_pinged_and_a_dead_one_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gw.net.pump.limits.PONG_TIMEOUT_S", 1.2)  # a machine may stand still for a moment

    def upgrade_then_nothing(sock: Any) -> None:
        sock.sendall(UPGRADED)
        hub.sleep(30)

    with ring() as r, raw_server(upgrade_then_nothing) as target:
        peer, connection = call(r, DialOptions(ping_interval_s=0.8))
        dead = Caller(None)  # type: ignore[arg-type]
        with fixed_key():
            dial(target, lambda link: dead, DialOptions(ping_interval_s=0.8, pump=PumpLimits(close_grace_s=0.05)))
        r.settle(lambda: bool(dead.ends))
        assert dead.ends == [(1011, "keepalive ping timeout")]
        assert peer.ends == [], "our listener answers pings"
        connection.abort()


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_tls_with_a_given_authority(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    with ring(ServerOptions(tls_cert=cert, tls_key=key)) as r:
        peer, connection = call(r, DialOptions(tls_ca=cert), is_tls=True)
        connection.send(b"x" * 100_000)
        connection.send(b"secret")
        r.settle(lambda: bool(peer.ends))
        assert peer.ends[0][0] == 1009, "the listener's limit holds"
        peer, connection = call(r, DialOptions(tls_ca=cert), is_tls=True)
        connection.send(b"secret")
        r.settle(lambda: peer.messages == [b"secret"])
        connection.close(1000)
        r.settle(lambda: bool(peer.ends))


def test_tls_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    with ring(ServerOptions(tls_cert=cert, tls_key=key)) as r, pytest.raises(UpstreamError, match="TLS failed"):
        call(r, is_tls=True)


def test_tls_for_another_name_is_refused(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    with ring(ServerOptions(tls_cert=cert, tls_key=key), listen=(("localhost", 0),)) as r:
        target = Target("localhost", r.port, is_tls=True)
        with pytest.raises(UpstreamError, match="TLS failed"):
            dial(target, Caller, DialOptions(tls_ca=cert))


# --- what does not ----------------------------------------------------------------------------------------------------

UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"
)


@contextmanager
def fixed_key() -> Iterator[None]:
    """Sixteen zero bytes as the key, whose acceptance is in UPGRADED."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gw.net.dial.os.urandom", bytes)
        yield


REFUSALS = [
    (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope and more", 403, b"nope"),
    (b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nuntil the end", 503, b"until the end"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
    (b"HTTP/1.1 500 x\r\nContent-Length: \xb2\r\n\r\nnot a digit", 500, b"not a digit"),
    (b"HTTP/1.1 502 x\r\nContent-Length: %b\r\n\r\nlong" % (b"9" * 5000), 502, b"long"),
]


@pytest.mark.parametrize("answer, status, body", REFUSALS, ids=[str(row[1]) for row in REFUSALS])
def test_a_refusal_is_kept_as_it_came(answer: bytes, status: int, body: bytes) -> None:
    with raw_server(lambda sock: (sock.sendall(answer), sock.close())) as target, pytest.raises(Refused) as caught:
        dial(target, Caller, PATIENT)
    assert caught.value.status == status
    assert caught.value.answer == answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body


BROKEN = [
    (b"", "without an answer"),
    (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
    (b"HTTP/1.1 \xb2\xb2\xb2 x\r\n\r\n", "does not speak HTTP"),
    (UPGRADED.replace(b"ICX+", b"ABCD"), "not a WebSocket's"),
    (UPGRADED.replace(b"Upgrade: websocket", b"Upgrade: h2c"), "not a WebSocket's"),
    (UPGRADED.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"), "not offered"),
    (UPGRADED.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), "not offered"),
    (b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 20_000, "too long"),
]


@pytest.mark.parametrize("answer, words", BROKEN, ids=[row[1] for row in BROKEN])
def test_what_is_no_websocket_is_one_clear_error(answer: bytes, words: str) -> None:
    with fixed_key(), raw_server(lambda sock: (sock.sendall(answer), sock.close())) as target:
        with pytest.raises(UpstreamError, match=words) as caught:
            dial(target, Caller, PATIENT)
        assert str(caught.value).startswith(str(target))


def test_a_server_that_says_nothing_costs_the_deadline() -> None:
    with raw_server(lambda sock: hub.sleep(30)) as target, pytest.raises(UpstreamError, match=r"longer than 0.1 s"):
        dial(target, Caller, DialOptions(upgrade_timeout_s=0.1))


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = Target("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(UpstreamError, match="refused"):
            dial(target, Caller, PATIENT)


def test_a_masked_frame_from_a_server_is_a_violation() -> None:
    def serve(sock: Any) -> None:
        sock.sendall(UPGRADED + encode(TEXT, b"{}", True, True))
        hub.sleep(30)

    peer = Caller(None)  # type: ignore[arg-type]
    with fixed_key(), raw_server(serve) as target:
        dial(target, lambda link: peer, DialOptions(pump=PumpLimits(close_grace_s=0.05)))
        until(lambda: bool(peer.ends), "the end")
    assert peer.messages == [] and peer.ends[0][0] == 1002


def test_a_server_that_ends_at_once_is_told_to_the_peer() -> None:
    peer = Caller(None)  # type: ignore[arg-type]
    with fixed_key(), raw_server(lambda sock: sock.sendall(UPGRADED + encode_close(1012, "restart"))) as target:
        dial(target, lambda link: peer, PATIENT)
        until(lambda: bool(peer.ends), "the end")
    assert peer.ends == [(1012, "restart")]


@pytest.mark.parametrize("field", [("X-A", "b\r\nX-Evil: 1"), ("X-A\nX-B", "c"), ("X-A", "b\r")])
def test_a_header_cannot_break_out_of_its_line(field: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        dialling.request_head("GET / HTTP/1.1", [field])


TARGETS = [
    ("ws://h", Target("h", 80), "h"),
    ("wss://h", Target("h", 443, True), "h"),
    ("ws://h:443/x?y=z", Target("h", 443, False, "/x?y=z"), "h:443"),
    ("http://[::1]:18789/", Target("::1", 18789), "[::1]:18789"),
]


@pytest.mark.parametrize("url, target, authority", TARGETS, ids=[row[0] for row in TARGETS])
def test_targets(url: str, target: Target, authority: str) -> None:
    assert Target.parse(url) == target and target.authority == authority


@pytest.mark.parametrize("url", ["", "h:1", "ftp://h", "ws://", "ws://u:p@h", "ws://h/#f", "ws://h:99999", "ws://h/ü"])
def test_what_is_no_target(url: str) -> None:
    with pytest.raises(ValueError):
        Target.parse(url)


def test_a_target_is_shown_without_its_query() -> None:
    assert str(Target("h", 1, True, "/a?token=x")) == "wss://h:1/a"
    assert isinstance(dialling.client_context(None), ssl.SSLContext)
