"""Runs of encoded text, decoded: base64, hex, binary and decimal codes, percent and backslash escapes.

Knows nothing of what the text says. Invariant: a run that does not give readable text is left alone; work is bounded
by `DECODED_BYTES` and `DEPTH` whatever the input.
"""

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from gw._native.textscan import BASE64, BINARY, DECIMAL, ESCAPES, HEX, PERCENT, UNITS, survey
from gw.defender.text.offsets import Edit

DEPTH: Final = 2  # an encoding inside an encoding; nobody needs a third to be told apart
DECODED_BYTES: Final = 64 * 1024  # of one text, all runs together
_RUN_CHARACTERS: Final = 4 * DECODED_BYTES  # longer runs are cut: eight binary digits and a blank make one byte
_READABLE: Final = 0.9  # share of printable characters
_WORDLIKE: Final = 0.6  # share of letters and blanks
_SHORTEST: Final = 6  # characters of decoded text worth a look

_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_ESCAPE: Final = re.compile(r"\\x([0-9A-Fa-f]{2})|\\u\{?([0-9A-Fa-f]{4})\}?|\\([0-3][0-7]{2})")


def _base64(run: str) -> bytes:
    data = run.encode("ascii").translate(_STANDARD)
    return b64decode(data[: len(data) - (len(data) % 4 == 1)] + b"=" * (-len(data) % 4))


def _hex(run: str) -> bytes:
    return bytes.fromhex(run)


def _units(run: str) -> bytes:
    digits = "".join(c if c.isalnum() else " " for c in run).lower().replace("0x", " ").replace("x", " ").split()
    return bytes.fromhex("".join(digits))


def _binary(run: str) -> bytes:
    return bytes(int(octet, 2) for octet in "".join(c if c in "01" else " " for c in run).split())


def _decimal(run: str) -> bytes:
    return bytes(int(code) for code in "".join(c if c.isdecimal() else " " for c in run).split())


def _percent(run: str) -> bytes:
    return unquote_to_bytes(run)


def _escapes(run: str) -> bytes:
    plain = _ESCAPE.sub(_unescape, run[:1024]) + run[1024:]
    from html import unescape  # late: a table of two thousand names

    return unescape(plain).encode("utf-8", "surrogatepass")


def _unescape(match: re.Match[str]) -> str:
    two, four, octal = match.groups()
    return chr(int(octal, 8) if octal else int(two or four, 16))


DECODERS: Final[Mapping[int, Callable[[str], bytes]]] = {
    BASE64: _base64,
    HEX: _hex,
    UNITS: _units,
    BINARY: _binary,
    DECIMAL: _decimal,
    PERCENT: _percent,
    ESCAPES: _escapes,
}


def readable(data: bytes) -> str | None:
    """The text when it is UTF-8 that reads like words, else None."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(text) < _SHORTEST:
        return None
    printable = sum(1 for c in text if c.isprintable() or c in "\n\t\r")
    wordlike = sum(1 for c in text if c.isalpha() or c in " \n")
    return text if printable >= _READABLE * len(text) and wordlike >= _WORDLIKE * len(text) else None


def decode_runs(text: str, runs: Iterable[tuple[int, int, int]], *, depth: int = DEPTH) -> list[Edit]:
    """Edits that put the plain text in place of each run that has one; nested runs are decoded as well."""
    edits = []
    budget = DECODED_BYTES
    position = 0
    for kind, start, end in sorted(runs, key=lambda run: run[1]):
        decode = DECODERS.get(kind)
        if decode is None or budget <= 0 or start < position:
            continue
        plain = _attempt(decode, text[start : min(end, start + _RUN_CHARACTERS)], budget)
        if plain is None:
            continue
        budget -= len(plain)
        position = end
        if depth > 1:
            plain = _nested(plain, depth - 1)
        edits.append(Edit(start, end, plain))
    return edits


def _attempt(decode: Callable[[str], bytes], run: str, budget: int) -> str | None:
    try:
        plain = readable(decode(run)[:budget])
    except (ValueError, Error, OverflowError):
        return None
    return None if plain is None or plain == run else plain


def _nested(text: str, depth: int) -> str:
    edits = decode_runs(text, survey(text)[5], depth=depth)
    return "\n".join([text, *(edit.replacement for edit in edits)])
