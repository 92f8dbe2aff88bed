"""gw/net/http: routes, the upgrade's refusals, and requests that are wrong, too large or too slow."""

import json
import logging

import pytest

from gw import hub, limits
from gw.net.http import Request, Response, error_response, find_route, json_response
from gw.net.listener import ServerOptions
from tests.support.wsclient import WsClient, ask_http, connect_tcp, upgrade_request
from tests.unit.net.ring import ring


def show(request: Request) -> Response:
    return json_response(200, {name: str(value) for name, value in request._asdict().items() if name != "headers"})


def crash(request: Request) -> Response:
    raise ZeroDivisionError("secret")


ROUTES = {
    "/health": lambda request: json_response(200, {"ok": True}),
    "/show": show,
    "/crash": crash,
    "/assets/": lambda request: Response(200, b"asset", "text/plain", (("Cache-Control", "max-age=60"),)),
}


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    fields = "".join(f"{header}\r\n" for header in ("Host: x", "Connection: close", *headers))
    return f"{line} HTTP/1.1\r\n{fields}\r\n".encode() + body


# --- routes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/health", "/health"),
        ("/health/", "/"),
        ("/healthz", "/"),
        ("/assets/", "/assets/"),
        ("/assets/a/b.js", "/assets/"),
        ("/assets", "/"),
        ("/assets/deep/x", "/assets/deep/"),
        ("/", "/"),
        ("//", "/"),
        ("*", None),
        ("", None),
    ],
)
def test_a_route_is_exact_or_the_longest_prefix(path: str, found: str | None) -> None:
    routes = {key: (lambda request, key=key: Response(200, key.encode())) for key in
              ("/", "/health", "/assets/", "/assets/deep/")}  # fmt: skip
    route = find_route(routes, path)
    assert (route and route(None).body.decode()) == found  # type: ignore[arg-type]


def test_without_a_root_unknown_paths_have_no_route() -> None:
    assert find_route(ROUTES, "/nope") is None


@pytest.mark.parametrize(
    ("line", "status"),
    [("GET /health", 200), ("HEAD /health", 200), ("GET /nope", 404), ("GET /assets/x", 200), ("GET /crash", 500)],
)
def test_plain_requests(line: str, status: int) -> None:
    with ring(routes=ROUTES) as r:
        got, answer = ask_http(r.port, request(line))
    assert got == status
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"X-Content-Type-Options: nosniff" in head
    assert b"secret" not in answer
    if line.startswith("HEAD"):
        assert body == b""
    elif status != 200:
        assert set(json.loads(body)["error"]) == {"message", "type"}


def test_a_route_sees_the_request() -> None:
    with ring(routes=ROUTES) as r:
        _, answer = ask_http(r.port, request("POST /show?a=1&b=%20", "Content-Length: 4", body=b"body"))
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
        "method": "POST",
        "path": "/show",
        "query": "a=1&b=%20",
        "body": "b'body'",
        "remote": "127.0.0.1",
        "is_tls": "False",
    }


def test_a_connection_is_kept_for_the_next_request() -> None:
    with ring(routes=ROUTES) as r, connect_tcp(r.port) as sock:
        for _ in range(3):
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(4096).endswith(b'{"ok":true}')


def test_pipelined_requests_and_then_an_upgrade() -> None:
    with ring(routes=ROUTES) as r, connect_tcp(r.port) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + upgrade_request())
        answer = b""
        while b"101 Switching" not in answer:
            answer += sock.recv(4096)
        assert b'{"ok":true}' in answer
        r.settle(lambda: len(r.server) == 1)


# --- wrong, large, slow ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"garbage\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400),  # a TLS hello on a plain port
        (b"GET /health HTTP/9.9\r\n\r\n", 400),
        (b"GET /health HTTP/x\r\n\r\n", 400),
        (b"GET /health\r\n\r\n", 400),  # HTTP/0.9
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST /show HTTP/1.1\r\nContent-Length: -4\r\n\r\nbody", 400),
        (b"POST /show HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /show HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 400),
        (b"POST /show HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"POST /show HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 33_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"POST /show HTTP/1.1\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n", 413),
        (b"POST /show HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + b"a" * 4095 + b"\r\n0\r\n\r\n", 413),  # noqa: E501
    ],
)  # fmt: skip
def test_a_wrong_request_is_answered_and_hurts_nobody(
    data: bytes, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with ring(ServerOptions(body_bytes=1000), routes=ROUTES) as r:
        assert ask_http(r.port, data)[0] == status
        assert ask_http(r.port, request("GET /health"))[0] == 200
        r.settle(lambda: not r.server._open)
    assert capfd.readouterr().err == ""


def test_header_lines_without_a_colon_do_not_reach_the_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with ring(routes=ROUTES) as r:
        ask_http(r.port, b"GET /health HTTP/1.1\r\nConnection: close\r\nprivate words\r\n\r\n")
    assert "private" not in caplog.text
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("limit", "start", "drip", "status"),
    [
        ("HTTP_IDLE_TIMEOUT_S", b"", b"", 0),
        ("HTTP_IDLE_TIMEOUT_S", b"GET /hea", b"l", 0),
        ("HTTP_HEADER_TIMEOUT_S", b"GET /health HTTP/1.1\r\n", b"X-Drip: 1\r\n", 408),
        ("HTTP_BODY_TIMEOUT_S", b"POST /show HTTP/1.1\r\nConnection: close\r\nContent-Length: 900\r\n\r\n", b"a", 408),
    ],
)
def test_a_slow_drip_has_a_deadline(
    limit: str, start: bytes, drip: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, limit, 0.1)
    with ring(routes=ROUTES) as r, connect_tcp(r.port) as sock:
        sock.sendall(start)
        sock.settimeout(0.02)
        answer = b""
        with hub.Deadline(3, "being dropped"):
            while True:
                try:
                    if drip:
                        sock.sendall(drip)
                    piece = sock.recv(4096)
                except TimeoutError:
                    continue
                except OSError:
                    break
                if not piece:
                    break
                answer += piece
        assert (int(answer.split(b" ", 2)[1]) if answer else 0) == status


