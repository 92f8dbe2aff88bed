"""From an accepted message to a finished turn: claims, the scheduler, what is written when, and what is published.

Knows the session core and the event shapes, not who called by which method. Invariant: a request is acknowledged only
when its message is durable; the scheduler's effects are carried out exactly once; every accepted request ends in one
RunEnd, which is what replays of its key are told.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from gw.errors import GwError, InvalidRequest
from gw.limits import IDEMPOTENCY_ENTRIES
from gw.methods.events import EventBus
from gw.methods.run_end import RunEnd
from gw.methods.run_events import RunEvents, superseded
from gw.methods.session_desk import SessionDesk, canceller
from gw.methods.turn_request import Request
from gw.methods.turn_run import LiveRun
from gw.methods.undone import Undone
from gw.model.identity import ConnInfo
from gw.ports import Json, Latch, Tasks
from gw.session import entries, idempotency, keys, queueing, reset, scheduler, send_policy
from gw.session.entries import Entry
from gw.session.idempotency import Claims
from gw.session.runner import Runner, Turn
from gw.session.scheduler import Admission, Effect, Item, Run
from gw.session.store import CLAIMS, Change, Loaded

logger = logging.getLogger(__name__)

PEOPLE: Final = 8  # participants an entry remembers
RESTARTED: Final[Mapping[str, Json]] = {"status": "error", "summary": "interrupted by a restart of the gateway"}
# Request parameters a runner may want to know.
FACTS: Final = (
    "thinking",
    "model",
    "provider",
    "extraSystemPrompt",
    "cwd",
    "fastMode",
    "attachments",
    "promptMode",
    "tools",
)


class Ack(NamedTuple):
    """What the caller is told. A fresh one must be given to `Turns.go` after it was sent."""

    payload: dict[str, Json]
    request: Request | None = None
    effects: tuple[Effect, ...] = ()
    live: LiveRun | None = None
    said: str | None = None  # what a command answers


class _Open(NamedTuple):
    """A request whose work is not over."""

    request: Request
    over: Latch


class Turns:
    def __init__(self, desk: SessionDesk, runner: Runner, bus: EventBus, tasks: Tasks, claims: Claims) -> None:
        self._desk = desk
        self._book = desk.book
        self._scheduler = desk.scheduler
        self._clock = desk.clock
        self._runner = runner
        self._bus = bus
        self._tasks = tasks
        self._claims = claims
        self._open: dict[str, _Open] = {}  # by the request's run id
        self._live: dict[str, LiveRun] = {}
        self._ends: OrderedDict[str, RunEnd] = OrderedDict()
        self._undone = Undone(desk)
        self.admit: Callable[[], object] = lambda: None  # raises Overloaded while there is no room for new work

    @property
    def interrupted(self) -> list[tuple[str, Mapping[str, Json]]]:
        """Run ids and transports of the messages that the last process accepted and did not finish."""
        return self._undone.interrupted

    def restore(self, loaded: Loaded) -> None:
        """Take over what the last process left; what it had not finished becomes dead letters."""
        changes = self._claims.load(loaded.tables.get(CLAIMS, {}), self._clock.now_ms(), RESTARTED)
        self._book.write(changes + self._undone.restore(loaded))

    # --- taking a message -------------------------------------------------------------------------------------

    def submit(self, request: Request) -> Ack:
        """Accept a message durably, or say what became of it when the key is known.

        Raises InvalidRequest (conflict, changed session), Overloaded, Unavailable or StoreError; then nothing runs.
        """
        self.admit()
        self._book.ready()
        name = idempotency.claim_id(request.method, request.sender.caller, request.run_id)
        known = self._open.get(request.run_id)
        if known is not None and self._claim_name(known.request) != name:
            raise InvalidRequest(
                "idempotencyKey is in use by another request", details={"reason": "chat-request-conflict"}
            )
        now = self._clock.now_ms()
        digest = idempotency.digest_of({**request.params, "sessionKey": request.key})
        outcome, changes = self._claims.begin(name, digest, request.run_id, now)
        if not outcome.claimed:
            return Ack(dict(outcome.answer or {}))
        try:
            said = request.first() if request.first is not None else None
            if said is not None and not request.text:
                return self._done(request, "ok", changes, said)
            admission, entry, more = self._admit(request, now)
        except GwError:
            self._keep(changes + self._claims.release(name), request.run_id)
            raise
        if admission.state == "dropped":
            return self._done(request, "dropped", changes)
        return self._accept(request, admission, entry, changes + more)

    def _done(self, request: Request, status: str, changes: list[Change], said: str | None = None) -> Ack:
        """Nothing is to be run: replays of the key are told the same."""
        answer: dict[str, Json] = {"runId": request.run_id, "status": status}
        now = self._clock.now_ms()
        self._book.write(changes + self._claims.finish(self._claim_name(request), answer, now))
        if said is None:
            return Ack(answer)
        return Ack({"runId": request.run_id, "status": "started"}, request, said=said)

    def _admit(self, request: Request, now: int) -> tuple[Admission, Entry, list[Change]]:
        """Everything that may refuse a message; raises RequestError, and then nothing has changed."""
        entry, changes = self._open_session(request, now)
        config = self._desk.config
        channel = request.params.get("originatingChannel")
        if send_policy.decide(config.session.get("sendPolicy"), request.key, entry, channel=channel) == "deny":
            raise InvalidRequest("send blocked by session policy")
        settings = queueing.resolve(
            config.messages,
            channel=channel,
            entry=entry,
            inline={"queueMode": request.mode},
            channel_debounce_ms=config.debounce_ms,
        )
        return self._scheduler.submit(request.key, request.item(now), settings, self._ticks()), entry, changes

    def _accept(self, request: Request, admission: Admission, entry: Entry, changes: list[Change]) -> Ack:
        """Make an admitted message durable."""
        self._open[request.run_id] = _Open(request, self._tasks.latch())
        live = None
        for effect in admission.effects:
            if isinstance(effect, scheduler.Start):
                live, more = self._prepare(effect.run, request.key, entry)
                changes += more
        if live is None:
            changes += self._book.put(request.key, entry) + self._pending(request, stored=False)
        try:
            self._book.write(changes)
        except GwError:
            self._give_up(request, live)
            raise
        payload: dict[str, Json] = {"runId": request.run_id, "status": "started"}
        if live is not None:
            payload["messageSeq"] = live.user_rows[-1].seq
        if admission.interrupted:
            payload["interruptedActiveRun"] = True
        return Ack(payload, request, tuple(admission.effects), live)

    def go(self, ack: Ack) -> None:
        """After the acknowledgement has been sent: publish, and carry out what the scheduler decided."""
        if ack.request is None:
            return
        if ack.said is not None:
            self._events(ack.request.run_id, ack.request.key, "").final(ack.said, "stop")
            return
        if ack.live is not None:
            self._tasks.spawn(self._carry, ack.live)  # begins when this greenlet switches
        self._desk.rows.changed(ack.request.key, reason=ack.request.reason)
        self._carry_out_all([effect for effect in ack.effects if not isinstance(effect, scheduler.Start)])

    def cancel(self, key: str, run_id: str | None, info: ConnInfo) -> list[str]:
        """Abort a run or a waiting message, or all of a session's that this caller may; returns their ids.

        Raises InvalidRequest when there is something to abort, and nothing of it is this caller's.
        """
        owners = self.owners(key, run_id)
        if owners and not any(map(canceller(info), owners)):
            raise InvalidRequest("unauthorized")
        ids, effects = self._scheduler.cancel(key, run_id, canceller(info), self._ticks())
        self._carry_out_all(effects)
        return ids

    def clear(self, key: str, reason: str) -> None:
        """Stop everything in a session that is being reset or deleted; what waited becomes dead letters."""
        for item in self._scheduler.drain(key):
            self._never(key, item, "error", reason)
        _, effects = self._scheduler.cancel(key, None, lambda owner: True, self._ticks())
        self._carry_out_all(effects)

    # --- looking ----------------------------------------------------------------------------------------------

    def live_run(self, key: str) -> LiveRun | None:
        run = self._scheduler.active_run(key)
        return self._live.get(run.id) if run is not None else None

    def is_open(self, run_id: str) -> bool:
        return run_id in self._open

    def owners(self, key: str, run_id: str | None) -> list[str]:
        """Whose work goes on or waits in a session (under one id)."""
        run = self._scheduler.active_run(key)
        items = list(run.items) if run is not None and run_id in (None, run.id) else []
        items += [item for item in self._scheduler.waiting(key) if run_id in (None, item.id)]
        return [item.owner for item in items]

    def wait(self, run_id: str, timeout_s: float) -> RunEnd | None:
        """Return how a request ended, waiting for it; None when it still goes on or was never known."""
        still = self._open.get(run_id)
        if still is not None and not still.over.wait(timeout_s):
            return None
        return self._ends.get(run_id)

    # --- runs -------------------------------------------------------------------------------------------------

    def _open_session(self, request: Request, now: int) -> tuple[Entry, list[Change]]:
        """The session's entry as this message finds it: created, reset when its time is over, touched."""
        key = request.key
        entry = self._book.get(key)
        changes: list[Change] = []
        if entry is None:
            entry = self._desk.new_entry(key, request.via)
        else:
            self._desk.check_expected(entry, request.params)
            if not self._scheduler.is_busy(key):
                entry, changes = self._reset_if_stale(key, entry, now)
        people = entry.get("_people") or []
        if request.sender.client_id not in people:
            entry["_people"] = [*people, request.sender.client_id][-PEOPLE:]
        if request.delivery is not None:
            entry["delivery"] = dict(request.delivery)
        entry |= request.about
        entry |= {"lastInteractionAt": now, "updatedAt": now}
        return entry, changes

    def _reset_if_stale(self, key: str, entry: Entry, now: int) -> tuple[Entry, list[Change]]:
        config = self._desk.config.session
        delivery = entry.get("delivery") or {}
        override = (config.get("resetByChannel") or {}).get(delivery.get("channel"))
        kind = reset.reset_type(entry.get("chatType"), keys.split_thread(key)[1])
        fresh = reset.is_fresh(
            reset.resolve_policy(config, kind, override),
            now_ms=now,
            updated_at_ms=entry.get("updatedAt") or 0,
            started_at_ms=entry.get("sessionStartedAt"),
            interacted_at_ms=entry.get("lastInteractionAt"),
        )
        if fresh.fresh:
            return entry, []
        _, changes = self._book.archive(entry, f"{entry['sessionId']}.jsonl.reset.{now}")
        desk = self._desk
        return entries.reset(entry, now_ms=now, revision=desk.new_mark(), session_id=desk.new_id()), changes

    def _prepare(self, run: Run, key: str, entry: Entry) -> tuple[LiveRun, list[Change]]:
        """Make the run and append its user message; memory changes here, the caller writes."""
        opened = self._open.get(run.items[0].id)
        first = opened.request if opened is not None else None
        params = first.params if first is not None else {}
        facts = {name: params[name] for name in FACTS if name in params}
        session_id, agent_id = entry["sessionId"], self._desk.agent_of(key)
        turn = Turn(run.id, key, session_id, agent_id, run.prompt, params.get("timeoutMs"), facts)
        events = self._events(run.id, key, session_id, plain=first is not None and first.plain)
        live = LiveRun(self._desk, turn, run, events, self._stored, first.sender.conn_id if first else None)
        transport = first.sender.transport if first is not None else None
        one, changes = self._book.append(key, entry, self._desk.user_record(run.prompt, run.items[0].id, transport))
        live.user_rows.append(one)
        self._live[run.id] = live
        return live, changes + self._stored(run.items)

    def _stored(self, items: Iterable[Item]) -> list[Change]:
        """Note that the texts of these items are in the transcript now."""
        opened = [self._open[item.id] for item in items if item.id in self._open]
        return [change for one in opened for change in self._pending(one.request, stored=True)]

    def _begin(self, effect: scheduler.Start) -> None:
        """Start a run whose messages had to wait."""
        key = effect.session
        live, changes = self._prepare(effect.run, key, self._book.get(key) or self._desk.new_entry(key))
        if not self._keep(changes, effect.run.id):
            live.fail("the gateway could not store the message")
        self._carry(live)

    def _carry(self, live: LiveRun) -> None:
        """Carry a run to its end, in its own greenlet."""
        run_id, timeout_ms = live.turn.run_id, live.turn.timeout_ms
        if timeout_ms:
            self._tasks.after(timeout_ms / 1000, self._abort, run_id, "timeout")
        end, kept = self._reply(live, live.carry(self._runner))
        now = self._clock.now_ms()
        changes = [*end.changes, *(change for item in live.items for change in self._over(item.id, end, now))]
        if not (self._keep(changes, run_id) and kept):
            end = end._replace(status="error", error="the gateway could not store the reply")
        effects = self._scheduler.finished(live.turn.session_key, run_id, self._ticks())
        self._live.pop(run_id, None)
        live.publish_end(end)
        told = end._replace(changes=[])
        for item in live.items:
            self._tell(item.id, told)
        self._carry_out_all(effects)

    def _reply(self, live: LiveRun, end: RunEnd) -> tuple[RunEnd, bool]:
        """One reply for one run, to whoever spoke last: behind what memory says already, and before the letters of its
        messages go, so that it cannot be lost between the two. Also says whether the first of them could be written."""
        asked = (self._open[item.id].request.reply for item in reversed(live.items) if item.id in self._open)
        reply = next((one for one in asked if one is not None), None)
        if reply is None:
            return end, True
        kept, end = self._keep(end.changes, end.run_id), end._replace(changes=[], joined=len(live.items) > 1)
        _hand(reply, end)
        return end, kept

    # --- effects ----------------------------------------------------------------------------------------------

    def _carry_out_all(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        key = effect.session
        match effect:
            case scheduler.Start():
                self._tasks.spawn(self._begin, effect)
            case scheduler.Abort(_, run_id, reason):
                self._abort(run_id, reason)
            case scheduler.Settle(_, item):
                self._events(item.id, key, "").final(None)
            case scheduler.Cancel(_, item, reason):
                self._tasks.spawn(self._cancelled, key, item, reason)
            case scheduler.Lose(_, item, reason):
                self._tasks.spawn(self._never, key, item, "error", reason)
            case scheduler.Wake(_, delay_ms):
                self._tasks.after(delay_ms / 1000, self._wake, key)

    def _abort(self, run_id: str, reason: str) -> None:
        live = self._live.get(run_id)
        if live is not None and live.abort(reason):
            self._runner.abort(run_id)

    def _wake(self, key: str) -> None:
        self._carry_out_all(self._scheduler.wake(key, self._ticks()))

    def _cancelled(self, key: str, item: Item, reason: str) -> None:
        """Somebody's wish, so no dead letter; what a newer message pushed aside stays visible in the conversation."""
        end = RunEnd.undone(item.id, "aborted", reason, self._clock.now_ms())
        changes = self._over(item.id, end, end.ended_at_ms)
        entry = self._book.get(key)
        if reason == "interrupted" and entry is not None:
            record = self._desk.user_record(item.text, item.id, interrupted=True)
            one, more = self._book.append(key, entry, record)
            changes += more
            self._desk.rows.message(key, entry, one)
        superseded(self._bus, self._clock, item.id, key, self._desk.agent_of(key), reason)
        self._keep(changes, item.id)
        self._tell(item.id, end)

    def _never(self, key: str, item: Item, status: str, reason: str) -> None:
        """An accepted message that will not run, by nobody's wish."""
        end = RunEnd.undone(item.id, status, reason, self._clock.now_ms())
        opened = self._open.get(item.id)
        if opened is not None and opened.request.reply is not None:
            _hand(opened.request.reply, end)
        changes = self._over(item.id, end, end.ended_at_ms) + self._undone.bury(item.id, key, item.text, reason)
        self._keep(changes, item.id)
        self._tell(item.id, end)

    def _give_up(self, request: Request, live: LiveRun | None) -> None:
        """The message could not be stored: make sure it never runs, and that a retry hears so."""
        run_id = request.run_id
        if live is not None:
            self._live.pop(live.turn.run_id, None)
            effects = self._scheduler.finished(request.key, live.turn.run_id, self._ticks())
        else:
            _, effects = self._scheduler.cancel(request.key, run_id, lambda owner: True, self._ticks())
        self._carry_out_all(
            [one for one in effects if not (isinstance(one, scheduler.Cancel) and one.item.id == run_id)]
        )
        end = RunEnd.undone(run_id, "error", "the gateway could not store the message", self._clock.now_ms())
        self._tasks.spawn(self._keep, self._over(run_id, end, end.ended_at_ms), run_id)
        self._tell(run_id, end)

    # --- small things -----------------------------------------------------------------------------------------

    def _ticks(self) -> int:
        """The scheduler's time: quiet windows must not depend on somebody setting the clock."""
        return int(self._clock.monotonic() * 1000)

    def _keep(self, changes: list[Change], run_id: str) -> bool:
        """Write what nobody waits for; a failure is the store's to report, and is told to whoever asks later."""
        try:
            self._book.write(changes)
        except GwError as error:
            logger.error("turn.not_stored", extra={"run": run_id, "error": type(error).__name__})
            return False
        return True

    def _over(self, run_id: str, end: RunEnd, now: int) -> list[Change]:
        """A request's work is over: replays of its key get this answer from now on."""
        opened = self._open.get(run_id)
        if opened is None:
            return []
        answer = end.agent_answer(run_id) if opened.request.plain else end.answer(run_id)
        name = self._claim_name(opened.request)
        return self._undone.done(run_id) + self._claims.finish(name, answer, now)

    def _tell(self, run_id: str, end: RunEnd) -> None:
        """Let those who wait for a request know how it ended."""
        self._ends[run_id] = end
        while len(self._ends) > IDEMPOTENCY_ENTRIES:
            self._ends.popitem(last=False)
        opened = self._open.pop(run_id, None)
        if opened is not None:
            opened.over.set()

    def _claim_name(self, request: Request) -> str:
        return idempotency.claim_id(request.method, request.sender.caller, request.run_id)

    def _pending(self, request: Request, *, stored: bool) -> list[Change]:
        text = "" if stored else request.text
        return self._undone.pending(request.run_id, request.key, text, request.sender.transport, stored=stored)

    def _events(self, run_id: str, key: str, session_id: str, *, plain: bool = False) -> RunEvents:
        return RunEvents(
            self._bus,
            self._clock,
            run_id=run_id,
            key=key,
            session_id=session_id,
            agent_id=self._desk.agent_of(key),
            plain=plain,
        )


def _hand(reply: Callable[[RunEnd], object], end: RunEnd) -> None:
    try:
        reply(end)
    except Exception:  # boundary: a message is over whether or not its chat can be told
        logger.exception("turn.not_replied", extra={"run": end.run_id})
