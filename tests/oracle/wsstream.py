"""Slow, obvious twin of pyx/wsstream.pyx's Outbox: whole frames in a list, and how many bytes of them are written.

Never shipped.
"""

from tests.oracle.wsframe import encode


class Outbox:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.written = 0

    @property
    def waiting(self) -> bytes:
        return b"".join(self.frames)[self.written :]

    @property
    def size(self) -> int:
        return len(self.waiting)

    def push(self, frame: bytes) -> None:
        self.frames.append(frame)

    def push_message(self, opcode: int, payload: bytes) -> None:
        self.push(encode(opcode, payload))

    def push_event(self, body: bytes, seq: int) -> None:
        self.push_message(1, body + b',"seq":%d}' % seq)

    def drop(self, count: int) -> None:
        self.written += count

    def drop_unsent(self) -> None:
        """Keep frames up to the one that has begun to leave; what begins exactly at the mark has not."""
        kept, end = [], 0
        for frame in self.frames:
            if end >= self.written:
                break
            kept.append(frame)
            end += len(frame)
        self.frames = kept

    def clear(self) -> None:
        self.written = len(b"".join(self.frames))
