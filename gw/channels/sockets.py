"""Carrying a Conversation over a Socket: receive, tell it, send what it wants, tick in time.

Knows no provider. Invariant: what a turn brought in is the caller's before what it wants sent leaves (so an
acknowledgement follows the disk); the socket is closed however this ends.
"""

import contextlib
from collections.abc import Generator

from gw.channels.base import Conversation, Socket, Turn
from gw.errors import Expired, SocketClosed, UpstreamError
from gw.ports import Clock


def converse(socket: Socket, talk: Conversation, clock: Clock) -> Generator[Turn, None, None]:
    """Yield every turn before its frames are sent, until one is over. Raises ChannelStopped, UpstreamError."""
    try:
        while True:
            turn = _next(socket, talk, clock)
            yield turn
            for frame in turn.send:
                socket.send(frame)
            if turn.is_over:
                return
    finally:
        with contextlib.suppress(UpstreamError):  # it is gone already
            socket.close(talk.leave_code)


def _next(socket: Socket, talk: Conversation, clock: Clock) -> Turn:
    try:
        data = socket.receive(max(0.0, talk.due - clock.monotonic()))
    except Expired:
        return talk.tick(clock.monotonic())
    except SocketClosed as closed:
        return talk.closed(closed.code)
    return talk.feed(data, clock.monotonic())
