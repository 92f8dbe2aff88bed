"""The envelope scanner's table: what passes, and code, offset and id of what does not."""

import json
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from gw._native import envelope
from gw._native.envelope import BadFrameError, Envelope, NotJsonError, frame_id, scan
from tests.support.shared import shared_path

DEPTH = 64


def read(data: bytes) -> Envelope:
    return scan(data, max_depth=DEPTH)


def test_request() -> None:
    data = b' {"type":"req","id":"1","method":"chat.send","params":{"a":[1]}}\n'
    found = read(data)
    assert (found.kind, found.id, found.name, found.ok, found.seq) == ("req", "1", "chat.send", None, None)
    assert data[found.body_start : found.body_end] == b'{"a":[1]}'
    assert (found.error_start, found.error_end, found.traceparent, found.flags) == (0, 0, None, 0)


def test_params_may_be_absent() -> None:
    found = read(b'{"type":"req","id":"1","method":"health"}')
    assert found.body_start == found.body_end


@pytest.mark.parametrize(("word", "flags"), [("res", 0), ("resp", envelope.RESP_WORD)])
def test_response(word: str, flags: int) -> None:
    data = b'{"type":"%s","id":"9","ok":false,"error":{"code":"X"}}' % word.encode()
    found = read(data)
    assert (found.kind, found.id, found.ok, found.flags) == ("res", "9", False, flags)
    assert data[found.error_start : found.error_end] == b'{"code":"X"}'
    assert found.body_start == found.body_end


def test_event() -> None:
    data = b'{"type":"event","event":"tick","payload":7,"seq":12,"stateVersion":{"presence":1,"health":2}}'
    found = read(data)
    assert (found.kind, found.id, found.name, found.seq, found.flags) == ("event", None, "tick", 12, 0)
    assert data[found.body_start : found.body_end] == b"7"


def test_names_are_unescaped() -> None:
    found = read(rb'{"\u0074ype":"r\u0065q","id":"\ud83d\ude00\n\"","method":"\u00e9"}')
    assert (found.kind, found.id, found.name) == ("req", '\U0001f600\n"', "é")


def test_unknown_keys_pass_and_are_told() -> None:
    assert read(b'{"type":"req","id":"1","method":"m","zzz":1}').flags == envelope.UNKNOWN_KEYS
    assert read(b'{"type":"req","id":"1","method":"m","expectedProfileId":"p"}').flags == 0


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", True),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", True),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01later", False),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", False),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        ("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("", False),
    ],
)
def test_traceparent(value: str, good: bool) -> None:
    found = read(json.dumps({"type": "req", "id": "1", "method": "m", "traceparent": value}).encode())
    assert found.traceparent == (value if good else None)
    assert found.flags == (0 if good else envelope.BAD_TRACEPARENT)


def test_a_traceparent_of_another_type_is_ignored() -> None:
    assert read(b'{"type":"req","id":"1","method":"m","traceparent":5}').flags == envelope.BAD_TRACEPARENT


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (b"", "empty", 0),
        (b"\xef\xbb\xbf{}", "bom", 0),
        (b"hello", "syntax", 0),
        (b"NaN", "syntax", 0),
        (b'{"a":-Infinity}', "syntax", 6),
        (b"nul", "truncated", 3),
        (b"nulL", "syntax", 3),
        (b"01", "syntax", 1),
        (b"[1.]", "syntax", 3),
        (b"[1e+]", "syntax", 4),
        (b"[-]", "syntax", 2),
        (b"[.5]", "syntax", 1),
        (b"[1", "truncated", 2),
        (b"-", "truncated", 1),
        (b"   ", "truncated", 3),
        (b"[1,]", "syntax", 3),
        (b"[1 2]", "syntax", 3),
        (b'{"a":1,}', "syntax", 7),
        (b'{"a" 1}', "syntax", 5),
        (b"{a:1}", "syntax", 1),
        (b"{'a':1}", "syntax", 1),
        (b'{"a":1', "truncated", 6),
        (b'{"a', "truncated", 3),
        (b'{"a":"\n"}', "control", 6),
        (b'{"a":"\\x"}', "escape", 6),
        (b'{"a":"\\u12g4"}', "escape", 6),
        (b'{"a":"\\', "escape", 6),
        (b'"\xff"', "utf8", 1),
        (b'"ab\xc0\xaf"', "utf8", 3),
        (b'"\xed\xa0\x80"', "utf8", 1),
        (b'"\xe0\x80\x80"', "utf8", 1),
        (b'"\xf0\x8f\xbf\xbf"', "utf8", 1),
        (b'"\xf4\x90\x80\x80"', "utf8", 1),
        (b'"\xe2\x82', "utf8", 1),
        (b"{} {}", "trailing", 3),
        (b"{}\x00", "trailing", 2),
        (b"/* */{}", "syntax", 0),
    ],
)
def test_not_json(data: bytes, code: str, offset: int) -> None:
    with pytest.raises(NotJsonError) as caught:
        read(data)
    assert (caught.value.code, caught.value.offset) == (code, offset)
    assert str(offset) in str(caught.value)
    assert frame_id(data, max_depth=DEPTH) is None


