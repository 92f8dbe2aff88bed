"""One connected client: its handshake, its requests, its place in the event order.

Knows nothing of sockets (a Link carries the bytes) or of what methods do. Invariant: nothing but `connect` is served
before hello-ok, a bad frame hurts this connection only, and unanswered requests are bounded: past the bound the link
stops reading until some are answered.
"""

import logging
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

from gw import limits
from gw._native.envelope import UNKNOWN_KEYS, BadFrameError, NotJsonError, scan
from gw.errors import ConnectRefused, InvalidRequest, RequestError, StoreError, Unavailable
from gw.methods.events import EventBus, Subscriptions
from gw.methods.router import Router
from gw.model.identity import ConnInfo
from gw.observe.metrics import Cell, Metrics
from gw.ports import Clock, Json, Link, UpgradeFacts
from gw.wire import frames, json
from gw.wire.connect import NOT_A_REQUEST, NOT_CONNECT, ConnectParams

if TYPE_CHECKING:
    from gw._native.envelope import Envelope
    from gw.methods.handshake import Handshake

logger = logging.getLogger(__name__)

# Requests answered down to this many before reading goes on, so that a full connection does not flap.
RESUME_AT: Final = limits.MAX_PENDING_REQUESTS // 2
# Scanner codes for a frame that is unambiguous JSON but no request: it may be decoded to say what is wrong with it.
NO_FRAME: Final = frozenset({"not-object", "type", "id", "method", "event", "ok", "seq"})


class State(Enum):
    WAITING = "waiting"  # for connect
    CHECKING = "checking"  # connect is being decided
    OPEN = "open"
    CLOSED = "closed"


# Looked up for every message, and a module's own names are found fastest.
OPEN: Final = State.OPEN
MAX_DEPTH: Final = limits.MAX_JSON_DEPTH
MAX_PENDING: Final = limits.MAX_PENDING_REQUESTS


class Frames(NamedTuple):
    """Counters of clawgate_frames_total, found once."""

    requests: Cell
    bad: Cell

    @classmethod
    def of(cls, metrics: Metrics) -> "Frames":
        name = "clawgate_frames_total"
        return cls(metrics.cell(name, "in", "req"), metrics.cell(name, "in", "bad"))


class Services(NamedTuple):
    """What every Client of a gateway shares. `connected` and `left` are told when one opens and closes."""

    router: Router
    bus: EventBus
    handshake: "Handshake"
    clock: Clock
    spawn: Callable[..., object]
    frames: Frames
    connected: Sequence[Callable[["Client"], None]]
    left: Sequence[Callable[["Client"], None]]


