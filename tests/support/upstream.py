"""A scripted stand-in for a real gateway, at the other end of an `Operator`'s link."""

import json
from collections.abc import Callable
from typing import Any

from gw.modes.beside.operator import Operator

CHALLENGE = {"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1_700_000_000_000}}
HELLO = {"type": "hello-ok", "protocol": 4, "server": {"version": "2026.9.6"}}

Answer = Callable[[dict[str, Any]], Any]


class Refuse(Exception):
    """Raised by an answer: the request is refused with this error object."""

    def __init__(self, **shape: Any) -> None:
        super().__init__(shape)
        self.shape = shape


class FakeUpstream:
    """Also the Link of its operators. `answers` maps methods to a payload, or to a function of the params."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "connect": HELLO,
            "exec.approval.list": [],
            "plugin.approval.list": [],
            "sessions.subscribe": {"subscribed": True},
            "sessions.messages.subscribe": {"subscribed": True},
            "sessions.list": {"sessions": []},
            "config.get": {"parsed": {}},
        } | answers
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.operators: list[Operator] = []
        self.closed_with: tuple[int, str] | None = None

    def connect(self, make_peer: Callable[[Any], Operator]) -> None:
        operator = make_peer(self)
        self.operators.append(operator)
        operator.opened()
        operator.message(json.dumps(CHALLENGE).encode())

    def event(self, name: str, payload: Any) -> None:
        frame = {"type": "event", "event": name, "payload": payload, "seq": 1}
        self.operators[0].message(json.dumps(frame).encode())

    def params(self, method: str) -> list[dict[str, Any]]:
        return [params for asked, params in self.asked if asked == method]

    # --- ports.Link -------------------------------------------------------------------------------------------------

    def send(self, payload: bytes) -> None:
        frame = json.loads(payload)
        method, params = frame["method"], frame["params"]
        self.asked.append((method, params))
        answer = self.answers.get(method)
        if answer is None:
            return  # left without an answer
        reply = {"type": "res", "id": frame["id"], "ok": True}
        try:
            reply["payload"] = answer(params) if callable(answer) else answer
        except Refuse as refused:
            reply |= {"ok": False, "error": refused.shape}
        self.operators[-1].message(json.dumps(reply).encode())

    def close(self, code: int, reason: str = "") -> None:
        self.closed_with = (code, reason)
