"""The blocking WebSocket: what it asks for, what it makes of frames, and how it ends."""

from collections.abc import Callable, Iterator

import pytest

from gw._native import wsframe
from gw.cli.websocket import UnreachableError, WebSocket
from tests.support.scripted import UPGRADE, Script, Server, scripted


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    with scripted() as start:
        yield start


def test_the_request_names_path_host_and_extra_headers(serve: Callable[[Script], Server]) -> None:
    server = serve(lambda server: server.socket.sendall(UPGRADE))
    WebSocket(server.address, path="/x?y=1", headers={"Origin": "http://here", "Host": "other:1"}).close()
    lines = server.request.decode().split("\r\n")
    assert lines[0] == "GET /x?y=1 HTTP/1.1"
    assert "Origin: http://here" in lines and "Host: other:1" in lines
    assert len([line for line in lines if line.startswith("Host:")]) == 1


def test_fragments_are_joined_and_early_frames_are_kept(serve: Callable[[Script], Server]) -> None:
    def script(server: Server) -> None:
        first = wsframe.encode(wsframe.TEXT, b"one")
        second = wsframe.encode(wsframe.TEXT, b"tw", fin=False) + wsframe.encode(wsframe.CONTINUATION, b"o")
        server.socket.sendall(UPGRADE + first + second)
        server.socket.sendall(wsframe.encode(wsframe.BINARY, b"three"))

    socket = WebSocket(serve(script).address)
    assert [socket.receive() for _ in range(3)] == [b"one", b"two", b"three"]
    socket.close()


def test_messages_before_a_close_are_delivered_first(serve: Callable[[Script], Server]) -> None:
    def script(server: Server) -> None:
        server.socket.sendall(UPGRADE + wsframe.encode(wsframe.TEXT, b"last words"))
        server.socket.sendall(wsframe.encode_close(1008, "slow consumer"))

    socket = WebSocket(serve(script).address)
    assert socket.receive() == b"last words"
    with pytest.raises(UnreachableError, match="1008 slow consumer"):
        socket.receive()
    assert socket.closed_with == (1008, "slow consumer")
    with pytest.raises(UnreachableError, match="closed"):
        socket.send(b"too late")


def test_what_is_sent_is_masked(serve: Callable[[Script], Server]) -> None:
    raw: list[bytes] = []

    def script(server: Server) -> None:
        server.socket.sendall(UPGRADE)
        raw.append(server.socket.recv(100))

    server = serve(script)
    socket = WebSocket(server.address)
    socket.send(b"hello")
    server.stop()
    socket.close()
    assert raw[0][1] & 0x80 and b"hello" not in raw[0]
