"""pyx/wsframe against its slow twin: any bytes, any split, over memory and over a real descriptor."""

import random
import socket
from collections.abc import Iterator

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


@given(st.integers(0, 15), st.binary(max_size=300), st.booleans())
def test_encode_is_the_twins(opcode: int, payload: bytes, fin: bool) -> None:
    assert wsframe.encode(opcode, payload, fin) == oracle.encode(opcode, payload, fin=fin)


@given(st.binary(max_size=300))
def test_a_masked_frame_comes_back_and_hides_the_payload(payload: bytes) -> None:
    frame = wsframe.encode(2, payload, True, True)
    at = len(frame) - len(payload) - 4
    assert frame == oracle.encode(2, payload, mask=frame[at : at + 4])


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
