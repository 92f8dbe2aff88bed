"""One client's connection to the gateway behind the guard: what passes, what waits, what is answered by us.

Sans-IO: bytes come in by method calls and leave through two `Side`s; judging and people are a `Desk`. Invariant: every
request of the client is passed on unchanged or answered here, never both and never twice; bytes that were judged are
the bytes that leave; nothing that has to be judged leaves before its verdict.

The handshake is not ours: the client's first message goes on whatever it is, the challenge and hello-ok come back
untouched (PROTOCOL.md section 10a).
"""

from functools import partial
from typing import Final, NamedTuple, Protocol

from gw import limits
from gw._native.envelope import UNKNOWN_KEYS, BadFrameError, Envelope, EnvelopeError, NotJsonError, frame_id, scan
from gw._native.filehash import sha256
from gw._native.wsframe import TEXT
from gw.defender.extract import session_of
from gw.errors import Blocked, InvalidRequest, Overloaded, RequestError, Unavailable
from gw.methods.client import NO_FRAME
from gw.modes.guard import node_events
from gw.modes.guard.caller import Caller, introduced
from gw.modes.guard.lanes import NO_SESSION, Item, Lanes, State
from gw.modes.guard.node_calls import GUARDED_EVENTS, Passes, refusal
from gw.modes.guard.numbering import Numbering
from gw.modes.guard.repeats import UNKNOWN, Answer, Entry, Name, Repeats, answer_of, failure_of, had_effect
from gw.modes.guard.witness import NODE_RESULT, TOOL_EVENTS, Witness
from gw.ports import Json
from gw.session.idempotency import digest_of
from gw.wire import frames, json

MAX_DEPTH: Final = limits.MAX_JSON_DEPTH
MAX_UNANSWERED: Final = 4096  # requests the gateway has not answered yet
MAX_HELD: Final = 64  # of one connection, waiting for a person
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
SERVICE_RESTART: Final = 1012  # what upstream itself closes with when it will be back
LOST: Final = 1006

# Stop something: these never wait behind what they are to stop.
ABORTS: Final = frozenset({"chat.abort", "sessions.abort"})
# The gateway itself tells a repeat what became of the first (seen for chat.send), so it may be asked again.
ASKED_AGAIN: Final = frozenset({"chat.send"})


class Side(Protocol):
    """One end of the relay; a ports.Link with kinds of messages."""

    def send_as(self, opcode: int, payload: bytes) -> None: ...

    def send_now(self, opcode: int, payload: bytes) -> None:
        """`send_as`, without waiting for what else there may be to send."""

    def close(self, code: int, reason: str = "") -> None: ...

    def resume(self) -> None: ...

    def limit_messages(self, most_bytes: int) -> None: ...


class Judged(NamedTuple):
    """What became of an item: nothing against it, or what to answer; `review` names the held action to wait for."""

    error: RequestError | None = None
    review: str | None = None


LEAVE: Final = Judged()


class Desk(Protocol):
    """Judges items and knows what people say; answers come back through the relay that asked."""

    def judge(self, relay: "Relay", item: Item) -> None:
        """Have `relay.judged(item, ...)` called, later or at once; before it `stopped`, where it will not pass."""

    def wait(self, relay: "Relay", item: Item) -> None:
        """Have `relay.retry(item)` called when a person gives leave, `relay.refuse(item, error)` when there is none."""

    def forget(self, item: Item) -> None:
        """Nobody waits for this item any more."""

    def now_ms(self) -> int: ...


class Shared(NamedTuple):
    """What all relays of a proxy have in common; `free` are the methods that nobody has to judge."""

    desk: Desk
    free: frozenset[str]
    repeats: Repeats
    passes: Passes
    witness: Witness


