"""pyx/wsframe against its slow twin: any bytes, any split, over memory and over a real descriptor."""

import random
import socket
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw._native import wsframe
from tests.oracle import wsframe as oracle

MASKS = st.binary(min_size=4, max_size=4)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="aé€😀", max_size=60),
    st.text(alphabet="a", min_size=100, max_size=400),
).map(str.encode)
BROKEN_TEXTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe0\x80\x80", b"a\xff", b"\xf0\x9f\x98"]),
)
CODES = st.integers(0, 5000).map(lambda code: code.to_bytes(2, "big"))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Mostly lawful frames, and every kind of unlawful one."""
    opcode = draw(st.sampled_from([0, 0, 1, 1, 1, 2, 8, 9, 10, 3, 11]))
    payload = draw(st.one_of(TEXTS, TEXTS, BROKEN_TEXTS, st.tuples(CODES, TEXTS).map(b"".join)))
    frame = oracle.encode(opcode, payload, fin=draw(st.booleans()), mask=draw(MASKS))
    return draw(st.sampled_from([frame, frame, frame, bytes([frame[0] | 0x40]) + frame[1:], frame[:-1]]))


@st.composite
def lawful_streams(draw: st.DrawFn) -> bytes:
    """Messages in fragments with control frames between them."""
    stream = b""
    for text in draw(st.lists(TEXTS, max_size=5)):
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        for i, piece in enumerate(pieces):
            stream += oracle.encode(1 if i == 0 else 0, piece, fin=i == len(pieces) - 1, mask=draw(MASKS))
            if draw(st.booleans()):
                stream += oracle.encode(draw(st.sampled_from([9, 10])), draw(st.binary(max_size=20)), mask=draw(MASKS))
    return stream


STREAMS = st.one_of(
    lawful_streams(),
    st.lists(frames(), max_size=6).map(b"".join),
    st.binary(max_size=200),
)


def splits(data: bytes, seed: int) -> Iterator[bytes]:
    """Cut *data* at places that depend on *seed*: 0 is one piece, 1 single bytes, others at random."""
    if seed == 0:
        yield data
        return
    source = random.Random(seed)
    at = 0
    while at < len(data):
        step = 1 if seed == 1 else source.randint(1, 9)
        yield data[at : at + step]
        at += step


def outcome(decoder: wsframe.Decoder, events: list[oracle.Event]) -> oracle.Outcome:
    return oracle.Outcome(events, decoder.failure, decoder.is_closed)


@given(STREAMS, st.integers(0, 50), st.integers(0, 600), st.integers(1, 5))
def test_any_split_gives_what_the_twin_gives(data: bytes, seed: int, limit: int, fragments: int) -> None:
    decoder = wsframe.Decoder(max_message_bytes=limit, max_fragments=fragments)
    events = [event for piece in splits(data, seed) for event in decoder.feed(piece)]
    assert outcome(decoder, events) == oracle.decode(data, max_message_bytes=limit, max_fragments=fragments)


@given(STREAMS, st.integers(0, 50), st.integers(1, 3))
def test_a_bounded_batch_loses_nothing(data: bytes, seed: int, most: int) -> None:
    decoder = wsframe.Decoder(max_message_bytes=600)
    events = []
    for piece in [*splits(data, seed), b""]:
        batch = decoder.feed(piece, most)
        assert len(batch) <= most
        events += batch
    while decoder.has_more:
        events += decoder.feed(b"", most)
    assert outcome(decoder, events) == oracle.decode(data, max_message_bytes=600)


@given(st.lists(frames(), max_size=6), st.integers(0, 9))
def test_the_client_side_refuses_and_accepts_as_the_twin(pieces: list[bytes], seed: int) -> None:
    data = b"".join(oracle.encode(1, piece) if i % 2 else piece for i, piece in enumerate(pieces))
    decoder = wsframe.Decoder(max_message_bytes=600, client=True)
    events = [event for piece in splits(data, seed) for event in decoder.feed(piece)]
    assert outcome(decoder, events) == oracle.decode(data, max_message_bytes=600, client=True)


@given(STREAMS, st.integers(0, 50))
def test_a_descriptor_gives_what_memory_gives(data: bytes, seed: int) -> None:
    ours, theirs = socket.socketpair()
    decoder = wsframe.Decoder(max_message_bytes=600)
    events: list[oracle.Event] = []
    with ours, theirs:
        for piece in splits(data, seed):
            theirs.sendall(piece)
            events += decoder.receive(ours.fileno()) or []
        theirs.shutdown(socket.SHUT_WR)
        while not (decoder.failure or decoder.is_closed) and (batch := decoder.receive(ours.fileno(), 2)) is not None:
            events += batch
    assert outcome(decoder, events) == oracle.decode(data, max_message_bytes=600)


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


@given(st.integers(0, 15), st.binary(max_size=300), st.booleans())
def test_encode_is_the_twins(opcode: int, payload: bytes, fin: bool) -> None:
    assert wsframe.encode(opcode, payload, fin) == oracle.encode(opcode, payload, fin=fin)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 100_000])
def test_lengths_take_their_shortest_form(size: int) -> None:
    assert wsframe.encode(2, bytes(size)) == oracle.encode(2, bytes(size))


@given(st.binary(max_size=300))
def test_a_masked_frame_comes_back_and_hides_the_payload(payload: bytes) -> None:
    frame = wsframe.encode(2, payload, True, True)
    at = len(frame) - len(payload) - 4
    assert frame == oracle.encode(2, payload, mask=frame[at : at + 4])


def test_masks_do_not_repeat() -> None:
    masks = {wsframe.encode(1, b"", True, True)[2:6] for _ in range(5000)}
    assert len(masks) > 4990


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_event_frames_are_the_spliced_text(body: bytes, seq: int) -> None:
    assert wsframe.encode_event(body, seq) == oracle.encode(1, body + b',"seq":%d}' % seq)


@given(st.text(max_size=90), st.integers(1000, 4999).filter(lambda code: code != 1005))
def test_close_frames_carry_a_whole_reason(reason: str, code: int) -> None:
    frame = wsframe.encode_close(code, reason)
    payload = frame[2:]
    assert len(payload) <= 125
    assert payload[:2] == code.to_bytes(2, "big")
    assert reason.startswith(payload[2:].decode())
    assert len(payload) > 120 or payload[2:].decode() == reason


@given(st.lists(st.binary(min_size=1, max_size=30_000), max_size=12), st.lists(st.integers(1, 40_000), max_size=20))
def test_an_outbox_keeps_order_and_count(payloads: list[bytes], drops: list[int]) -> None:
    outbox = wsframe.Outbox()
    for payload in payloads:
        outbox.push_message(2, payload)
    expected = b"".join(oracle.encode(2, payload) for payload in payloads)
    for drop in drops:
        assert outbox.size == len(expected)
        assert expected.startswith(outbox.peek(drop))
        assert len(outbox.peek(drop)) >= min(drop, len(expected))
        count = min(drop, len(expected))
        outbox.drop(count)
        expected = expected[count:]
    ours, theirs = socket.socketpair()
    written = b""
    with ours, theirs:
        while outbox.size:
            outbox.flush(ours.fileno())
            written += theirs.recv(1 << 20)
        ours.close()
        while got := theirs.recv(1 << 20):
            written += got
    assert written == expected


def test_a_gone_peer_is_an_oserror() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        outbox = wsframe.Outbox()
        outbox.push(b"x")
        with pytest.raises(OSError):
            outbox.flush(ours.fileno())
    with pytest.raises(OSError):
        wsframe.Decoder(max_message_bytes=1).receive(-1)


def test_the_limit_is_checked_before_memory_is_taken() -> None:
    import tracemalloc

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


@given(
    st.lists(st.sampled_from([0, 1, 100, 16_383, 16_384, 50_000]), min_size=1, max_size=8),
    st.floats(0, 1),
    st.booleans(),
)
def test_what_has_not_begun_to_leave_can_be_dropped(sizes: list[int], share: float, reuse: bool) -> None:
    outbox = wsframe.Outbox()
    if reuse:  # what came before must not count
        outbox.push_message(2, bytes(20_000))
        outbox.clear()
    frames = [oracle.encode(2, bytes([i]) * size) for i, size in enumerate(sizes)]
    for i, size in enumerate(sizes):
        outbox.push_message(2, bytes([i]) * size)
    sent = int(share * sum(map(len, frames)))
    outbox.drop(sent)
    outbox.drop_unsent()
    outbox.push(b"last")
    expected, end = b"", 0
    for frame in frames:
        start, end = end, end + len(frame)
        if start < sent < end:
            expected = frame[sent - start :]
    assert outbox.size == len(expected) + 4
    assert (outbox.peek(1 << 20) if outbox.size else b"") == expected + b"last"


@pytest.mark.parametrize(
    "call",
    [
        lambda: wsframe.encode(1, None),  # type: ignore[arg-type]
        lambda: wsframe.encode_event(None, 1),  # type: ignore[arg-type]
        lambda: wsframe.encode_close(1000, None),  # type: ignore[arg-type]
        lambda: wsframe.parse_close(None),  # type: ignore[arg-type]
        lambda: wsframe.Outbox().push(None),  # type: ignore[arg-type]
        lambda: wsframe.Outbox().push_message(1, None),  # type: ignore[arg-type]
        lambda: wsframe.Outbox().push(bytearray(b"x")),  # type: ignore[arg-type]
        lambda: wsframe.Decoder(max_message_bytes=1).feed(None),  # type: ignore[arg-type]
    ],
)
def test_compiled_functions_refuse_what_is_no_bytes(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()
