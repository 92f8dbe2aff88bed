"""The `seq` of broadcast events when a proxy leaves some out or adds its own.

Knows no connections. Invariant: what one client sees counts up by one without a gap, whatever was dropped or added; as
long as nothing was, an event passes as it came.
"""

from typing import Final

from gw._native.envelope import Envelope
from gw.wire import json

KEY: Final = b'"seq":'


class Numbering:
    """Of one connection; upstream counts from 1."""

    def __init__(self) -> None:
        self.last = 0  # that the client has seen
        self._shift = 0  # added minus dropped

    def drop(self) -> None:
        """A numbered event is not passed on, or not yet."""
        self._shift -= 1

    def add(self, data: bytes, envelope: Envelope) -> bytes:
        """A numbered event that was dropped before, now with the next number."""
        self._shift += 1
        self.last += 1
        return with_seq(data, envelope, self.last)

    def renumber(self, data: bytes, envelope: Envelope) -> bytes:
        """An event of upstream's as this client has to see it."""
        if envelope.seq is None:
            return data
        self.last = envelope.seq + self._shift
        return with_seq(data, envelope, self.last) if self._shift else data


def with_seq(data: bytes, envelope: Envelope, seq: int) -> bytes:
    """The event with another `seq`, otherwise byte for byte where its place is plain to see."""
    old = KEY + b"%d" % (envelope.seq or 0)
    for start, end in ((envelope.body_end, len(data)), (0, envelope.body_start)):
        # Inside a string the quotes would be escaped; in another object it would be a second one.
        if data.count(b"seq", start, end) == 1 and (at := data.find(old, start, end)) >= 0:
            after = at + len(old)
            if data[after : after + 1] in (b",", b"}"):
                return b"%b%b%d%b" % (data[:at], KEY, seq, data[after:])
    return json.dumps({**json.loads(data), "seq": seq})
