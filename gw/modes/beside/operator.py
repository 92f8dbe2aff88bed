"""An operator's connection to a real gateway, seen from the client's side: login, requests, answers, events.

A ports.Peer; knows no policy and not how the connection was opened. Invariant: every request that was sent is answered,
refused, or failed with UpstreamError when the connection ends or its deadline passes; nobody waits for ever.
"""

import logging
from collections.abc import Callable, Container, Sequence
from typing import Any, Final, NamedTuple
from uuid import uuid4

from gw import __version__
from gw._native import envelope
from gw.access.device import Signed
from gw.errors import UpstreamError
from gw.limits import MAX_JSON_DEPTH
from gw.modes.beside.device import OwnDevice
from gw.ports import Json, Latch, Link
from gw.wire import json

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S: Final = 10.0
CHALLENGE: Final = "connect.challenge"
CLIENT_ID: Final = "gateway-client"  # the gateway takes only names of its own list
CLIENT_MODE: Final = "backend"
PLATFORM: Final = "linux"


class RefusedError(UpstreamError):
    """The gateway answered a request with an error; `shape` is the wire's error object."""

    def __init__(self, method: str, shape: dict[str, Any]) -> None:
        super().__init__(f"{method}: {shape.get('message', shape.get('code'))}")
        self.shape = shape

    @property
    def reason(self) -> str:
        """`details.reason`, or the code where there is none."""
        details = self.shape.get("details")
        found = details.get("reason") if isinstance(details, dict) else None
        return str(found or self.shape.get("code", ""))


class Login(NamedTuple):
    """What we show and ask for."""

    token: str
    device: OwnDevice
    scopes: Sequence[str]
    caps: Sequence[str] = ()
    name: str = "clawgate"


class _Waiter:
    def __init__(self, latch: Latch) -> None:
        self.latch = latch
        self.frame: dict[str, Any] | None = None


class Operator:
    """`wanted` names the events that are handed to `on_event`, which is called on the hub and must not block."""

    def __init__(
        self,
        link: Link,
        make_latch: Callable[[], Latch],
        on_event: Callable[[str, Json], None],
        wanted: Container[str],
    ) -> None:
        self.gone = make_latch()  # set once the connection is no more
        self._link = link
        self._make_latch = make_latch
        self._on_event = on_event
        self._wanted = wanted
        self._waiters: dict[str, _Waiter] = {}
        self._challenged = make_latch()
        self._challenge: Json = None
        self._why = ""  # it ended

    # --- ports.Peer -----------------------------------------------------------------------------------------

    def opened(self) -> None:
        """The gateway speaks first."""

    def message(self, data: bytes) -> bool:
        try:
            found = envelope.scan(data, max_depth=MAX_JSON_DEPTH)
            if found.kind == "res":
                self._answered(json.loads(data))
            elif found.kind == "event" and found.name == CHALLENGE:
                self._challenge = json.loads(data).get("payload")
                self._challenged.set()
            elif found.kind == "event" and found.name in self._wanted:
                self._on_event(str(found.name), json.loads(data).get("payload"))
        except ValueError:  # envelope.EnvelopeError is one
            logger.warning("upstream.bad_frame", extra={"bytes": len(data)})
        return True

    def closed(self, code: int, reason: str) -> None:
        self._why = f"the connection ended ({code} {reason[:80]})".replace(" )", ")")
        self.gone.set()
        self._challenged.set()
        for waiter in list(self._waiters.values()):
            waiter.latch.set()

    # --- what greenlets call --------------------------------------------------------------------------------

    def login(self, who: Login) -> dict[str, Any]:
        """Answer the challenge; the hello. Raises UpstreamError, RefusedError."""
        self._challenged.wait(ANSWER_TIMEOUT_S)
        match self._challenge:
            case {"nonce": str(nonce), "ts": int(at_ms)}:
                pass
            case _:
                raise UpstreamError(self._why or "it sent no challenge: this is no OpenClaw gateway")
        signed = Signed(CLIENT_ID, CLIENT_MODE, "operator", who.scopes, who.token, PLATFORM, "")
        params: dict[str, Any] = {
            "minProtocol": 4,
            "maxProtocol": 4,
            "client": {
                "id": CLIENT_ID,
                "displayName": who.name,
                "version": __version__,
                "platform": PLATFORM,
                "mode": CLIENT_MODE,
            },
            "role": "operator",
            "scopes": list(who.scopes),
            "caps": list(who.caps),
            "device": who.device.proof(signed, nonce, at_ms),
        }
        if who.token:
            params["auth"] = {"token": who.token}
        hello = self.call("connect", params)
        if not isinstance(hello, dict):
            raise UpstreamError("its hello is none: this is no OpenClaw gateway")
        return hello

    def call(self, method: str, params: Json = None, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """The payload of the answer. Raises RefusedError, or UpstreamError when none comes."""
        if self._why:
            raise UpstreamError(self._why)
        request_id, waiter = str(uuid4()), _Waiter(self._make_latch())
        self._waiters[request_id] = waiter
        try:
            frame = {"type": "req", "id": request_id, "method": method, "params": {} if params is None else params}
            self._link.send(json.dumps(frame))
            if not waiter.latch.wait(timeout_s):
                raise UpstreamError(f"{method}: no answer within {timeout_s:g} s")
        finally:
            del self._waiters[request_id]
        if waiter.frame is None:
            raise UpstreamError(self._why)
        if not waiter.frame.get("ok"):
            raise RefusedError(method, waiter.frame.get("error") or {})
        return waiter.frame.get("payload")

    def close(self) -> None:
        self._link.close(1000)

    def _answered(self, frame: dict[str, Any]) -> None:
        waiter = self._waiters.get(frame["id"])
        if waiter is not None and waiter.frame is None:
            waiter.frame = frame
            waiter.latch.set()
