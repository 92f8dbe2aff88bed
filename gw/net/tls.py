"""TLS on the listener's side: the context, and how bytes move through a TLS socket.

Loaded only where TLS is used: OpenSSL costs four megabytes of resident memory. Knows nothing of messages or peers.
Invariant: nothing in TlsTransport waits, and a TLS error is an OSError.
"""

import ssl
from pathlib import Path

from gevent.ssl import SSLContext, SSLSocket

from gw import limits
from gw._native.wsframe import Decoder
from gw._native.wsstream import Flusher, Outbox, Stream
from gw.errors import ConfigError
from gw.model.problem import Problem
from gw.net.transport import Event

READ_BYTES = 64 * 1024
WRITE_BYTES = 64 * 1024
FLUSH_MOST_BYTES = 1024 * 1024


def server_context(cert: Path | None, key: Path | None) -> SSLContext:
    """From a PEM chain and its key. Raises ConfigError when either is missing or cannot be used."""
    if cert is None or key is None:
        given = str(cert or key)
        raise ConfigError([Problem(given, 0, 0, "tls.half", "TLS needs both a certificate and its key")])
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
        message = f"the certificate and its key {key} cannot be used: {reason}"
        hint = "give a PEM certificate chain and the unencrypted PEM key that belongs to it"
        raise ConfigError([Problem(str(cert), 0, 0, "tls.unusable", message, hint=hint)]) from None
    return context


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
            data = self._sock.recv(READ_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return []
        # One read is one TLS record (16 KiB at most), smaller than the buffer: nothing stays behind inside OpenSSL.
        return self._decoder.feed(data, limits.MESSAGES_PER_TURN) if data else None

    def flush(self) -> int:
        budget = FLUSH_MOST_BYTES
        while self._outbox.size and budget > 0:
            try:
                sent = self._sock.send(self._outbox.peek(WRITE_BYTES))
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
