"""The two ways bytes move after an upgrade: a plain descriptor, and a TLS socket.

Knows nothing of messages or peers. Invariant: nothing here waits; "not now" is an empty list or a rest, and an error is
an OSError (TLS errors are).
"""

import os
import ssl
from functools import partial
from typing import Protocol

from gevent import socket
from gevent.ssl import SSLSocket

from gw import limits
from gw._native.wsframe import Decoder
from gw._native.wsstream import Flusher, Outbox, Stream

TLS_READ_BYTES = 64 * 1024
TLS_WRITE_BYTES = 64 * 1024
TLS_FLUSH_MOST_BYTES = 1024 * 1024

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


class TlsTransport:
    """OpenSSL keeps state of its own, so the socket object stays; with a timeout of zero it never waits."""

    __slots__ = ("_decoder", "_outbox", "_sock", "fd")

    def __init__(self, sock: SSLSocket) -> None:
        sock.settimeout(0.0)
        self.fd: int = sock.fileno()
        self._sock = sock

    def stream(self, decoder: Decoder, outbox: Outbox, flusher: Flusher, budget: int) -> Stream:
        self._decoder = decoder
        self._outbox = outbox
        return Stream(self.fd, decoder, outbox, flusher, budget, self.receive, self.flush)

    def receive(self) -> list[Event] | None:
        if self._decoder.has_more:
            return self._decoder.feed(b"", limits.MESSAGES_PER_TURN)
        try:
            data = self._sock.recv(TLS_READ_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return []
        # One read is one TLS record (16 KiB at most), smaller than the buffer: nothing stays behind inside OpenSSL.
        return self._decoder.feed(data, limits.MESSAGES_PER_TURN) if data else None

    def flush(self) -> int:
        budget = TLS_FLUSH_MOST_BYTES
        while self._outbox.size and budget > 0:
            try:
                sent = self._sock.send(self._outbox.peek(TLS_WRITE_BYTES))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                break
            if not sent:
                break
            self._outbox.drop(sent)
            budget -= sent
        return self._outbox.size

    def end_writing(self) -> None:
        pass  # a TLS goodbye is a round trip; the close that follows says it too

    def close(self) -> None:
        self._sock.close()


def transport_for(sock: socket.socket) -> Transport:
    return TlsTransport(sock) if isinstance(sock, SSLSocket) else PlainTransport(sock)
