"""Calls the handlers of one family without a router, a client or a socket."""

from pathlib import Path
from typing import Any

from gw.methods.router import Call
from gw.methods.system import ServerFacts
from gw.model.identity import ConnInfo, Role
from gw.wire.methods import MethodSpec

SERVER = ServerFacts("0.1.0", "boot-1", "127.0.0.1", 18789, Path("/nonexistent/state"))


class FixedClock:
    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


def info(*scopes: str) -> ConnInfo:
    return ConnInfo(
        conn_id="c1",
        role=Role.OPERATOR,
        scopes=frozenset(scopes),
        protocol=4,
        client_id="cli",
        client_mode="cli",
        client_version="1",
        platform="linux",
        remote="127.0.0.1",
        is_local=True,
        device_id=None,
        caps=frozenset(),
        auth_method="token",
    )


def handlers(family: object) -> dict[str, Any]:
    found = {}
    for attribute in dir(type(family)):
        for mark in getattr(getattr(type(family), attribute), "rpc_marks", ()):
            found[mark.name] = getattr(family, attribute)
    return found


def ask(family: object, method: str, params: dict[str, Any] | None = None, scopes: tuple[str, ...] = ()) -> Any:
    spec = MethodSpec(method, "test", "operator.read", "1")
    call = Call(None, info(*scopes), "1", spec, params or {})  # type: ignore[arg-type]
    return handlers(family)[method](call)
