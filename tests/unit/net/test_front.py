"""gw/net/front: requests handed on byte for byte, answers as they come, upgrades joined, both sides' ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from gevent import socket
from gevent.server import StreamServer

from gw import hub
from gw._native.wsframe import TEXT
from gw.net.dial import DialOptions, Opened, Target, attach
from gw.net.front import Asked, FrontServer, serve_front
from gw.net.http import Request, Response, error_response
from gw.net.listener import ServerOptions
from gw.net.pump import Connection
from gw.net.upstream import Upstream
from gw.ports import Peer, UpgradeFacts
from tests.support.waiting import until
from tests.support.wsclient import WsClient, ask_http, connect_tcp, upgrade_request
from tests.unit.net.ring import ring


class Between:
    """A ports.Peer that hands text to the other side."""

    def __init__(self, other: Connection) -> None:
        self.other = other

    def opened(self) -> None: ...

    def message(self, data: bytes) -> bool:
        self.other.send(data)
        return True

    def closed(self, code: int, reason: str) -> None:
        self.other.close(1001 if code == 1006 else code, reason)


class OpenFront:
    """A net.front.Front that judges POST /guarded: a body with `no` in it does not pass."""

    def __init__(self, target: Target) -> None:
        self.upstream = Upstream(target, DialOptions(connect_timeout_s=2, upgrade_timeout_s=2), hub.SystemClock())
        self.judged: list[bytes] = []
        self.has_judged = hub.Latch()  # a body with `slow` in it waits for this

    def admit(self, asked: Asked) -> tuple[Asked, Response | None]:
        if asked.target.startswith("/private"):
            return asked, error_response(401, "unauthorized", "no")
        return asked, None

    def must_judge(self, asked: Asked) -> bool:
        return asked.method == "POST" and asked.target.startswith("/guarded")

    def judge(self, asked: Asked, request: Request) -> Response | None:
        self.judged.append(request.body)
        if b"slow" in request.body:
            self.has_judged.wait(30)
        return error_response(403, "forbidden", "no") if b"no" in request.body else None

    def join(self, client: Connection, facts: UpgradeFacts, opened: Opened) -> Peer:
        return Between(attach(opened, lambda link: Between(client), self.upstream.options))


class Behind:
    """A raw HTTP server: keeps what it is asked and answers what the test says."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.ended = 0
        self.answer: Any = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Odd:  spaced\r\n\r\nhi"

    def handle(self, sock: Any, address: object) -> None:
        data = b""
        while not self._is_whole(data):
            piece = sock.recv(65536)
            if not piece:
                self.ended += 1
                return
            data += piece
        self.asked.append(data)
        if callable(self.answer):
            self.answer(sock)
        else:
            sock.sendall(self.answer)
        sock.close()

    @staticmethod
    def _is_whole(data: bytes) -> bool:
        head, blank, body = data.partition(b"\r\n\r\n")
        if b"chunked" in head:
            return body.endswith(b"0\r\n\r\n")
        sizes = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        return bool(blank) and len(body) >= (int(sizes[0].partition(b":")[2]) if sizes else 0)


@contextmanager
def front(target: Target, **options: Any) -> Iterator[tuple[OpenFront, FrontServer, int]]:
    rules = OpenFront(target)
    server = serve_front(rules, ("127.0.0.1", 0), ServerOptions(**options))
    try:
        yield rules, server, server.addresses[0][1]
    finally:
        server.stop(drain_s=0.2)


@contextmanager
def in_front(**options: Any) -> Iterator[tuple[OpenFront, Behind, int]]:
    behind = Behind()
    server = StreamServer(("127.0.0.1", 0), behind.handle)
    server.start()
    try:
        with front(Target("127.0.0.1", server.server_port), **options) as (rules, _, port):
            yield rules, behind, port
    finally:
        server.stop(timeout=0.1)


# --- plain requests --------------------------------------------------------------------------------------------------


def test_request_and_answer_pass_as_they_are() -> None:
    with in_front() as (_, behind, port):
        asked = b"GET /a%20b?c=%2F HTTP/1.1\r\nHost: gw.example\r\nX-Twice: 1\r\naccept: */*\r\nX-Twice: 2\r\n\r\n"
        status, answer = ask_http(port, asked)
        assert status == 200 and answer == behind.answer
        assert behind.asked == [asked[:-2] + b"Connection: close\r\n\r\n"]


