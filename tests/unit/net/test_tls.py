"""gw/net/tls: the same connection over TLS, and what only TLS can do wrong."""

import ssl
from pathlib import Path
from typing import Any

import gevent
import pytest

from gw import hub
from gw._native.wsframe import BINARY, Decoder, encode
from gw._native.wsstream import Flusher, Outbox
from gw.errors import ConfigError
from gw.net.listener import ServerOptions
from gw.net.pump import PumpLimits
from gw.net.tls import TlsTransport, server_context
from tests.support.certificates import client_context, write_pair
from tests.support.wsclient import WsClient, ask_http, connect_tcp
from tests.unit.net.ring import ring


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_pair(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def options(pair: tuple[Path, Path]) -> ServerOptions:
    return ServerOptions(tls_cert=pair[0], tls_key=pair[1], pump=PumpLimits(message_bytes=8_000_000))


@pytest.mark.parametrize("size", [1, 16_384, 16_385, 65_536, 3_000_000])
def test_a_message_of_any_size_comes_back_over_tls(options: ServerOptions, pair: tuple[Path, Path], size: int) -> None:
    with ring(options) as r, WsClient(r.port, tls=client_context(pair[0])) as client:
        r.settle(lambda: len(r.peers) == 1)
        assert r.peers[0].facts.is_tls
        writer = gevent.spawn(client.send, b"x" * size)
        assert client.text() == b"x" * size
        writer.get(timeout=30)
        assert client.say_goodbye() == (1000, "")
        r.settle(lambda: len(r.server) == 0)


def test_many_messages_in_one_record_are_served_over_several_turns(
    options: ServerOptions, pair: tuple[Path, Path]
) -> None:
    with ring(options) as r, WsClient(r.port, tls=client_context(pair[0])) as client:
        client.send_raw(b"".join(encode(BINARY, b"%d" % i, True, True) for i in range(500)))
        assert [client.text() for _ in range(500)] == [b"%d" % i for i in range(500)]


def test_a_slow_reader_over_tls_gets_everything_in_order(options: ServerOptions, pair: tuple[Path, Path]) -> None:
    with ring(options) as r, WsClient(r.port, tls=client_context(pair[0])) as client:
        r.settle(lambda: len(r.peers) == 1)
        bodies = [bytes([i]) * 300_000 for i in range(40)]
        for body in bodies:
            r.peers[0].link.send(body)
        hub.sleep(0.05)
        assert r.peers[0].link.buffered_bytes > 0
        for body in bodies:
            assert client.text() == body


def test_a_violation_over_tls_says_why(options: ServerOptions, pair: tuple[Path, Path]) -> None:
    with ring(options) as r, WsClient(r.port, tls=client_context(pair[0])) as client:
        client.send_raw(b"\xc1\x80mask")
        assert client.closing()[0] == 1002
        client.close()
        r.settle(lambda: len(r.server) == 0)


def test_plain_http_over_tls_and_plain_text_on_a_tls_port(options: ServerOptions, pair: tuple[Path, Path]) -> None:
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ring(options) as r:
        assert ask_http(r.port, request, client_context(pair[0]))[0] == 404
        with connect_tcp(r.port) as sock:
            sock.sendall(request)
            try:
                answer = sock.recv(100)
            except ConnectionError:
                answer = b""
            assert not answer.startswith(b"HTTP")
        assert ask_http(r.port, request, client_context(pair[0]))[0] == 404


def test_a_client_that_never_shakes_hands_is_dropped(options: ServerOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    from gw import limits

    monkeypatch.setattr(limits, "TLS_HANDSHAKE_TIMEOUT_S", 0.05)
    with ring(options) as r, connect_tcp(r.port) as sock:
        assert sock.recv(100) == b""


class FakeTls:
    """A TLS socket whose next answers are scripted: bytes or an exception to receive, a count or one to send."""

    def __init__(self, receive: list[Any], send: list[Any]) -> None:
        self.script = {"recv": receive, "send": send}
        self.timeout: float | None = None

    def settimeout(self, value: float) -> None:
        self.timeout = value

    def fileno(self) -> int:
        return 99

    def _next(self, name: str) -> Any:
        step = self.script[name].pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    def recv(self, size: int) -> Any:
        return self._next("recv")

    def send(self, data: bytes) -> Any:
        step = self._next("send")
        return min(step, len(data))


def test_tls_that_wants_the_other_direction_first_is_only_not_now() -> None:
    sock = FakeTls([ssl.SSLWantReadError(), ssl.SSLWantWriteError(), b""], [ssl.SSLWantReadError(), 0, 3, 99])
    outbox = Outbox()
    outbox.push(b"12345")
    transport = TlsTransport(sock)  # type: ignore[arg-type]
    transport.stream(Decoder(max_message_bytes=9), outbox, Flusher(print), 99)
    assert sock.timeout == 0.0
    assert [transport.receive(), transport.receive(), transport.receive()] == [[], [], None]
    assert [transport.flush(), transport.flush(), transport.flush()] == [5, 5, 0]
    transport.end_writing()


def test_tls_options_that_cannot_work_say_so(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    assert server_context(cert, key).minimum_version == ssl.TLSVersion.TLSv1_2
    (tmp_path / "other").mkdir()
    _, other_key = write_pair(tmp_path / "other")
    rows = [
        (cert, None, "both a certificate and its key"),
        (None, key, "both a certificate and its key"),
        (cert, tmp_path / "absent.pem", "No such file"),
        (cert, other_key, "cannot be used"),
        (key, key, "cannot be used"),
    ]
    for tls_cert, tls_key, words in rows:
        with pytest.raises(ConfigError, match=words):
            server_context(tls_cert, tls_key)
