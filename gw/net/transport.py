"""How bytes move after an upgrade: from and to a plain descriptor here, through TLS in net/tls.

Knows nothing of messages or peers. Invariant: nothing here waits; "not now" is an empty list or a rest, and an error is
an OSError (TLS errors are).
"""

import os
from functools import partial
from typing import Protocol

from gevent import socket

from gw import limits
from gw._native.wsframe import Decoder
from gw._native.wsstream import Flusher, Outbox, Stream

Event = tuple[int, bytes]


class Transport(Protocol):
    fd: int

    def stream(self, decoder: Decoder, outbox: Outbox, flusher: Flusher, budget: int) -> Stream:
        """The stream that moves this transport's bytes; *budget* is how many may wait."""

    def end_writing(self) -> None:
        """Tell the peer that nothing more will come, where that can be said without waiting."""

    def close(self) -> None: ...


class PlainTransport:
    """Takes the descriptor out of a gevent socket, whose own watchers and buffers are not needed any more."""

    __slots__ = ("fd",)

    def __init__(self, sock: socket.socket) -> None:
        self.fd: int = sock.detach()

    def stream(self, decoder: Decoder, outbox: Outbox, flusher: Flusher, budget: int) -> Stream:
        # Without a Python frame in between: every message passes here.
        receive = partial(decoder.receive, self.fd, limits.MESSAGES_PER_TURN)
        return Stream(self.fd, decoder, outbox, flusher, budget, receive)

    def end_writing(self) -> None:
        with socket.socket(fileno=os.dup(self.fd)) as half:
            half.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        os.close(self.fd)


def transport_for(sock: socket.socket) -> Transport:
    if hasattr(sock, "do_handshake"):  # a TLS socket; the library is loaded only where TLS is used
        from gw.net.tls import TlsTransport

        return TlsTransport(sock)
    return PlainTransport(sock)
