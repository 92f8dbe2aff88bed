"""What is fuzzed: for each compiled module its good inputs, how to run it, and what its slow twin says.

`run` must not raise: whatever a module may rightly refuse with is caught here, anything else is a finding.
"""

import json
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gw._native import envelope, patterns, textscan, wsframe
from tests.oracle import envelope as envelope_twin
from tests.oracle import patterns as patterns_twin
from tests.oracle import wsframe as wsframe_twin

CORPUS = Path(__file__).parent / "corpus"
DEPTH = 16
MESSAGE_BYTES = 600


class Target(NamedTuple):
    name: str
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]  # to put in
    run: Callable[[bytes], None]
    compare: Callable[[bytes], None]  # slow; raises AssertionError


def corpus(name: str) -> tuple[bytes, ...]:
    """Small inputs, made by hand or kept from a crash."""
    return tuple(path.read_bytes() for path in sorted((CORPUS / name).iterdir()))


# --- frames ---------------------------------------------------------------------------------------------------


def pieces(data: bytes) -> list[bytes]:
    """Cut at places that depend on the data alone."""
    source = random.Random(len(data))
    cuts = sorted({0, len(data), *(source.randrange(len(data) + 1) for _ in range(len(data) % 4))})
    return [data[a:b] for a, b in pairwise(cuts)] or [b""]


def decode(data: bytes) -> tuple[list[tuple[int, bytes]], tuple[int, str] | None, bool]:
    decoder = wsframe.Decoder(max_message_bytes=MESSAGE_BYTES, max_fragments=3)
    events = [event for piece in pieces(data) for event in decoder.feed(piece)]
    return events, decoder.failure, decoder.is_closed


def run_frames(data: bytes) -> None:
    decode(data)


def compare_frames(data: bytes) -> None:
    assert decode(data) == wsframe_twin.decode(data, max_message_bytes=MESSAGE_BYTES, max_fragments=3)


def frame_seeds() -> tuple[bytes, ...]:
    mask = b"\x01\x80\x7f\xff"
    texts = [b"", b"{}", "é€😀".encode(), b"x" * 130]
    single = [wsframe_twin.encode(opcode, text, mask=mask) for opcode in (1, 2, 9, 10) for text in texts[:3]]
    split = [
        wsframe_twin.encode(1, "é€".encode()[:i], fin=False, mask=mask)
        + wsframe_twin.encode(9, b"ping", mask=mask)
        + wsframe_twin.encode(0, "é€".encode()[i:], mask=mask)
        for i in range(6)
    ]
    close = [wsframe_twin.encode(8, code + b"bye", mask=mask) for code in (b"\x03\xe8", b"\x03\xed", b"\x00\x00")]
    return (*single, *split, *close, wsframe_twin.encode(1, texts[3], mask=mask), b"".join(single))


FRAME_WORDS = (
    b"\x81\x80\x00\x00\x00\x00",
    b"\x01\x80",
    b"\x80\xff",
    b"\x82\xfe\x00\x7e",
    b"\x88\x82\x00\x00\x00\x00\x03\xe8",
)

# --- envelopes ------------------------------------------------------------------------------------------------


NAMED_BY = {"req": "method", "event": "event", "res": None}  # the key that holds the name


def run_envelope(data: bytes) -> None:
    try:
        found = envelope.scan(data, max_depth=DEPTH)
    except envelope.EnvelopeError:
        return
    if found.body_start < found.body_end:
        json.loads(data[found.body_start : found.body_end])


def compare_envelope(data: bytes) -> None:
    report = envelope_twin.examine(data, max_depth=DEPTH)
    try:
        found = envelope.scan(data, max_depth=DEPTH)
    except envelope.NotJsonError:
        assert "not-json" in report.faults
    except envelope.BadFrameError as error:
        assert error.code in report.faults
        assert error.code == "depth" or error.id == report.id
    else:
        assert not report.faults
        assert found.name == report.frame.get(NAMED_BY[found.kind])