def test_hop_by_hop_headers_stay_here() -> None:
    with in_front() as (_, behind, port):
        own = b"Connection: keep-alive, X-Mine\r\nKeep-Alive: 5\r\nTE: x\r\nX-Mine: 1\r\n"
        ask_http(port, b"GET / HTTP/1.1\r\nHost: h\r\n%b\r\n" % own)
        assert behind.asked == [b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"]


@pytest.mark.parametrize("path", [b"/free", b"/guarded"])
def test_a_body_passes_unchanged_judged_or_not(path: bytes) -> None:
    body = bytes(reversed(range(256))) * 1000
    with in_front() as (rules, behind, port):
        ask_http(port, b"POST %b HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body)
        assert behind.asked[0].partition(b"\r\n\r\n")[2] == body
        assert rules.judged == ([body] if path == b"/guarded" else [])


def test_a_chunked_body_keeps_its_form_unless_it_was_read() -> None:
    chunked = b"POST %b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    with in_front() as (_, behind, port):
        ask_http(port, chunked % b"/free")
        ask_http(port, chunked % b"/guarded")
    free, judged = behind.asked
    assert b"Transfer-Encoding: chunked" in free and free.endswith(b"5\r\nhello\r\n0\r\n\r\n")
    assert b"chunked" not in judged and b"Content-Length: 5\r\n" in judged and judged.endswith(b"\r\n\r\nhello")


def test_what_is_refused_never_reaches_the_gateway() -> None:
    with in_front() as (_, behind, port):
        assert ask_http(port, b"POST /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nno")[0] == 403
        assert ask_http(port, b"GET /private HTTP/1.1\r\nHost: h\r\n\r\n")[0] == 401
        assert behind.asked == []


def test_a_body_too_large_to_judge_is_refused() -> None:
    with in_front(body_bytes=10) as (rules, behind, port):
        assert ask_http(port, b"POST /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)[0] == 413
        assert ask_http(port, b"POST /free HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)[0] == 200
        assert rules.judged == [] and len(behind.asked) == 1


def test_an_answer_is_passed_on_while_it_comes() -> None:
    has_come = hub.Latch()

    def drip(sock: Any) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        if has_come.wait(30):
            sock.sendall(b"data: 2\n\n")

    with in_front() as (_, behind, port):
        behind.answer = drip
        with connect_tcp(port) as sock:
            sock.sendall(b"GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
            assert b"data: 1" in sock.recv(65536)
            has_come.set()
            assert sock.recv(65536) == b"data: 2\n\n"


def test_a_client_that_hangs_up_ends_the_gateways_side_too() -> None:
    ended: list[bool] = []

    def wait_for_end(sock: Any) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        ended.append(sock.recv(1) == b"")

    with in_front() as (_, behind, port):
        behind.answer = wait_for_end
        sock = connect_tcp(port)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        sock.recv(100)
        sock.close()
        until(lambda: bool(ended), "the end of the gateway's side")
        assert ended == [True]


def test_a_client_that_left_while_it_was_judged_is_not_handed_on() -> None:
    with in_front() as (rules, behind, port):
        sock = connect_tcp(port)
        sock.sendall(b"POST /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nslow")
        until(lambda: bool(rules.judged), "the judge")
        sock.close()
        rules.has_judged.set()
        hub.sleep(0.2)
        assert rules.judged == [b"slow"] and behind.asked == []


def test_a_gateway_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gw.net.upstream.PATIENCE_S", 0.1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with front(Target("127.0.0.1", taken.getsockname()[1])) as (_, _, port):
            status, answer = ask_http(port, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            assert status == 503 and b"Retry-After: 1" in answer
            status, answer = ask_http(port, upgrade_request())
            assert status == 503


def test_a_gateway_that_breaks_off_is_passed_on() -> None:
    with in_front() as (_, behind, port):
        behind.answer = lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        assert ask_http(port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")[1].endswith(b"only this")


# --- WebSockets ------------------------------------------------------------------------------------------------------


def test_an_upgrade_is_joined_to_one_of_the_gateways() -> None:
    with ring() as r, front(Target("127.0.0.1", r.port)) as (_, server, port):
        with WsClient(port, path="/?a=b", host="gw.example", origin="http://gw.example", x_one="1") as client:
            client.send(b"hello", TEXT)
            assert client.text() == b"hello"
            facts = r.peers[0].facts
            assert (facts.host, facts.origin, facts.headers["x-one"]) == ("gw.example", "http://gw.example", "1")
            assert len(server) == 1 and not any("forwarded" in name for name in facts.headers)
            assert client.say_goodbye(4000)[0] == 4000
        r.settle(lambda: r.peers[0].ends == [(4000, "")])


def test_what_the_gateway_says_first_is_not_lost() -> None:
    with (
        ring(on_open=lambda peer: peer.link.send(b"challenge")) as r,
        front(Target("127.0.0.1", r.port)) as (_, _, port),
    ):
        for _ in range(20):
            with WsClient(port) as client:
                assert client.text() == b"challenge"


def test_a_refused_upgrade_is_refused_in_the_gateways_words() -> None:
    with in_front() as (_, behind, port):
        behind.answer = b"HTTP/1.1 401 Unauthorized\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno"
        assert ask_http(port, upgrade_request("/elsewhere"))[1] == behind.answer


def test_forwarded_headers_of_a_client_are_refused_as_the_gateway_does() -> None:
    with in_front() as (_, behind, port):
        status, answer = ask_http(port, upgrade_request(x_forwarded_for="10.0.0.1"))
        assert status == 403 and b"proxy_attribution_required" in answer and behind.asked == []


def test_a_client_gone_before_its_101_leaves_no_socket_behind() -> None:
    has_left = hub.Latch()
    answered: list[int] = []

    def slow_upgrade(sock: Any) -> None:
        assert has_left.wait(30)
        sock.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        answered.append(503)

    with in_front() as (_, behind, port):
        behind.answer = slow_upgrade
        sock = connect_tcp(port)
        sock.sendall(upgrade_request())
        sock.close()
        has_left.set()
        until(lambda: bool(answered), "the answer to who has left")
        hub.sleep(0.1)  # it finds nobody
        assert len(behind.asked) == 1


def test_stopping_says_goodbye() -> None:
    with ring() as r, front(Target("127.0.0.1", r.port)) as (_, server, port):
        client = WsClient(port)
        task = hub.spawn(server.stop, 1.0)
        assert client.closing() == (1012, "service restart")
        client.close()
        task.join(30)
        r.settle(lambda: r.peers[0].ends == [(1012, "service restart")])
