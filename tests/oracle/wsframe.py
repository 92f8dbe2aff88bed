"""Slow, obvious twin of pyx/wsframe.pyx: RFC 6455 read once more, over a whole stream at once.

Never shipped. It sees all bytes together, so it needs no state: any split given to the real decoder must give the same
events and the same failure.
"""

from typing import NamedTuple

Event = tuple[int, bytes]

CONTROL_OPCODES = (8, 9, 10)
KNOWN_OPCODES = (0, 1, 2, *CONTROL_OPCODES)


class Outcome(NamedTuple):
    events: list[Event]
    failure: tuple[int, str] | None
    is_closed: bool


class FailedError(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class IncompleteError(Exception):
    """The stream ends inside a frame."""


def xor(data: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


# What completes any beginning of a character that can be completed (Unicode, table 3-7). Python's incremental decoder
# is no oracle here: it takes ED A0, which only a surrogate could follow, for a beginning.
ENDINGS = (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\xa0\x80", b"\x90\x80\x80")


def utf8_prefix_is_valid(data: bytes) -> bool:
    """Whether some continuation could make *data* valid."""
    return any(utf8_is_valid(data + ending) for ending in ENDINGS)


def utf8_is_valid(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def close_code_is_valid(code: int) -> bool:
    return code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code <= 4999


class Stream:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise IncompleteError
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece

    def rest(self) -> bytes:
        piece = self.data[self.at :]
        self.at = len(self.data)
        return piece


def decode(data: bytes, *, max_message_bytes: int, max_fragments: int = 4096, client: bool = False) -> Outcome:
    stream = Stream(data)
    events: list[Event] = []
    message: list[bytes] = []
    message_opcode: int | None = None
    try:
        while True:
            first = stream.byte()
            fin, opcode = bool(first & 0x80), first & 15
            if first & 0x70:
                raise FailedError(1002, "RSV bit set without an extension")
            if opcode not in KNOWN_OPCODES:
                raise FailedError(1002, "reserved opcode")
            second = stream.byte()
            masked, length = bool(second & 0x80), second & 127
            if masked and client:
                raise FailedError(1002, "masked frame from a server")
            if not masked and not client:
                raise FailedError(1002, "frame is not masked")
            if opcode in CONTROL_OPCODES and length > 125:
                raise FailedError(1002, "control frame is longer than 125 bytes")
            if opcode in CONTROL_OPCODES and not fin:
                raise FailedError(1002, "fragmented control frame")
            if length == 126:
                length = int.from_bytes(stream.take(2), "big")
                if length < 126:
                    raise FailedError(1002, "length is not in its shortest form")
            elif length == 127:
                length = int.from_bytes(stream.take(8), "big")
                if length < 65536 or length >= 2**63:
                    raise FailedError(1002, "length is not in its shortest form")
            mask = stream.take(4) if masked else bytes(4)
            if opcode not in CONTROL_OPCODES:
                if opcode == 0 and message_opcode is None:
                    raise FailedError(1002, "continuation without a message")
                if opcode != 0 and message_opcode is not None:
                    raise FailedError(1002, "new message inside a fragmented one")
                before = b"".join(message)
                if len(before) + length > max_message_bytes:
                    raise FailedError(1009, "message is too big")
                if len(message) + 1 > max_fragments + len(before) // 64:
                    raise FailedError(1008, "message has too many fragments")
                kind = opcode or message_opcode
                if kind == 1 and length > len(stream.data) - stream.at:
                    if not utf8_prefix_is_valid(before + xor(stream.rest(), mask)):
                        raise FailedError(1007, "invalid UTF-8")
                    raise IncompleteError
                message.append(xor(stream.take(length), mask))
                whole = b"".join(message)
                if kind == 1 and not (utf8_is_valid(whole) if fin else utf8_prefix_is_valid(whole)):
                    raise FailedError(1007, "invalid UTF-8")
                message_opcode = kind
                if fin:
                    events.append((kind or 0, whole))
                    message, message_opcode = [], None
                continue
            payload = xor(stream.take(length), mask)
            if opcode == 8:
                if len(payload) == 1:
                    raise FailedError(1002, "close frame with half a code")
                if payload and not close_code_is_valid(int.from_bytes(payload[:2], "big")):
                    raise FailedError(1002, "invalid close code")
                if not utf8_is_valid(payload[2:]):
                    raise FailedError(1007, "close reason is not UTF-8")
            events.append((opcode, payload))
            if opcode == 8:
                return Outcome(events, None, True)
    except IncompleteError:
        return Outcome(events, None, False)
    except FailedError as failure:
        return Outcome(events, (failure.code, failure.reason), False)


def encode(opcode: int, payload: bytes, *, fin: bool = True, mask: bytes | None = None) -> bytes:
    head = bytes([(128 if fin else 0) | opcode])
    bit = 128 if mask is not None else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + len(payload).to_bytes(8, "big")
    return head + (payload if mask is None else mask + xor(payload, mask))