REQUEST = b'{"type":"req","id":"7","method":"m","params":%s}'  # params start at byte 45


@pytest.mark.parametrize(
    ("params", "code", "offset"),
    [
        (b'{"a":1,"a":2}', "duplicate-key", 52),
        (rb'{"a":1,"\u0061":2}', "duplicate-key", 52),
        (rb'{"\ud83d\ude00":1,"' + "\U0001f600".encode() + b'":2}', "duplicate-key", 63),
        (b'[[{"b":{"x":1,"y":2,"x":1}}]]', "duplicate-key", 65),
        (b'{"":1,"":2}', "duplicate-key", 51),
        (rb'"\ud800"', "lone-surrogate", 46),
        (rb'"\udc00\ud800"', "lone-surrogate", 46),
        (rb'{"\ud83dx":1}', "lone-surrogate", 47),
        (b"9007199254740993", "integer-range", 45),
        (b"[-9007199254740993]", "integer-range", 46),
        (b"123456789012345678901234567890", "integer-range", 45),
        (b"1e400", "float-range", 45),
        (b"-0.1e310", "float-range", 45),
        (b"1.7976931348623158e308", "float-range", 45),
        (b"0." + b"0" * 1100, "number-long", 45),
        (b"1" * 1101, "number-long", 45),
        (b"[" * 64, "depth", 45 + 63),
    ],
)
def test_ambiguous_json_keeps_its_id(params: bytes, code: str, offset: int) -> None:
    with pytest.raises(BadFrameError) as caught:
        read(REQUEST % params)
    assert (caught.value.code, caught.value.offset, caught.value.id) == (code, offset, "7")


@pytest.mark.parametrize(
    "params",
    [
        b"9007199254740992",
        b"-9007199254740992",
        b"1.7976931348623157e308",
        b"-1.7976931348623157e+308",
        b"0.00017976931348623157e312",
        b"17976931348623157" + b"0" * 292 + b".0",
        b"0e99999999999999999999",
        b"0.0e400",
        b"1e-400",
        b"1E5",
        b"-0",
        b'"\x7f\xc2\x80\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"',
        rb'"\u0000\/\b\f\n\r\t\"\\"',
        b"[" * 63 + b"]" * 63,
        b'{"a":{"a":1},"b":{"a":1}}',
        b'[{"a":1},{"a":1}]',
    ],
)
def test_unambiguous_json_passes(params: bytes) -> None:
    assert read(REQUEST % params).id == "7"


@pytest.mark.parametrize(
    ("data", "code", "frame"),
    [
        (b"[]", "not-object", None),
        (b'"req"', "not-object", None),
        (b"{}", "type", None),
        (b'{"id":"x"}', "type", "x"),
        (b'{"id":"x","type":"request"}', "type", "x"),
        (b'{"id":"x","type":7}', "type", "x"),
        (b'{"type":"req","method":"m"}', "id", None),
        (b'{"type":"req","id":5,"method":"m"}', "id", None),
        (b'{"type":"req","id":"","method":"m"}', "id", None),
        (b'{"type":"req","id":"x"}', "method", "x"),
        (b'{"type":"req","id":"x","method":""}', "method", "x"),
        (b'{"type":"req","id":"x","method":["m"]}', "method", "x"),
        (b'{"type":"res","ok":true}', "id", None),
        (b'{"type":"res","id":"x"}', "ok", "x"),
        (b'{"type":"res","id":"x","ok":null}', "ok", "x"),
        (b'{"type":"event"}', "event", None),
        (b'{"type":"event","event":"e","seq":1.0}', "seq", None),
        (b'{"type":"event","event":"e","seq":-1}', "seq", None),
        (b'{"type":"event","event":"e","seq":"1"}', "seq", None),
        (b'{"type":"req","id":"x","id":"x","method":"m"}', "duplicate-key", None),
        (rb'{"type":"req","id":"\ud800","method":"m"}', "lone-surrogate", None),
        (b'{"params":1e999,"type":"req","method":"m","id":"late"}', "float-range", "late"),
    ],
)
def test_json_that_is_no_frame(data: bytes, code: str, frame: str | None) -> None:
    with pytest.raises(BadFrameError) as caught:
        read(data)
    assert (caught.value.code, caught.value.id) == (code, frame)
    assert frame_id(data, max_depth=DEPTH) == frame