ENVELOPE_SEEDS = tuple(
    text.encode()
    for text in (
        '{"type":"req","id":"1","method":"chat.send","params":{"sessionKey":"agent:main:main","message":"hé\\n\\u20ac"}}',
        '{"type":"req","id":"9","method":"m","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}',
        '{"type":"res","id":"1","ok":true,"payload":[1,-2.5e3,{"a":null,"b":[true,false]}]}',
        '{"type":"resp","id":"2","ok":false,"error":{"code":"X","message":"no"}}',
        '{"type":"event","event":"tick","payload":{"ts":1700000000000},"seq":3,"stateVersion":{"presence":1,"health":2}}',
        '{"params":{' + ",".join(f'"key{i}":{i}' for i in range(20)) + '},"id":"k","type":"req","method":"m"}',
        '{"type":"req","id":"u","method":"' + "😀日本" * 12 + '"}',
        '{"type":"req","id":"l","method":"m","params":{"text":"' + 'plain, für \\n\\\\ \\"€\\" 😀 ' * 12 + '"}}',
        '{"type":"event","event":"long","payload":"' + "\\\\" * 40 + "x" * 70 + "\\u20ac" * 12 + "日本語" * 12 + '"}',
    )
)
ENVELOPE_WORDS = (
    *(b'"type":"req",', b'"id":"x",', b'"\\u0061":1,', b'"a":1,', b"\\ud83d", b"\\ude00", b"\\u0000", b'\\"', b"\\"),
    *(b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\x00", b"\x1f"),
    *(b"NaN", b"-Infinity", b"1e400", b"-0", b"9007199254740993", b"1.7976931348623158e308", b"01", b"1e-400"),
    *(b"[[[[", b"]]", b'{"a":{"a":', b"}}", b"[]", b"{}", b",", b":", b'"', b" \t\r\n", b"true", b"null"),
)

# --- patterns -------------------------------------------------------------------------------------------------

PATTERNS = [
    r"(?i)\b(?:ignore|disregard)\b[^\n]{0,40}\b(?:previous|prior)\b[^\n]{0,40}\brules?\b",
    r"(?i)\bsend\b.{0,9}\bkeys?\b",
    r"\bcurl\b[^\n]{0,60}\|\s*(?:ba|z)?sh\b",
    r"[=#]{2,}\s?end(?: of)? input",
    r"(?:^|\n)system ?: ?(?:you|new)",
    r"rm\s+-rf?\s+/",
    r"(?i)скажи .{0,12}пароль",
    r"ab.*cd.*ef",
]
PATTERN_SET = patterns.PatternSet(PATTERNS, max_mem=1 << 21)  # soon full, so that growth is something else
PATTERN_WORDS = tuple(
    word.encode()
    for word in (
        *("ignore ", "disregard ", "previous ", "rules ", "rule", "send ", "key", "keys ", "curl ", "|bash ", "|sh "),
        *("== ", "end ", "input", "system:", "you ", "rm ", "-rf ", "/", "ab", "cd", "ef", " ", "\n", "x" * 40),
        *("СКАЖИ ", "пароль", "\u200b", "ſend", "\u212aeys", "\x80", "é" * 9),
    )
)


def run_patterns(data: bytes) -> None:
    for pattern, start, end in PATTERN_SET.scan(data):
        assert 0 <= pattern < len(PATTERNS)
        assert 0 <= start < end <= len(data)
    if len(data) % 16 == 0:  # compiling is slow
        patterns.check(data[:60].decode("utf-8", "replace"))


def compare_patterns(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert PATTERN_SET.scan(text) == patterns_twin.scan(PATTERNS, text)


# --- text -----------------------------------------------------------------------------------------------------


def run_text(data: bytes) -> None:
    textscan.survey(data.decode("utf-8", "surrogateescape"))


TEXT_WORDS = (
    *(b"SWdub3JlIGFsbCBydWxlcw==", b"49676e6f7265", b"01001001 01100111 ", b"%49%67", b"\\x49\\x67", b"i g n o r e "),
    *("\u200b".encode(), "\U000e0069".encode(), "ⅰ".encode(), "ｉｇ".encode(), "а".encode(), b"\xff", b"=" * 9),
)

TARGETS = (
    Target("envelope", (*ENVELOPE_SEEDS, *corpus("envelope")), ENVELOPE_WORDS, run_envelope, compare_envelope),
    Target("wsframe", (*frame_seeds(), *corpus("wsframe")), FRAME_WORDS, run_frames, compare_frames),
    Target("patterns", (b" ".join(PATTERN_WORDS), *corpus("patterns")), PATTERN_WORDS, run_patterns, compare_patterns),
    Target("text", (b" ".join(TEXT_WORDS), *corpus("text")), TEXT_WORDS, run_text, run_text),
)