class Relay:
    def __init__(self, conn_id: str, client: Side, upstream: Side, shared: Shared) -> None:
        self.caller = Caller(conn_id)
        self.is_open = False  # hello-ok has passed
        self._client = client
        self._upstream = upstream
        self._desk, self._free, self._repeats, self._passes, self._witness = shared
        self._lanes = Lanes(partial(self._desk.judge, self), self._pass)
        self._numbering = Numbering()
        self._events: dict[Item, Envelope] = {}  # guarded events on their way to the client
        self._unanswered: dict[str, Name | None] = {}  # request -> its name in the table of keys
        self._ours: set[str] = set()  # ids of requests made in a node's name
        self._began = False
        self._paused = False
        self._left: tuple[int, str] | None = None  # the client is gone; what it had sent is still being judged
        self._lost = False  # the gateway is gone

    @property
    def unanswered(self) -> int:
        return len(self._unanswered) + self._lanes.count

    # --- from the client ----------------------------------------------------------------------------------------

    def from_client(self, data: bytes, opcode: int = TEXT) -> bool:
        """Take one message; False: no more for now, until the side is told to resume."""
        if not self._began:
            self._began = True
            self.caller = introduced(self.caller, data)
            self._upstream.send_as(opcode, data)
            return False  # until hello-ok
        try:
            envelope = scan(data, max_depth=MAX_DEPTH)
        except NotJsonError:
            return True  # the gateway ignores it too
        except BadFrameError as error:
            self._answer_bad(data, error.id, str(error), can_be_read=error.code in NO_FRAME)
            return True
        request_id, method = envelope.id, envelope.name
        if envelope.kind != "req" or envelope.flags & UNKNOWN_KEYS or request_id is None or method is None:
            self._answer_bad(data, envelope.id, "", can_be_read=True)
            return True
        if method == NODE_RESULT:
            self._witness.node_ran(data[envelope.body_start : envelope.body_end])
        if method in self._free and not self._lanes.count and len(self._unanswered) < MAX_UNANSWERED:
            self._unanswered[request_id] = None
            self._upstream.send_as(opcode, data)
            return True
        self._take(Item(request_id, method, data, opcode, guarded=method not in self._free), envelope)
        self._paused = self._is_full and not self._lanes.held
        return not self._paused

    @property
    def _is_full(self) -> bool:
        return self._lanes.count >= limits.MAX_PENDING_REQUESTS or self._lanes.bytes > MAX_WAITING_BYTES

    def _take(self, item: Item, envelope: Envelope) -> None:
        """A request that must be judged, or that may have to wait behind one."""
        item.raw = item.data[envelope.body_start : envelope.body_end]
        item.params = json.loads(item.raw) if item.raw else {}
        if item.method == node_events.METHOD:
            item.params = node_events.opened(item.params)
            item.guarded = node_events.is_judged(item.params)
        session = session_of(item.method, item.params)
        item.lane = session if session is not None else NO_SESSION + item.method
        if item.method in ABORTS:
            self._abort(item, session)
        elif len(self._unanswered) >= MAX_UNANSWERED or (self._is_full and self._lanes.held):
            self._say(item.id, Overloaded("guard"))
        elif not item.guarded:
            if self._lanes.is_busy(item.lane):
                self._lanes.add(item)
            else:
                self._pass(item)
        elif self._is_first(item):
            self._lanes.add(item)

    def _answer_bad(self, data: bytes, request_id: str | None, problem: str, *, can_be_read: bool) -> None:
        """What no two parsers read alike must not pass; it is answered as the gateway answers what is no request."""
        if can_be_read:
            problem = frames.request_problem(json.loads(data)) or "not a request"
        self._say(request_id or "invalid", InvalidRequest(f"invalid request frame: {problem}"))

    # --- keys ---------------------------------------------------------------------------------------------------

    def _is_first(self, item: Item) -> bool:
        """Whether a guarded request goes on to be judged; a repeat of a key is answered like the first of it."""
        key = key_of(item)
        if key is None:
            return True
        name = item.method, self.caller.name, key
        raw_digest = sha256(item.raw).digest()
        try:
            known = self._repeats.begin(name, digest_of(item.params), raw_digest, self._desk.now_ms())
        except InvalidRequest as conflict:
            self._say(item.id, conflict)
            return False
        if known is None:
            item.repeat = name
            return True
        self._repeat(item, known, raw_digest)
        return False

    def _repeat(self, item: Item, known: Entry, raw_digest: bytes) -> None:
        if known.passed and item.method in ASKED_AGAIN and known.raw_digest == raw_digest:
            self._pass(item)
        elif known.answer is not None:
            self._tell(item.id, known.answer)
        elif not known.may_ask:
            self._say(item.id, Overloaded("guard.repeats"))
        else:
            request_id = item.id
            known.askers.append(lambda answer: self._tell(request_id, answer))

    # --- judging and people -------------------------------------------------------------------------------------

    def stopped(self, item: Item, *, for_good: bool) -> None:
        """The verdict stands, and `judged` follows once it is on record: nothing else is to wait for the disk."""
        if item.is_done:
            return
        self._lanes.stop(item, for_good=for_good)
        if self._left is not None:
            self._drop(item)

    def judged(self, item: Item, outcome: Judged) -> None:
        """The desk's answer; of no interest any more when the item was aborted meanwhile."""
        if item.is_done:
            return
        if outcome.error is None:
            self._pass(item)
        elif outcome.review is None or self._left is not None or (self._lanes.held >= MAX_HELD and not item.review):
            self.refuse(item, outcome.error)
        else:
            self._lanes.hold(item, outcome.review)
            self._desk.wait(self, item)
            self._settle()

    def retry(self, item: Item) -> None:
        """A person has given leave."""
        self._lanes.retry(item)

    def refuse(self, item: Item, error: RequestError) -> None:
        """Answer in the gateway's place; the item ends here."""
        if item.is_done:
            return
        if item in self._events:
            self._refuse_event(item, error)
        else:
            self._close_key(item.repeat, failure_of(error), has_effect=isinstance(error, Blocked))
            self._say(item.id, error)
            if item.method == "chat.send":
                self._explain(item, error)
        self._end(item)

    def _pass(self, item: Item) -> None:
        """On to where it was going, byte for byte; what there is to remember of it comes behind."""
        envelope = self._events.get(item)
        if envelope is not None:
            self._witness.asked(item.params, allowed=True)
            data = item.data if envelope.seq is None else self._numbering.add(item.data, envelope)
            self._client.send_as(item.opcode, data)
            self._end(item)
            return
        self._upstream.send_now(item.opcode, item.data)
        self._unanswered[item.id] = item.repeat
        self._end(item)
        if item.repeat is not None:
            self._repeats.passed(item.repeat)
        if item.method == "node.invoke" and isinstance(item.params, dict):
            self._passes.allow(item.params, self._desk.now_ms())

    def _end(self, item: Item) -> None:
        if item.review is not None:
            self._desk.forget(item)
        self._events.pop(item, None)
        self._lanes.finish(item)
        self._settle()

    def _settle(self) -> None:
        """There may be room again, or nothing left to wait for."""
        if self._left is not None:
            if not self._lanes.count:
                self._upstream.close(*self._left)
        elif self._paused and (self._lanes.held or not self._is_full):
            self._paused = False
            self._client.resume()

    def _abort(self, item: Item, session: str | None) -> None:
        """Drop what waits of a session (or one run of it); the gateway is told of the rest."""
        params = item.params if isinstance(item.params, dict) else {}
        run = _text(params.get("runId"))
        gone = [
            each
            for each in self._lanes.items()
            if each.guarded and each.lane == session and (run is None or key_of(each) == run)
        ]
        for each in reversed(gone):  # the last first, or each end would give the next its turn
            stopped = Unavailable("aborted before it was passed on", details={"code": "ABORTED"}, retryable=False)
            self.refuse(each, stopped)
        if run is not None and gone and item.method == "chat.abort":
            self._client.send_as(TEXT, frames.answer(item.id, {"ok": True, "aborted": True, "runIds": [run]}))
        else:
            self._pass(item)

    # --- from the gateway ---------------------------------------------------------------------------------------

    def from_upstream(self, data: bytes, opcode: int = TEXT) -> None:
        try:
            envelope = scan(data, max_depth=MAX_DEPTH)
        except EnvelopeError as error:
            self._pass_odd(data, opcode, error)
            return
        if envelope.kind == "res":
            self._take_answer(data, opcode, envelope)
        elif envelope.kind == "event" and envelope.name in GUARDED_EVENTS:
            self._guard_event(data, opcode, envelope)
        else:
            if envelope.name in TOOL_EVENTS:
                self._witness.saw(data[envelope.body_start : envelope.body_end])
            self._client.send_as(opcode, self._numbering.renumber(data, envelope))

    def _pass_odd(self, data: bytes, opcode: int, error: EnvelopeError) -> None:
        """A gateway may say more than two parsers agree on; only what could make a node act has to be read."""
        if any(name.encode() in data for name in GUARDED_EVENTS) and frame_id(data, max_depth=MAX_DEPTH) is None:
            return
        if isinstance(error, BadFrameError) and error.id is not None:
            self._unanswered.pop(error.id, None)
        self._client.send_as(opcode, data)

    def _take_answer(self, data: bytes, opcode: int, envelope: Envelope) -> None:
        request_id = envelope.id
        if request_id is None or request_id in self._ours:
            self._ours.discard(request_id or "")
            return
        key = self._unanswered.pop(request_id, None)
        if key is not None:
            self._close_key(key, answer_of(data, envelope), has_effect=had_effect(data, envelope))
        self._client.send_as(opcode, data)
        if envelope.ok and not self.is_open:  # the first request that succeeds is `connect`
            self.is_open = True
            self._client.limit_messages(limits.MAX_PAYLOAD_BYTES)
            self._client.resume()

    def _guard_event(self, data: bytes, opcode: int, envelope: Envelope) -> None:
        name = envelope.name or ""
        item = Item("", name, data, opcode)
        item.raw = data[envelope.body_start : envelope.body_end]
        item.params = json.loads(item.raw) if item.raw else {}
        if isinstance(item.params, dict) and self._passes.take(item.params, self._desk.now_ms()):
            self._witness.asked(item.params, allowed=True)
            self._client.send_as(opcode, self._numbering.renumber(data, envelope))
            return
        if envelope.seq is not None:
            self._numbering.drop()
        item.lane = NO_SESSION + name
        timeout_ms = item.params.get("timeoutMs") if isinstance(item.params, dict) else None
        if isinstance(timeout_ms, int | float):
            item.patience_s = timeout_ms / 1000
        self._events[item] = envelope
        self._lanes.add(item)

    def _refuse_event(self, item: Item, error: RequestError) -> None:
        self._witness.asked(item.params, allowed=False)
        if isinstance(item.params, dict) and not self._lost:
            code = str((error.details or {}).get("code", error.code))
            request_id, frame = refusal(item.params, code, error.message)
            self._ours.add(request_id)
            self._upstream.send_as(TEXT, frame)

    # --- ends ---------------------------------------------------------------------------------------------------

    def client_gone(self, code: int, reason: str) -> None:
        """What may pass by itself goes on; what only a person could let pass, or nobody will hear of, is dropped."""
        self._left = (1001, "client gone") if code == LOST else (code, reason)
        held_up = {item.lane for item in self._lanes.items() if item.review is not None}
        for item in reversed(self._lanes.items()):
            if item.lane in held_up or item in self._events or item.state is State.STOPPED:
                self._drop(item)
        self._settle()

    def upstream_gone(self, code: int, reason: str) -> None:
        """The gateway is gone: every request it owes an answer gets one that says to try again."""
        self._lost = True
        gone = Unavailable(
            "the gateway behind clawgate is not there", details={"code": "UPSTREAM_LOST"}, retry_after_ms=1000
        )
        for item in reversed(self._lanes.items()):
            self.refuse(item, gone)
        unanswered, self._unanswered = self._unanswered, {}
        was_heard = self._left is None
        answer = failure_of(gone) if was_heard else UNKNOWN
        for request_id, key in unanswered.items():
            self._close_key(key, answer, has_effect=not was_heard)
            if self.is_open:
                self._say(request_id, gone)
        if code == LOST:
            code, reason = SERVICE_RESTART, "the gateway behind clawgate is gone"
        self._client.close(code, reason)

    def _drop(self, item: Item) -> None:
        self._close_key(item.repeat, failure_of(Unavailable("its client is gone")), has_effect=False)
        self._end(item)

    # --- answers ------------------------------------------------------------------------------------------------

    def _say(self, request_id: str, error: RequestError) -> None:
        self._client.send_as(TEXT, frames.failure(request_id, error.shape()))

    def _tell(self, request_id: str, answer: Answer) -> None:
        self._client.send_as(TEXT, b'{"type":"res","id":%b%b' % (json.quote(request_id), answer.rest))

    def _close_key(self, key: Name | None, answer: Answer, *, has_effect: bool) -> None:
        if key is None:
            return
        if has_effect:
            self._repeats.finish(key, answer, self._desk.now_ms())
        else:
            self._repeats.release(key, answer)

    def _explain(self, item: Item, error: RequestError) -> None:
        """Stock pages show a refused message only as "not sent"; this event, which has no number, shows them why."""
        instead = (error.details or {}).get("instead")
        payload = {
            "runId": key_of(item),
            "sessionKey": session_of(item.method, item.params),
            "seq": 0,
            "state": "error",
            "errorKind": "refusal",
            "errorMessage": f"{error.message} {instead}" if instead else error.message,
        }
        self._client.send_as(TEXT, frames.event("chat", payload))


def key_of(item: Item) -> str | None:
    return _text(item.params.get("idempotencyKey")) if isinstance(item.params, dict) else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
