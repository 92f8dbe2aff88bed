"""The three kinds of frame as bytes: building answers and events, and what is wrong with a request frame.

Knows nothing of connections. Invariant: what is built here is one JSON object per message with only the published
keys.
"""

from collections.abc import Mapping

from gw._native import envelope
from gw.ports import Json
from gw.wire import json
from gw.wire.json import Encoded

REQUEST_KEYS = frozenset({"type", "id", "method", "params", "traceparent", "expectedProfileId"})


def answer(request_id: str, payload: Json) -> bytes:
    return envelope.answer(request_id, payload if payload.__class__ is Encoded else json.dumps(payload))


def failure(request_id: str, error: Mapping[str, Json]) -> bytes:
    return b'{"type":"res","id":%b,"ok":false,"error":%b}' % (json.quote(request_id), json.dumps(error))


def event_body(name: str, payload: Json, *, state_version: Mapping[str, int] | None = None) -> bytes:
    """An event without its closing brace: `_native.wsframe.encode_event` adds each connection's `seq` and the brace."""
    body = b'{"type":"event","event":%b,"payload":%b' % (json.quote(name), json.dumps(payload))
    if state_version is not None:
        body += b',"stateVersion":%b' % json.dumps(state_version)
    return body


def event(name: str, payload: Json) -> bytes:
    """An event addressed to one connection, which carries no `seq`."""
    return event_body(name, payload) + b"}"


def request_problem(frame: Json) -> str | None:
    """What makes a decoded frame no request, in upstream's order and words; None when it is one."""
    if not isinstance(frame, dict):
        return "must be object"
    missing = next((key for key in ("type", "id", "method") if key not in frame), None)
    unexpected = next((key for key in frame if key not in REQUEST_KEYS), None)
    problems = [] if missing is None else [f"must have required property '{missing}'"]
    problems += [] if unexpected is None else [f"at root: unexpected property '{unexpected}'"]
    if "type" in frame and frame["type"] != "req":
        problems.append("at /type: must be equal to constant")
    for key in ("id", "method"):
        if key not in frame:
            continue
        if not isinstance(frame[key], str):
            problems.append(f"at /{key}: must be string")
        elif not frame[key]:
            problems.append(f"at /{key}: must not have fewer than 1 characters")
    return "; ".join(problems) or None
