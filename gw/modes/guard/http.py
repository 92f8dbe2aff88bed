"""What of the gateway's HTTP surface is judged: a table of paths, and one request as an Action.

Knows no sockets and no verdicts. Invariant: a path that the gateway could take for a guarded one is guarded, however it
is spelled; a body that two parsers might read differently is refused, never passed.
"""

import posixpath
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from gw._native.envelope import UNKNOWN_KEYS, EnvelopeError, scan
from gw.defender.extract import Origin, from_request
from gw.limits import MAX_JSON_DEPTH
from gw.model.action import Action
from gw.ports import Json
from gw.wire import json

# Path -> the name its body has in `defender.carriers`; what lies below a path counts as that path.
GUARDED_PATHS: Final[Mapping[str, str]] = {
    "/v1/chat/completions": "http.chat",
    "/v1/responses": "http.responses",
    "/tools/invoke": "http.tools",
}
HOOKS: Final = "http.hook"
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BEFORE: Final = b'{"type":"req","id":"http","method":"http","params":'


class UnreadableBody(ValueError):
    """Why a body cannot be judged; the words are for its sender."""


def guarded_as(method: str, target: str, hooks_path: str) -> str | None:
    """The name under which this request is judged, or None."""
    if method.upper() in READING:
        return None
    table = {**GUARDED_PATHS, hooks_path.rstrip("/").lower() or "/hooks": HOOKS}
    for path in spellings(target):
        for guarded, name in table.items():
            if path == guarded or path.startswith(guarded + "/"):
                return name
    return None


def spellings(target: str) -> set[str]:
    """The paths a server could make of a request target: WHATWG URL rules, decoded once or not, in lower case."""
    found = set()
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    raw = urlsplit("//host" + target).path if target.startswith("/") else target.partition("?")[0]
    for path in (raw, unquote(raw)):
        plain = "/" + path.partition("?")[0].partition("#")[0].replace("\\", "/").lower()
        found.add("/" + posixpath.normpath(plain).strip("/"))
        if plain.startswith("//"):  # may be read as //HOST/PATH
            found.add("/" + posixpath.normpath("/" + plain.lstrip("/").partition("/")[2]).strip("/"))
    return found


def action_of(name: str, body: bytes, headers: Mapping[str, str], origin: Origin) -> Action:
    """The action of a guarded request. Raises UnreadableBody."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnreadableBody("the body of this request must not be compressed")
    action = from_request(name, read_body(body), body, origin)
    session = headers.get("x-openclaw-session-key")
    return action._replace(session_key=action.session_key or session)


def read_body(body: bytes) -> Json:
    """The JSON value of a body that every parser reads alike; an empty one is nothing. Raises UnreadableBody."""
    if not body.strip():
        return {}
    frame = BEFORE + body + b"}"
    try:
        envelope = scan(frame, max_depth=MAX_JSON_DEPTH)
    except EnvelopeError as error:
        raise UnreadableBody(f"the body is not unambiguous JSON: {error.code}") from None
    inside = frame[envelope.body_start : envelope.body_end]
    if envelope.flags & UNKNOWN_KEYS or inside != body.strip():
        raise UnreadableBody("the body is not one JSON value")
    return json.loads(inside)
