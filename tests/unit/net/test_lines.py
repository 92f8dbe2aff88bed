"""The line socket against real Unix sockets: order, bounds, modes, stale and foreign paths."""

import select
import socket as plain
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gevent import socket

from gw.hub import Deadline, sleep
from gw.net import lines
from gw.net.lines import LineServer
from tests.support.waiting import until

Dial = Callable[[], socket.socket]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "ask.sock"


@pytest.fixture
def server(path: Path) -> Iterator[LineServer]:
    def answer(line: bytes) -> bytes:
        if line.startswith(b"slow"):
            sleep(0.2)
        return line.upper()

    server = LineServer(path, answer)
    yield server
    server.stop()


@pytest.fixture
def dial(path: Path) -> Iterator[Dial]:
    opened: list[socket.socket] = []

    def dial() -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(30)
        client.connect(str(path))
        opened.append(client)
        return client

    yield dial
    for client in opened:
        client.close()


def read_lines(client: socket.socket, count: int) -> list[bytes]:
    data = b""
    with Deadline(3, "reading answers"):
        while data.count(b"\n") < count:
            piece = client.recv(65536)
            if not piece:
                break
            data += piece
    return data.split(b"\n")[:-1]


def test_one_answer_a_line_however_the_bytes_come(server: LineServer, dial: Dial) -> None:
    client = dial()
    for piece in (b"o", b"ne\ntw", b"o\n\n", b"three\n"):
        client.sendall(piece)
        sleep(0.01)
    assert sorted(read_lines(client, 3)) == [b"ONE", b"THREE", b"TWO"]


def test_a_slow_answer_stalls_no_other(server: LineServer, dial: Dial) -> None:
    client = dial()
    client.sendall(b"slow\nquick\n")
    assert read_lines(client, 2) == [b"QUICK", b"SLOW"]


def test_a_line_over_the_bound_ends_the_connection(
    server: LineServer, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_LINE_BYTES", 100)
    client, other = dial(), dial()
    client.sendall(b"x" * 200)
    assert client.recv(1) == b""
    other.sendall(b"fine\n")
    assert read_lines(other, 1) == [b"FINE"]


def test_an_asker_that_leaves_is_no_error(server: LineServer, dial: Dial) -> None:
    client = dial()
    client.sendall(b"slow\n")
    client.close()
    sleep(0.3)
    other = dial()
    other.sendall(b"still here\n")
    assert read_lines(other, 1) == [b"STILL HERE"]


def test_silence_after_a_slow_reading_is_no_reason_to_end(
    path: Path, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "SEND_TIMEOUT_S", 2.0)
    server = LineServer(path, lambda line: line * 1_000_000)  # more than fits into the socket: it is sent by waiting
    try:
        client = dial()
        client.sendall(b"long\n")
        sleep(0.1)
        client.sendall(b"x\n")  # read while the long answer still waits
        sleep(0.1)
        assert list(map(len, read_lines(client, 2))) == [4_000_000, 1_000_000]
        sleep(2.2)
        client.sendall(b"y\n")
        assert len(read_lines(client, 1)) == 1
    finally:
        server.stop()


def test_an_asker_that_does_not_read_is_left(path: Path, dial: Dial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SEND_TIMEOUT_S", 0.1)
    server = LineServer(path, lambda line: line * 1_000_000)
    try:
        client = dial()
        client.sendall(b"long\n")
        ends = select.poll()
        ends.register(client.fileno(), 0)
        until(lambda: bool(ends.poll(0)), "the server's end to close")
        assert sum(map(len, iter(lambda: client.recv(1 << 20), b""))) < 4_000_000
    finally:
        server.stop()


def test_only_owner_and_group_may_connect(server: LineServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_stale_socket_is_replaced_and_gone_after_stop(path: Path) -> None:
    path.parent.mkdir(parents=True)
    stale = plain.socket(plain.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    server = LineServer(path, bytes.upper)
    assert path.is_socket()
    server.stop()
    assert not path.exists()


def test_what_is_not_ours_stays(path: Path, server: LineServer) -> None:
    with pytest.raises(OSError, match="another gateway"):
        LineServer(path, bytes.upper)
    other = path.with_name("file")
    other.write_text("precious")
    with pytest.raises(OSError, match="not a socket"):
        LineServer(other, bytes.upper)
    assert other.read_text() == "precious"