def test_a_client_that_does_not_read_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HTTP_IDLE_TIMEOUT_S", 0.3)
    monkeypatch.setattr(limits, "HTTP_READER_BYTES_PER_S", 1 << 30)
    body = b"x" * (64 << 20)  # more than any socket's buffers hold
    with ring(routes={"/big": lambda request: Response(200, body)}) as r, connect_tcp(r.port) as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
        r.settle(lambda: bool(r.server._open), "the request")
        r.settle(lambda: not r.server._open, "its end")


# --- the upgrade -----------------------------------------------------------------------------------------------------


def test_an_upgrade_tells_its_facts() -> None:
    with ring() as r, WsClient(r.port, origin="http://localhost", user_agent="test/1", x_twice="a") as client:
        r.settle(lambda: len(r.peers) == 1)
        facts = r.peers[0].facts
        assert b"sec-websocket-extensions" not in client.head.lower()
    assert (facts.remote, facts.path, facts.is_tls) == ("127.0.0.1", "/", False)
    assert (facts.host, facts.origin, facts.headers["user-agent"]) == ("127.0.0.1", "http://localhost", "test/1")
    assert facts.headers["x-twice"] == "a"


def test_the_accept_key_is_the_one_of_rfc_6455() -> None:
    with ring() as r, WsClient(r.port, sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==") as client:
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in client.head


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"x_forwarded_for": "10.0.0.1"}, 403, "proxy_attribution_required"),
        ({"x_forwarded_host": "evil.example"}, 403, "proxy_attribution_required"),
        ({"sec_websocket_version": "8"}, 426, "upgrade_required"),
        ({"sec_websocket_version": ""}, 426, "upgrade_required"),
        ({"sec_websocket_key": ""}, 400, "invalid_request"),
        ({"sec_websocket_key": "c2hvcnQ="}, 400, "invalid_request"),
        ({"sec_websocket_key": "!!!!!!!!!!!!!!!!!!!!!!=="}, 400, "invalid_request"),
        ({"connection": "keep-alive"}, 400, "invalid_request"),
        ({"content_length": "5"}, 400, "invalid_request"),
        ({"transfer_encoding": "chunked"}, 400, "invalid_request"),
    ],
)
def test_a_refused_upgrade_says_why(headers: dict[str, str], status: int, kind: str) -> None:
    with ring() as r:
        got, answer = ask_http(r.port, upgrade_request(**headers))
        assert (got, json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["type"]) == (status, kind)
        assert b"Sec-WebSocket-Version: 13" in answer or status != 426
        assert r.peers == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (upgrade_request("/elsewhere"), 404),
        (upgrade_request().replace(b"GET", b"POST"), 400),
        (upgrade_request().replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
    ],
)
def test_an_upgrade_of_the_wrong_kind_is_refused(data: bytes, status: int) -> None:
    with ring() as r:
        assert ask_http(r.port, data)[0] == status


@pytest.mark.parametrize(
    ("forwarded", "remote"),
    [("203.0.113.7", "203.0.113.7"), ("6.6.6.6, 203.0.113.7", "203.0.113.7"), ("", "127.0.0.1")],
)
def test_a_trusted_proxy_may_speak_for_its_client(forwarded: str, remote: str) -> None:
    options = ServerOptions(trusted_proxies=frozenset({"127.0.0.1"}))
    with ring(options) as r, WsClient(r.port, x_forwarded_for=forwarded, x_forwarded_host="gw.example"):
        r.settle(lambda: len(r.peers) == 1)
        assert r.peers[0].facts.remote == remote


def test_error_response_has_upstreams_shape() -> None:
    assert json.loads(error_response(401, "unauthorized", "Unauthorized").body) == {
        "error": {"message": "Unauthorized", "type": "unauthorized"}
    }
