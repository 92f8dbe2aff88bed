"""The outbound client against a real server on loopback: slow, dripping, redirecting, oversized, gone."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gw.errors import IntelError, Overloaded, UpstreamError
from gw.hub import OffloadPool, SystemClock
from gw.net.https import MAX_BODY_BYTES, Https


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(429)
        self.send_header("Retry-After", "3")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name == "slow":
            time.sleep(5)
        if name == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(200):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)
            self.close_connection = True
            return
        body = (
            b"y" * (MAX_BODY_BYTES + 1)
            if name == "big"
            else f"{self.headers['X-Key']}|{self.headers['User-Agent']}".encode()
        )
        self.send_response(302 if name == "redirect" else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client() -> Iterator[Https]:
    pool = OffloadPool("http", 2, 4)
    https = Https(pool, SystemClock(), "clawgate-test")
    yield https
    https.close()
    pool.close()


def test_headers_go_out_and_the_body_comes_back(client: Https, base: str) -> None:
    assert client.get(f"{base}/", {"X-Key": "K"}, 5) == (200, b"K|clawgate-test")


def test_any_method_with_a_body_and_the_answer_with_its_headers(client: Https, base: str) -> None:
    status, headers, body = client.exchange("POST", f"{base}/", {"X-Key": "K"}, b"told", 5)
    assert (status, headers["retry-after"], body) == (429, "3", b"told")


def test_what_fails_names_neither_address_nor_headers(client: Https) -> None:
    with pytest.raises(UpstreamError) as raised:
        client.exchange("POST", "http://127.0.0.1:1/bot-t0ken", {"Authorization": "t0ken"}, b"", 2)
    assert str(raised.value) == "network"


def test_a_redirect_is_an_answer_like_any_other(client: Https, base: str) -> None:
    assert client.get(f"{base}/redirect", {}, 5)[0] == 302


@pytest.mark.parametrize(
    "path, timeout_s, reason",
    [("slow", 0.2, "timeout"), ("drip", 0.4, "timeout"), ("big", 5, "answer"), ("", 0, "timeout")],
)
def test_bounds(client: Https, base: str, path: str, timeout_s: float, reason: str) -> None:
    begun = time.monotonic()
    with pytest.raises(IntelError, match=reason):
        client.get(f"{base}/{path}", {}, timeout_s)
    assert time.monotonic() - begun < 10, "one limit for the whole answer, however it drips"


def test_nobody_there(client: Https) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(IntelError, match="network"):
            client.get(f"http://127.0.0.1:{held.getsockname()[1]}/", {}, 2)


def test_a_full_pool_is_an_outage_not_a_wait(base: str) -> None:
    class Full:
        def run(self, *args: object) -> object:
            raise Overloaded("http")

    with pytest.raises(IntelError, match="busy"):
        Https(Full(), SystemClock(), "x").get(base, {}, 1)  # type: ignore[arg-type]  # the port's generics
