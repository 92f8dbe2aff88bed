"""gw._native.wsframe: sizes, limits and edges that single out one path each."""

import itertools
import socket
import struct
import tracemalloc
from collections.abc import Callable

import pytest

from gw._native import wsframe
from tests.oracle import wsframe as oracle


@pytest.mark.parametrize("size", [32 * 1024 + 7, 200_000, 3_000_000])
@pytest.mark.parametrize("text", ["a", "aé€😀"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_large_messages_read_straight_into_place(size: int, text: str, pieces: int) -> None:
    payload = (text * (size // len(text.encode()) + 1)).encode()
    step = len(payload) // pieces + 1
    parts = [payload[i : i + step] for i in range(0, len(payload), step)]
    stream = b"".join(
        wsframe.encode(1 if i == 0 else 0, part, i == len(parts) - 1, True) for i, part in enumerate(parts)
    )
    ours, theirs = socket.socketpair()
    decoder = wsframe.Decoder(max_message_bytes=len(payload))
    events: list[oracle.Event] = []
    with ours, theirs:
        theirs.setblocking(False)
        left = memoryview(stream)
        while left or not events:
            if left:
                left = left[theirs.send(left) :]
            got = decoder.receive(ours.fileno())
            assert got is not None
            assert decoder.failure is None
            events += got
    assert events == [(1, payload)]


# The last bytes of each range in Unicode's table of well-formed sequences (3-7), and those beside them.
EDGES = b"\x00\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_text_fails_at_the_first_byte_that_nothing_can_mend(size: int) -> None:
    for start in itertools.product(EDGES, repeat=size):
        decoder = wsframe.Decoder(max_message_bytes=10)
        decoder.feed(wsframe.encode(1, bytes(start), False, True))
        assert (decoder.failure is None) == oracle.utf8_prefix_is_valid(bytes(start)), bytes(start)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 100_000])
def test_lengths_take_their_shortest_form(size: int) -> None:
    assert wsframe.encode(2, bytes(size)) == oracle.encode(2, bytes(size))


def test_masks_do_not_repeat() -> None:
    masks = {wsframe.encode(1, b"", True, True)[2:6] for _ in range(5000)}
    assert len(masks) > 4990


def test_a_reset_and_a_wrong_descriptor_are_oserrors() -> None:
    decoder = wsframe.Decoder(max_message_bytes=1)
    with pytest.raises(OSError):
        decoder.receive(-1)
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, socket.create_connection(listener.getsockname()) as theirs:
        ours, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        with ours, pytest.raises(ConnectionResetError):
            decoder.receive(ours.fileno())


def test_the_limit_is_checked_before_memory_is_taken() -> None:
    decoder = wsframe.Decoder(max_message_bytes=1000)
    tracemalloc.start()
    decoder.feed(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"mask")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert decoder.failure == (1009, "message is too big")
    assert peak < 10_000


def test_the_limit_can_grow_during_a_stream() -> None:
    decoder = wsframe.Decoder(max_message_bytes=4)
    assert decoder.feed(oracle.encode(1, b"1234", mask=b"abcd")) == [(1, b"1234")]
    decoder.max_message_bytes = 5
    assert decoder.feed(oracle.encode(1, b"12345", mask=b"abcd")) == [(1, b"12345")]
    decoder.feed(oracle.encode(1, b"123456", mask=b"abcd"))
    assert decoder.failure == (1009, "message is too big")


@pytest.mark.parametrize(
    ("payload", "parsed"), [(b"", (1005, "")), (b"\x03\xe8", (1000, "")), (b"\x03\xf0na\xc3\xafve", (1008, "naïve"))]
)
def test_parse_close(payload: bytes, parsed: tuple[int, str]) -> None:
    assert wsframe.parse_close(payload) == parsed


def test_a_close_frame_without_a_code_is_empty() -> None:
    assert wsframe.encode_close(1005, "dropped") == b"\x88\x00"


@pytest.mark.parametrize(
    "call",
    [
        lambda: wsframe.encode(1, None),  # type: ignore[arg-type]
        lambda: wsframe.encode_event(None, 1),  # type: ignore[arg-type]
        lambda: wsframe.encode_close(1000, None),  # type: ignore[arg-type]
        lambda: wsframe.parse_close(None),  # type: ignore[arg-type]
        lambda: wsframe.Decoder(max_message_bytes=1).feed(None),  # type: ignore[arg-type]
    ],
)
def test_compiled_functions_refuse_what_is_no_bytes(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()