class Client:
    """A ports.Peer."""

    __slots__ = (
        "_cancel_timeout",
        "_dispatch",
        "_link",
        "_paused",
        "_pending",
        "_requests",
        "_services",
        "_state",
        "conn_id",
        "connected_at_ms",
        "facts",
        "granted",
        "info",
        "nonce",
        "params",
        "send",
        "send_event",
        "subscriptions",
    )

    info: ConnInfo  # set with hello-ok
    params: ConnectParams
    granted: tuple[str, ...]  # scopes in the order asked, without the implied ones

    def __init__(self, link: Link, facts: UpgradeFacts, services: Services) -> None:
        self.facts = facts
        self.conn_id = str(uuid4())
        self.nonce = str(uuid4())
        self.subscriptions = Subscriptions()
        self.connected_at_ms = 0
        self._link = link
        self.send = link.send  # one encoded frame
        self.send_event = link.send_event  # a broadcast event, as `frames.event_body` made it
        self._services = services
        self._dispatch = services.router.dispatch
        self._requests = services.frames.requests
        self._state = State.WAITING
        self._pending = 0
        self._paused = False
        self._cancel_timeout: Callable[[], None] = lambda: None

    # --- ports.Peer -----------------------------------------------------------------------------------------

    def opened(self) -> None:
        challenge = {"nonce": self.nonce, "ts": self._services.clock.now_ms()}
        self._link.limit_messages(limits.PREAUTH_MESSAGE_BYTES)
        self.send(frames.event("connect.challenge", challenge))
        self._cancel_timeout = self._link.call_later(limits.CONNECT_TIMEOUT_S, lambda: self.close(1000))

    def message(self, data: bytes) -> bool:
        if self._state is not OPEN:
            return self._first_message(data)
        try:
            envelope = scan(data, max_depth=MAX_DEPTH)
        except NotJsonError as error:
            self._note_bad(error.code)
            return True
        except BadFrameError as error:
            self._answer_bad(data, error)
            return True
        if envelope.kind != "req" or envelope.flags & UNKNOWN_KEYS:
            self._refuse_frame(data, envelope.id)
            return True
        request_id, method = envelope.id, envelope.name
        assert request_id is not None and method is not None  # the scanner says so of every req
        self._requests.value += 1
        raw = data[envelope.body_start : envelope.body_end]
        params: dict[str, Json] | None = None  # a large object that no handler looks at is not worth reading
        if not raw.startswith(b"{"):
            params = self._params_of(envelope, raw)
            if params is None:
                return True
        self._dispatch(self, request_id, method, params, raw)
        if self._pending < MAX_PENDING:
            return True
        self._paused = True
        return False

    def closed(self, code: int, reason: str) -> None:
        was_open = self._state is State.OPEN
        self._state = State.CLOSED
        self._cancel_timeout()
        if was_open:
            self._services.bus.remove(self)
            for tell in self._services.left:
                tell(self)
            who = {"client": self.info.client_id, "remote": self.facts.remote}
            logger.info("client.closed", extra={"conn": self.conn_id, **who, "code": code})

    # --- what the router and the bus use --------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._state is State.OPEN

    @property
    def buffered_bytes(self) -> int:
        return self._link.buffered_bytes

    def begin(self) -> None:
        """A request is being served by a greenlet."""
        self._pending += 1

    def finish(self) -> None:
        self._pending -= 1
        if self._paused and self._pending <= RESUME_AT:
            self._paused = False
            self._link.resume()

    def close(self, code: int, reason: str = "") -> None:
        self._link.close(code, clip_reason(reason))

    # --- handshake ------------------------------------------------------------------------------------------

    def _first_message(self, data: bytes) -> bool:
        """Take `connect`; reading pauses until it is decided."""
        if self._state is not State.WAITING:
            return False
        try:
            envelope = scan(data, max_depth=limits.MAX_JSON_DEPTH)
        except NotJsonError as error:
            self._end(error.code, 1000, "")
            return True
        except BadFrameError as error:
            self._end(error.code, 1008, NOT_A_REQUEST)
            return True
        if envelope.kind != "req" or envelope.flags & UNKNOWN_KEYS:
            self._end("frame", 1008, NOT_A_REQUEST)
            return True
        assert envelope.id is not None
        if envelope.name != "connect":
            self._refuse(envelope.id, ConnectRefused(InvalidRequest(NOT_CONNECT)))
            return True
        body = data[envelope.body_start : envelope.body_end]
        self._state = State.CHECKING
        self._services.spawn(self._connect, envelope.id, json.loads(body) if body else None)
        return False

    def _connect(self, request_id: str, params: Json) -> None:
        try:
            hello = self._services.handshake.run(self, params)
        except ConnectRefused as refused:
            self._refuse(request_id, refused)
            return
        except RequestError as error:
            self._refuse(request_id, ConnectRefused(error))
            return
        except StoreError:  # the records of devices, on a full disk
            logger.error("handshake.not_stored", extra={"conn": self.conn_id})
            self._refuse(request_id, ConnectRefused(Unavailable("this device cannot be put on record right now")))
            return
        except Exception:  # the boundary: a fault of ours ends this connection only
            logger.exception("handshake.crashed")
            self.close(1011, "internal error")
            return
        if self._state is State.CLOSED:
            return
        self._cancel_timeout()
        self._state = State.OPEN
        self._link.limit_messages(limits.MAX_PAYLOAD_BYTES)
        self.send(frames.answer(request_id, hello))
        self._services.bus.add(self)
        self._link.resume()
        for tell in self._services.connected:
            tell(self)

    def _refuse(self, request_id: str, refused: ConnectRefused) -> None:
        self.send(frames.failure(request_id, refused.error.shape()))
        details = refused.error.details or {}
        self._end(str(details.get("code", refused.error.code)), refused.close_code, refused.reason)

    def _end(self, what: str, code: int, reason: str) -> None:
        self._services.handshake.refused(what)
        logger.info("handshake.refused", extra={"conn": self.conn_id, "remote": self.facts.remote, "why": what})
        self.close(code, reason)

    # --- bad frames after hello -----------------------------------------------------------------------------

    def _params_of(self, envelope: "Envelope", raw: bytes) -> dict[str, Json] | None:
        """Params that are no object: none at all counts as empty, anything else is answered."""
        if raw in (b"", b"null"):
            return {}
        error = InvalidRequest(f"invalid {envelope.name} params: must be object")
        self.send(frames.failure(envelope.id or "invalid", error.shape()))
        return None

    def _answer_bad(self, data: bytes, error: BadFrameError) -> None:
        if error.code in NO_FRAME:
            self._refuse_frame(data, error.id)
        else:
            self._fail_frame(error.id, str(error))
        self._note_bad(error.code)

    def _refuse_frame(self, data: bytes, request_id: str | None) -> None:
        self._fail_frame(request_id, frames.request_problem(json.loads(data)) or "not a request")

    def _fail_frame(self, request_id: str | None, problem: str) -> None:
        shape = InvalidRequest(f"invalid request frame: {problem}").shape()
        self.send(frames.failure(request_id or "invalid", shape))

    def _note_bad(self, code: str) -> None:
        self._services.frames.bad.value += 1
        logger.info("frame.bad", extra={"conn": self.conn_id, "remote": self.facts.remote, "why": code})


def clip_reason(reason: str) -> str:
    """What fits into a close frame, without splitting a character."""
    return reason.encode()[: limits.CLOSE_REASON_BYTES].decode(errors="ignore")
