"""Carrying a conversation: order, ticks, closes."""

import pytest

from gw.channels.base import ChannelStopped, Turn
from gw.channels.sockets import converse
from tests.support.channels import Clock, Socket


class Talk:
    leave_code = 4900
    cursor = None

    def __init__(self) -> None:
        self.due = 1_030.0
        self.heard: list[str] = []

    def feed(self, data: bytes, now: float) -> Turn:
        self.heard.append(data.decode())
        if data == b"stop":
            raise ChannelStopped("no")
        return Turn(send=(b"re:" + data,), is_over=data == b"bye")

    def tick(self, now: float) -> Turn:
        self.heard.append(f"tick {now:g}")
        self.due = now + 30
        return Turn(send=(b"beat",))

    def closed(self, code: int) -> Turn:
        self.heard.append(f"closed {code}")
        return Turn(is_over=True)


def test_frames_leave_after_the_turn_was_taken() -> None:
    socket = Socket(b"one", b"bye")
    turns = converse(socket, Talk(), Clock())
    assert next(turns).send == (b"re:one",)
    assert socket.sent == []
    next(turns)
    assert socket.sent == [b"re:one"]
    assert list(turns) == []
    assert socket.sent == [b"re:one", b"re:bye"]
    assert socket.closed_with == 4900


def test_silence_is_a_tick() -> None:
    clock = Clock()
    talk, socket = Talk(), Socket(None, None, b"bye", clock=clock)
    list(converse(socket, talk, clock))
    assert talk.heard == ["tick 1030", "tick 1060", "bye"]
    assert socket.sent[:2] == [b"beat", b"beat"]


def test_a_close_is_told() -> None:
    talk = Talk()
    assert [turn.is_over for turn in converse(Socket(4004), talk, Clock())] == [True]
    assert talk.heard == ["closed 4004"]


def test_the_socket_is_closed_however_it_ends() -> None:
    socket = Socket(b"stop")
    with pytest.raises(ChannelStopped):
        list(converse(socket, Talk(), Clock()))
    assert socket.closed_with == 4900
    socket = Socket(b"one")
    turns = converse(socket, Talk(), Clock())
    next(turns)
    turns.close()
    assert socket.closed_with == 4900
    assert socket.sent == []
