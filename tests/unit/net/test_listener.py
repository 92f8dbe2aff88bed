"""gw/net/listener: binding, caps, adoption and the end."""

import contextlib
import time

import pytest

from gw import hub
from gw.net.listener import ServerOptions, bind, serve
from gw.observe.metrics import Metrics
from tests.support.waiting import until
from tests.support.wsclient import WsClient, ask_http, connect_tcp, upgrade_request
from tests.unit.net.ring import Script, ring

HEALTH = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_localhost_is_both_loopbacks_on_one_port() -> None:
    with ring(listen=(("localhost", 0),)) as r:
        hosts = [address[0] for address in r.server.addresses]
        ports = {address[1] for address in r.server.addresses}
        assert (hosts[0], len(ports)) == ("127.0.0.1", 1)
        if "::1" not in hosts:
            pytest.skip("this machine has no IPv6 loopback")
        with connect_tcp(r.port, host="::1") as sock:
            sock.sendall(upgrade_request())
            assert sock.recv(100).startswith(b"HTTP/1.1 101")
        r.settle(lambda: len(r.peers) == 1)
        assert r.peers[0].facts.remote == "::1"


def test_a_taken_port_is_named_and_nothing_stays_bound() -> None:
    [taken] = bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with taken:
        [other] = bind("127.0.0.1", 0)
        free = other.getsockname()[1]
        other.close()
        with pytest.raises(OSError, match=rf"cannot listen on 127.0.0.1 port {port}: "):
            serve([("127.0.0.1", free), ("127.0.0.1", port)], Script, {})
        bind("127.0.0.1", free)[0].close()


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (ServerOptions(max_connections=2), "connections"),
        (ServerOptions(max_connections_per_address=2), "connections_per_address"),
    ],
)
def test_past_a_cap_nobody_is_served_until_one_leaves(options: ServerOptions, where: str) -> None:
    metrics = Metrics()
    server = serve([("127.0.0.1", 0)], Script, {}, options, metrics=metrics)
    port = server.addresses[0][1]
    with WsClient(port) as first, WsClient(port) as second:
        with connect_tcp(port) as third, contextlib.suppress(ConnectionError):
            assert third.recv(10) == b""
        assert metrics.value("clawgate_overload_total", where) == 1
        assert (len(server), server.accepted) == (2, 2)
        second.send(b"kept")
        assert second.text() == b"kept"
        first.say_goodbye()
        until(lambda: len(server) == 1, "the first to leave")
        with WsClient(port) as fourth:
            fourth.send(b"served")
            assert fourth.text() == b"served"
    server.stop(0.1)


def test_http_connections_count_and_are_counted_out() -> None:
    with ring(ServerOptions(max_connections=1)) as r:
        for _ in range(5):
            assert ask_http(r.port, HEALTH)[0] == 404
            r.settle(lambda: not r.server._open)


def test_a_stop_tells_everybody_to_come_back_and_ends_in_time() -> None:
    with ring(close_grace_s=0.1) as r, WsClient(r.port) as polite, WsClient(r.port), connect_tcp(r.port) as idle:
        r.settle(lambda: len(r.peers) == 2)
        r.peers[0].link.send(b"last answer")
        stopping = hub.spawn(r.server.stop, 60.0)
        assert polite.text() == b"last answer"
        assert polite.say_goodbye() == (1012, "service restart")
        stopping.join(30)
        assert stopping.dead
        assert len(r.server) == 0
        assert [peer.ends for peer in r.peers] == [[(1012, "service restart")]] * 2
        assert idle.recv(10) == b""
        with pytest.raises(OSError):
            connect_tcp(r.port)


def test_a_stop_does_not_wait_past_its_deadline() -> None:
    with ring(close_grace_s=60) as r, WsClient(r.port):
        r.settle(lambda: len(r.peers) == 1)
        began = time.monotonic()
        r.server.stop(0.05)
        assert time.monotonic() - began < 30
        assert r.peers[0].ends == [(1012, "service restart")]


def test_a_request_in_flight_meets_a_stopping_server() -> None:
    with ring() as r, connect_tcp(r.port) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        hub.sleep(0.02)
        r.server._stopping = True
        sock.sendall(upgrade_request().partition(b"\r\n")[2])
        assert sock.recv(100).startswith(b"HTTP/1.1 503")


def test_a_peer_that_cannot_be_made_costs_only_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    def fail(link: object, facts: object) -> Script:
        raise ZeroDivisionError

    server = serve([("127.0.0.1", 0)], fail, {})
    with WsClient(server.addresses[0][1]) as client:
        assert client.closing() == (1011, "internal error")
    server.stop(0.1)
    assert len(server) == 0
    assert "peer.crashed" in [record.message for record in caplog.records]
