"""What a gateway asks of a node, seen by the guard on the node's side: judged once, refused in the node's name.

Knows no sockets and no verdicts. Invariant: an invocation that was let through on its way in is not judged a second
time, and only that very one: same node, command, key and parameters, once, within a minute.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import ujson

from gw.ports import Json
from gw.wire import json

PASS_TTL_MS: Final = 60_000
MAX_PASSES: Final = 1024
ADDED_BY_GATEWAY: Final = frozenset({"runId"})  # parameters that the gateway writes into what it hands on

# Events that carry something to be done; everything else a gateway says is passed as it is.
GUARDED_EVENTS: Final = frozenset({"node.invoke.request"})


class Passes:
    """Invocations that were judged as `node.invoke` and let through; shared by all connections of a proxy."""

    def __init__(self) -> None:
        self._until_ms: dict[str, int] = {}  # oldest first

    def allow(self, params: Mapping[str, Json], now_ms: int) -> None:
        """A `node.invoke` goes to the gateway."""
        mark = _mark(params, params.get("params"))
        if mark is None:
            return
        self._until_ms.pop(mark, None)
        self._until_ms[mark] = now_ms + PASS_TTL_MS
        if len(self._until_ms) > MAX_PASSES:
            del self._until_ms[next(iter(self._until_ms))]

    def take(self, payload: Mapping[str, Json], now_ms: int) -> bool:
        """Whether this `node.invoke.request` is one of them; it counts once."""
        mark = _mark(payload, _parsed(payload.get("paramsJSON")))
        return mark is not None and self._until_ms.pop(mark, 0) > now_ms


def refusal(payload: Mapping[str, Json], code: str, message: str) -> tuple[str, bytes]:
    """The node's answer to an invocation that it never gets: the id of the request frame, and the frame."""
    request_id = str(uuid4())
    params = {
        "id": payload.get("id"),
        "nodeId": payload.get("nodeId"),
        "ok": False,
        "error": {"code": code, "message": message},
    }
    frame = {"type": "req", "id": request_id, "method": "node.invoke.result", "params": params}
    return request_id, json.dumps(frame)


def _mark(call: Mapping[str, Json], params: Json) -> str | None:
    key = call.get("idempotencyKey")
    if not isinstance(key, str) or not key:
        return None
    if isinstance(params, dict):
        params = {name: value for name, value in params.items() if name not in ADDED_BY_GATEWAY}
    content: list[Any] = [call.get("nodeId"), call.get("command"), key, params]
    return sha256(ujson.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def _parsed(text: Json) -> Json:
    """Upstream leaves the parameters out when there were none."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
