"""pyx/envelope against its slow twin: valid frames, mutated frames, hostile fragments, any bytes."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gw._native import envelope
from tests.oracle import envelope as oracle

DEPTH = 6
NOT_JSON = {"empty", "bom", "utf8", "control", "escape", "syntax", "truncated", "trailing"}

TEXTS = st.one_of(
    st.text(max_size=12), st.text('abé€😀"\\/\n\x00', max_size=40), st.sampled_from(["", "a", "id", "k" * 70])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**54), 2**54), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
TRACES = st.sampled_from(
    [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-00",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-00",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-00",
    ]
)
FIELDS = {
    "type": st.one_of(st.sampled_from(["req", "res", "resp", "event"]), VALUES),
    "id": st.one_of(TEXTS, VALUES),
    "method": st.one_of(TEXTS, VALUES),
    "event": st.one_of(TEXTS, VALUES),
    "ok": st.one_of(st.booleans(), VALUES),
    "seq": st.one_of(st.integers(-2, 2**53), VALUES),
    "params": VALUES,
    "payload": VALUES,
    "error": VALUES,
    "traceparent": st.one_of(TRACES, TRACES.map(lambda t: t.replace("3", "g", 1)), VALUES),
    "stateVersion": VALUES,
    "extra": VALUES,
}
FRAMES = st.fixed_dictionaries({"type": FIELDS["type"]}, optional={k: v for k, v in FIELDS.items() if k != "type"})
PIECES = st.sampled_from(
    [
        *(bytes([c]) for c in b'{}[]:,"\\ \n\t\x00\x1f\x7f0159-+.eEtfnu'),
        *(b'"a":', b'"\\u0061":', b"NaN", b"-Infinity", b"true", b"false", b"null", b"[[[[[[[", b'{"a":{"a":{"a":'),
        *(b"1e400", b"-0", b"00", b"1.", b"1e", b"9007199254740992", b"9007199254740993", b"0e999999999999"),
        *(b"1.7976931348623157e308", b"1.7976931348623158e308", b"17976931348623158e292"),
        *(b"1" * 1101, b"0." + b"1" * 1100, b"1" * 310 + b".0"),
        *(b"\\ud800", b"\\ud83d\\ude00", b"\\udc00\\ud800", b"\\u00", b"\\x"),
        *(b"\xed\xa0\x80", b"\xc0\xaf", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf"),
    ]
)


@st.composite
def encoded(draw: st.DrawFn) -> bytes:
    """A frame as some writer may have put it: keys in any order, with or without escapes and white space."""
    frame: dict[str, Any] = draw(FRAMES)
    pairs = draw(st.permutations(list(frame.items())))
    text = json.dumps(
        dict(pairs),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 1])),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", "\t:\r\n")])),
    )
    return text.encode("utf-8", "surrogatepass")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(encoded())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 7])))
        data = data[:start] + draw(st.one_of(PIECES, st.binary(max_size=3))) + data[end:]
    return data


def check(data: bytes) -> None:
    report = oracle.examine(data, max_depth=DEPTH)
    try:
        found = envelope.scan(data, max_depth=DEPTH)
    except envelope.NotJsonError as error:
        assert "not-json" in report.faults, (error.code, report)
        assert error.code in NOT_JSON
        assert 0 <= error.offset <= len(data)
        return
    except envelope.BadFrameError as error:
        assert error.code in report.faults, report
        assert 0 <= error.offset < len(data)
        if error.code != "depth":
            assert "not-json" not in report.faults
            assert error.id == report.id
        return
    assert not report.faults
    compare(data, found, report.frame)


def compare(data: bytes, found: envelope.Envelope, frame: dict[str, Any]) -> None:
    body = "params" if found.kind == "req" else "payload"
    assert found.kind == oracle.KINDS[frame["type"]]
    assert span(data, found.body_start, found.body_end) == ([frame[body]] if body in frame else [])
    assert span(data, found.error_start, found.error_end) == (
        [frame["error"]] if "error" in frame and found.kind == "res" else []
    )
    assert bool(found.flags & envelope.RESP_WORD) == (frame["type"] == "resp")
    assert bool(found.flags & envelope.UNKNOWN_KEYS) != oracle.is_known(frame)
    if found.kind == "req":
        assert (found.id, found.name, found.ok, found.seq) == (frame["id"], frame["method"], None, None)
        assert found.traceparent == oracle.traceparent(frame)
        assert bool(found.flags & envelope.BAD_TRACEPARENT) == ("traceparent" in frame and not found.traceparent)
    elif found.kind == "res":
        assert (found.id, found.name, found.ok, found.seq) == (frame["id"], None, frame["ok"], None)
    else:
        assert (found.id, found.name, found.ok, found.seq) == (None, frame["event"], None, frame.get("seq"))


def span(data: bytes, start: int, end: int) -> list[Any]:
    return [json.loads(data[start:end])] if start != end else []


@given(encoded())
def test_written_frames_read_as_the_twin_reads_them(data: bytes) -> None:
    check(data)


@given(mutated())
@example(b'{"type":"req","id":"1","method":"m","params":{"a":1,"\\u0061":2}}')
@example(b'{"type":"req","id":"1","id":"2","method":"m"}')
@example(b'{"type":"event","event":"e","seq":-0}')
def test_mutated_frames(data: bytes) -> None:
    check(data)


@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_hostile_pieces(data: bytes) -> None:
    check(data)


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_hostile_pieces_inside_a_request(data: bytes) -> None:
    check(b'{"type":"req","id":"1","method":"m","params":' + data + b"}")


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(data)


@given(st.text(max_size=200), st.integers(0, 70), st.booleans())
def test_long_strings_in_any_alignment(text: str, shift: int, escape: bool) -> None:
    check(
        b'{"type":"event","event":"%s","payload":%s}'
        % (b"e" * (shift + 1), json.dumps(text, ensure_ascii=escape).encode())
    )


@given(
    st.lists(
        st.sampled_from(["a", "é", "€", "😀", "\\n", "\\\\", "\\\\\\", '\\"', "\\u20ac", "\\ud83d\\ude00", "x" * 31]),
        min_size=1,
    ),
    st.integers(60, 400),
    st.integers(0, 70),
    st.one_of(st.none(), st.tuples(st.integers(0, 400), PIECES)),
)
def test_long_strings_of_few_characters(
    parts: list[str], size: int, shift: int, change: tuple[int, bytes] | None
) -> None:
    """Blocks of 32 and 64 bytes meet every kind of character and escape at every place in them."""
    text = ("".join(parts) * (size // len("".join(parts)) + 1)).encode()
    if change:
        text = text[: change[0]] + change[1] + text[change[0] :]
    check(b'{"type":"event","event":"%s","payload":"%s"}' % (b"e" * (shift + 1), text))


@given(st.lists(TEXTS, min_size=15, max_size=40), st.booleans())
def test_many_keys(keys: list[str], escape: bool) -> None:
    pairs = ",".join(f"{json.dumps(key, ensure_ascii=escape)}:{i}" for i, key in enumerate(keys))
    check(('{"type":"req","id":"1","method":"m","params":{' + pairs + "}}").encode("utf-8", "surrogatepass"))


@given(mutated())
def test_frame_id_is_the_id_an_answer_carries(data: bytes) -> None:
    report = oracle.examine(data, max_depth=DEPTH)
    if "depth" not in report.faults:
        expected = report.frame.get("id") if report.id is None and not report.faults else report.id
        found = envelope.frame_id(data, max_depth=DEPTH)
        assert found == expected or (found is None and report.frame.get("type") == "event")


@given(st.one_of(TEXTS, st.text()), st.binary(max_size=30))
def test_answers_are_the_twins(request_id: str, payload: bytes) -> None:
    assert envelope.answer(request_id, payload) == oracle.answer(request_id, payload)
