"""The blocking client against a scripted gateway: answers, events in between, and every way not to get in."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gw._native import wsframe
from gw.cli.rpc import GatewayClient, RefusedError, UnreachableError
from gw.config.settings import Address
from gw.wire import json

Script = Callable[["Server"], None]
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
HELLO = {"type": "hello-ok", "server": {"version": "9"}}


class Server:
    """Accepts one connection and plays a script against it."""

    def __init__(self, script: Script) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address(*self._listener.getsockname()[:2])
        self._decoder = wsframe.Decoder(max_message_bytes=1 << 20)
        self._script = script
        self.got: list[Any] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.socket, _ = self._listener.accept()
        self.socket.settimeout(5)
        self.request = self.socket.recv(65536)
        try:
            self._script(self)
        except OSError:
            pass
        finally:
            self.socket.close()

    def receive(self) -> dict[str, Any]:
        while True:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError
            for opcode, payload in self._decoder.feed(data):
                self.got.append((opcode, payload))
                if opcode == wsframe.TEXT:
                    frame: dict[str, Any] = json.loads(payload)
                    return frame

    def send(self, *frames: dict[str, Any], before: bytes = b"") -> None:
        encoded = [wsframe.encode(wsframe.TEXT, json.dumps(frame)) for frame in frames]
        self.socket.sendall(before + b"".join(encoded))

    def challenge(self) -> None:
        self.send({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n"}}, before=UPGRADE)

    def welcome(self) -> dict[str, Any]:
        self.challenge()
        request = self.receive()
        self.send({"type": "res", "id": request["id"], "ok": True, "payload": HELLO})
        return request

    def stop(self) -> None:
        self._thread.join(5)
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    started: list[Server] = []

    def start(script: Script) -> Server:
        started.append(Server(script))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def test_a_call_gets_its_answer_and_keeps_what_came_between(serve: Callable[[Script], Server]) -> None:
    connects = []

    def script(server: Server) -> None:
        connects.append(server.welcome())
        request = server.receive()
        event = {"type": "event", "event": "tick", "payload": {}, "seq": 1}
        server.socket.sendall(wsframe.encode(wsframe.PING, b"are you there"))
        server.send(event, {"type": "res", "id": request["id"], "ok": True, "payload": {"n": request["params"]["n"]}})
        server.receive()

    server = serve(script)
    with GatewayClient(server.address, "secret", scopes=("operator.admin",)) as client:
        assert client.hello["server"]["version"] == "9"
        assert client.call("echo", {"n": 5}) == {"n": 5}
        assert [frame["event"] for frame in client.events] == ["tick"]
    params = connects[0]["params"]
    assert (params["auth"], params["scopes"]) == ({"token": "secret"}, ["operator.admin"])
    server.stop()
    assert (wsframe.PONG, b"are you there") in server.got
    assert server.got[-1][0] == wsframe.CLOSE


def test_a_refused_call_carries_the_error(serve: Callable[[Script], Server]) -> None:
    def script(server: Server) -> None:
        server.welcome()
        request = server.receive()
        error = {"code": "FORBIDDEN", "message": "missing scope: operator.admin"}
        server.send({"type": "res", "id": request["id"], "ok": False, "error": error})

    with (
        GatewayClient(serve(script).address, None) as client,
        pytest.raises(RefusedError, match=r"config\.set: missing scope") as caught,
    ):
        client.call("config.set")
    assert caught.value.shape["code"] == "FORBIDDEN"


def wrong_token(server: Server) -> None:
    server.challenge()
    request = server.receive()
    error = {"code": "INVALID_REQUEST", "message": "gateway token mismatch"}
    server.send({"type": "res", "id": request["id"], "ok": False, "error": error})


def closes(server: Server) -> None:
    server.challenge()
    server.receive()
    server.socket.sendall(wsframe.encode_close(1008, "too slow"))


def hangs_up(server: Server) -> None:
    server.socket.sendall(UPGRADE)


def web_server(server: Server) -> None:
    server.socket.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")


def other_socket(server: Server) -> None:
    server.send({"type": "event", "event": "hello"}, before=UPGRADE)


def babbles(server: Server) -> None:
    server.socket.sendall(b"x" * 200_000)


def silent(server: Server) -> None:
    server.socket.sendall(UPGRADE)
    server.socket.recv(1)


NO_WAY_IN = [
    (wrong_token, "it refuses: gateway token mismatch"),
    (closes, "closed the connection with 1008 too slow"),
    (hangs_up, "closed the connection"),
    (web_server, "it answers HTTP/1.1 404 Not Found"),
    (other_socket, "no OpenClaw gateway"),
    (babbles, "does not speak HTTP"),
    (silent, "no answer in time"),
]


@pytest.mark.parametrize("script, words", NO_WAY_IN, ids=lambda v: getattr(v, "__name__", ""))
def test_every_way_not_to_get_in_is_said_plainly(serve: Callable[[Script], Server], script: Script, words: str) -> None:
    server = serve(script)
    with pytest.raises(UnreachableError, match=words) as caught, GatewayClient(server.address, "t", timeout_s=0.3):
        pass
    assert caught.value.exit_status == 3
    assert str(server.address) in str(caught.value)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = Address(*probe.getsockname()[:2])
    with pytest.raises(UnreachableError, match="Connection refused"):
        GatewayClient(address, None)
