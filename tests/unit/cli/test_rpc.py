"""The blocking client against a scripted gateway: answers, events in between, and every way not to get in."""

import socket
from collections.abc import Callable, Iterator

import pytest

from gw._native import wsframe
from gw.cli.rpc import GatewayClient, RefusedError
from gw.cli.websocket import UnreachableError
from gw.config.settings import Address
from tests.support.scripted import UPGRADE, Script, Server, scripted


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    with scripted() as start:
        yield start


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
    (wrong_token, "refuses: gateway token mismatch"),
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
    timeout_s = 0.3 if script is silent else 10
    with (
        pytest.raises(UnreachableError, match=words) as caught,
        GatewayClient(server.address, "t", timeout_s=timeout_s),
    ):
        pass
    assert caught.value.exit_status == 3
    assert str(server.address) in str(caught.value)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = Address(*probe.getsockname()[:2])
    with pytest.raises(UnreachableError, match="Connection refused"):
        GatewayClient(address, None)