def test_frame_id_of_a_good_frame() -> None:
    assert frame_id(b'{"type":"req","id":"1","method":"m"}', max_depth=DEPTH) == "1"
    assert frame_id(b'{"type":"event","event":"e"}', max_depth=DEPTH) is None


def test_every_code_has_a_reason() -> None:
    for code, reason in envelope.REASONS.items():
        assert str(NotJsonError(code, 3)) == f"{reason} at byte 3"


@pytest.mark.parametrize("max_depth", [0, -1, envelope.DEEPEST + 1])
def test_depth_bound(max_depth: int) -> None:
    with pytest.raises(ValueError, match="max_depth"):
        scan(b"{}", max_depth=max_depth)


def test_deepest_allowed_nesting_is_safe_on_the_stack() -> None:
    inner = envelope.DEEPEST - 1
    data = REQUEST % (b"[" * inner + b"]" * inner)
    assert scan(data, max_depth=envelope.DEEPEST).id == "7"


@pytest.mark.parametrize("data", ["{}", bytearray(b"{}"), memoryview(b"{}"), None])
def test_only_bytes_are_taken(data: object) -> None:
    with pytest.raises(TypeError):
        scan(data, max_depth=DEPTH)  # type: ignore[arg-type]  # the point of the test


def test_body_of_a_large_message_costs_no_memory() -> None:
    data = REQUEST % (b'"' + b"x" * 5_000_000 + b'"')
    tracemalloc.start()
    try:
        read(data)
        assert tracemalloc.get_traced_memory()[1] < 50_000
    finally:
        tracemalloc.stop()


def many_keys(count: int) -> bytes:
    return REQUEST % (b"{" + b",".join(b'"key%d":0' % i for i in range(count)) + b"}")


def test_a_repeated_key_is_found_among_very_many() -> None:
    data = many_keys(100_000)
    assert read(data).id == "7"
    with pytest.raises(BadFrameError) as caught:
        read(data[:-2] + b',"key31":0}}')
    assert caught.value.code == "duplicate-key"
    assert caught.value.offset == len(data[:-2] + b",")


def test_key_check_grows_no_faster_than_the_message() -> None:
    """A quadratic check would take 100 times as long for ten times the keys, a linear one about ten."""

    def cost(count: int) -> float:
        data = many_keys(count)
        times = []
        for _ in range(5):
            start = time.process_time()
            read(data)
            times.append(time.process_time() - start)
        return min(times)

    assert cost(200_000) < 40 * max(cost(20_000), 0.0005)


def test_large_messages_scan_the_same_without_the_gil() -> None:
    data = REQUEST % json.dumps([{"k": "é\n" * 50, "n": i} for i in range(2000)], ensure_ascii=False).encode()
    found = read(data)
    assert len(json.loads(data[found.body_start : found.body_end])) == 2000


@pytest.mark.slow
def test_processors_without_wide_kernels_read_the_same() -> None:
    """The same tables and properties once more, byte by byte."""
    tests = ["tests/unit/native/test_envelope.py", "tests/property/test_envelope.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *tests, "-k", "not processors and not grows"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "CLAWGATE_NO_SIMD": "1"},
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_recorded_traffic_passes() -> None:
    """All frames of the recorded OpenClaw traces are read, apart from the two that upstream refused as well."""
    seen, refused = 0, []
    for path in sorted(shared_path("openclaw/traces").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            frame = json.loads(line).get("frame")
            if isinstance(frame, dict):
                try:
                    found = read(json.dumps(frame, ensure_ascii=False).encode())
                except BadFrameError as error:
                    refused.append(error.code)
                    continue
                assert (found.kind, found.name) == (frame["type"], frame.get("method", frame.get("event")))
                seen += 1
    assert refused == ["id", "method"]
    assert seen > 1000


class Derived(bytes):
    pass


def test_an_answer_is_built_around_bytes_of_any_class() -> None:
    assert envelope.answer('a"é', Derived(b"{}")) == b'{"type":"res","id":"a\\"\xc3\xa9","ok":true,"payload":{}}'
    for wrong in (("1", "text"), ("1", None), (None, b""), (b"1", b"")):
        with pytest.raises(TypeError):
            envelope.answer(*wrong)  # type: ignore[arg-type]
