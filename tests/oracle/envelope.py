"""Slow, obvious twin of pyx/envelope.pyx: Python's own JSON decoder with a hook for everything that is ambiguous.

Never shipped. It lists every fault a message has, so the order in which a scanner meets them does not matter.
"""

import json
import math
import re
from decimal import Decimal
from typing import Any, NamedTuple

OVERFLOW = Decimal("1.7976931348623158e308")
LONGEST_NUMBER = 1100
KINDS = {"req": "req", "res": "res", "resp": "res", "event": "event"}
KNOWN = {
    "req": {"type", "id", "method", "params", "traceparent", "expectedProfileId"},
    "res": {"type", "id", "ok", "payload", "error"},
    "event": {"type", "event", "payload", "seq", "stateVersion", "recipientProfileId"},
}
TRACEPARENT = re.compile(
    r"(?:00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
    r"|(?!00|ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)",
    re.DOTALL,
)


class Report(NamedTuple):
    """`faults` is empty for an acceptable frame; `id` is what an answer would carry; `frame` is the decoded message."""

    faults: frozenset[str]
    id: str | None
    frame: dict[str, Any]


class Pairs(list[tuple[str, Any]]):
    """An object as it was written, repeated keys and all."""


def nesting(data: bytes) -> int:
    """Deepest bracket outside strings, whatever else is wrong with the text."""
    depth = deepest = 0
    for token in re.findall(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', data, re.DOTALL):
        depth += (token in b"[{") - (token in b"]}")
        deepest = max(deepest, depth)
    return deepest


def examine(data: bytes, *, max_depth: int) -> Report:
    if nesting(data) > max_depth:
        return Report(frozenset({"depth", "not-json"}), None, {})
    faults: set[str] = set()
    try:
        top = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=Pairs,
            parse_int=lambda digits: _integer(digits, faults),
            parse_float=lambda digits: _float(digits, faults),
            parse_constant=_refuse,
        )
    except ValueError:
        return Report(frozenset({"not-json"}), None, {})
    value = _plain(top, faults)
    if not isinstance(value, dict):
        return Report(frozenset(faults | {"not-object"}), None, {})
    ids = [v for k, v in top if k == "id"]
    usable = len(ids) == 1 and isinstance(ids[0], str) and ids[0] != "" and not _is_lone(ids[0])
    return Report(frozenset(faults or _shape_faults(value)), ids[0] if usable else None, value)


def is_known(frame: dict[str, Any]) -> bool:
    return set(frame) <= KNOWN[KINDS[frame["type"]]]


def traceparent(frame: dict[str, Any]) -> str | None:
    """The value when W3C Trace Context accepts it."""
    value = frame.get("traceparent")
    if not isinstance(value, str) or not TRACEPARENT.fullmatch(value):
        return None
    _, trace, parent, *_ = value.split("-")
    return value if set(trace) != {"0"} and set(parent) != {"0"} else None


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _integer(digits: str, faults: set[str]) -> int:
    if len(digits) > LONGEST_NUMBER:
        faults.add("number-long")
        return 0
    if abs(int(digits)) > 2**53:
        faults.add("integer-range")
    return int(digits)


def _float(digits: str, faults: set[str]) -> float:
    value = float(digits)
    if len(digits) > LONGEST_NUMBER:
        faults.add("number-long")
    elif math.isinf(value) or (abs(value) > 1e308 and abs(Decimal(digits)) >= OVERFLOW):
        faults.add("float-range")
    return value


def _is_lone(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def _plain(value: Any, faults: set[str]) -> Any:
    if isinstance(value, Pairs):
        keys = [key for key, _ in value]
        if len(set(keys)) < len(keys):
            faults.add("duplicate-key")
        return {_plain(key, faults): _plain(item, faults) for key, item in value}
    if isinstance(value, list):
        return [_plain(item, faults) for item in value]
    if isinstance(value, str) and _is_lone(value):
        faults.add("lone-surrogate")
    return value


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _shape_faults(frame: dict[str, Any]) -> set[str]:
    word = frame.get("type")
    kind = KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        return {"type"}
    if kind in ("req", "res") and not _is_name(frame.get("id")):
        return {"id"}
    if kind == "req" and not _is_name(frame.get("method")):
        return {"method"}
    if kind == "res" and not isinstance(frame.get("ok"), bool):
        return {"ok"}
    if kind == "event" and not _is_name(frame.get("event")):
        return {"event"}
    seq = frame.get("seq", 0)
    if kind == "event" and (type(seq) is not int or seq < 0):
        return {"seq"}
    return set()


def answer(request_id: str, payload: bytes) -> bytes:
    """A res frame around an encoded payload."""
    quoted = json.dumps(request_id, ensure_ascii=False).encode("utf-8", "replace")
    return b'{"type":"res","id":' + quoted + b',"ok":true,"payload":' + payload + b"}"
