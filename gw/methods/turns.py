"""From an accepted message to a finished turn: claims, the scheduler, what is written when, and what is published.

Knows the session core and the event shapes, not who called by which method. Invariant: a request is acknowledged only
when its message is durable; the scheduler's effects are carried out exactly once; whatever is accepted and cannot be
done becomes a dead letter with its reason.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

from gw.errors import GwError, InvalidRequest, RequestError
from gw.limits import IDEMPOTENCY_ENTRIES
from gw.methods.events import EventBus
from gw.methods.run_events import RunEvents, superseded
from gw.methods.session_desk import SessionDesk, caller_of, canceller, owner_of
from gw.methods.turn_run import LiveRun, RunEnd
from gw.model.identity import ConnInfo
from gw.ports import Json, Latch, Tasks
from gw.session import entries, idempotency, keys, queueing, reset, scheduler, transcript
from gw.session.entries import Entry
from gw.session.idempotency import Claims
from gw.session.runner import Runner, Turn
from gw.session.scheduler import Effect, Item, Run
from gw.session.state_log import dump
from gw.session.store import CLAIMS, DEAD, PENDING, Change, Drop, Loaded, Put
from gw.wire import json

logger = logging.getLogger(__name__)

DEAD_LETTERS: Final = 1000
RESTARTED: Final[Mapping[str, Json]] = {"status": "error", "summary": "interrupted by a restart of the gateway"}
# Request parameters a runner may want to know.
FACTS: Final = ("thinking", "model", "provider", "extraSystemPrompt", "cwd", "fastMode", "attachments", "promptMode")


class Request(NamedTuple):
    """One message for a session, from any method. `text` is clean (gw.wire.text)."""

    method: str
    key: str
    run_id: str
    text: str
    info: ConnInfo
    params: Mapping[str, Json]
    plain: bool = False  # method agent: no preparation states, a second answer
    mode: str | None = None  # queue mode asked for
    reason: str = "send"  # of sessions.changed
    entry: Entry | None = None  # what a session that does not exist yet begins as


class Ack(NamedTuple):
    """What the caller is told. A fresh one must be given to `Turns.go` after it was sent."""

    payload: dict[str, Json]
    request: Request | None = None
    effects: tuple[Effect, ...] = ()
    live: LiveRun | None = None
    state: str = ""


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
        self._dead: OrderedDict[str, None] = OrderedDict()

    # --- from before a restart --------------------------------------------------------------------------------

    def restore(self, loaded: Loaded) -> None:
        """Take over claims and dead letters; work that was pending when we stopped becomes dead letters."""
        now = self._clock.now_ms()
        changes = self._claims.load(loaded.tables.get(CLAIMS, {}), now, RESTARTED)
        self._dead = OrderedDict.fromkeys(loaded.tables.get(DEAD, {}))
        for run_id, packed in loaded.tables.get(PENDING, {}).items():
            changes += self._bury(run_id, json.loads(packed), "restart", now)
        self._book.write(changes)

    def _bury(self, run_id: str, letter: dict[str, Json], reason: str, now: int) -> list[Change]:
        """Write a dead letter; its text stays visible in the conversation as interrupted input."""
        changes: list[Change] = [Drop(PENDING, run_id)]
        entry = self._book.get(letter["sessionKey"])
        if entry is not None:
            entries.run_ended(entry, status="interrupted", now_ms=now, error=reason, usage={})
            if letter.get("stored"):
                changes += self._book.put(letter["sessionKey"], entry)
            else:
                record = self._user_record(letter["text"], run_id, letter.get("transport"), interrupted=True)
                changes += self._book.append(letter["sessionKey"], entry, record)[1]
        return changes + self._dead_letter(run_id, {**letter, "reason": reason, "deadAt": now})

    def _dead_letter(self, run_id: str, letter: Mapping[str, Json]) -> list[Change]:
        if keys.is_incognito(letter["sessionKey"]):
            return []
        logger.warning("message.undone", extra={"run": run_id, "reason": letter["reason"]})
        self._dead[run_id] = None
        changes: list[Change] = [Put(DEAD, run_id, dump(letter))]
        while len(self._dead) > DEAD_LETTERS:
            changes.append(Drop(DEAD, self._dead.popitem(last=False)[0]))
        return changes

    # --- taking a message -------------------------------------------------------------------------------------

    def submit(self, request: Request) -> Ack:
        """Accept a message durably, or say what became of it when the key is known.

        Raises InvalidRequest (conflict, changed session), Overloaded, Unavailable or StoreError; then nothing runs.
        """
        self._book.ready()
        name = idempotency.claim_id(request.method, caller_of(request.info), request.run_id)
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
            return self._accept(request, changes, now)
        except RequestError:
            self._open.pop(request.run_id, None)
            self._book.write(changes + self._claims.release(name))
            raise

    def _accept(self, request: Request, changes: list[Change], now: int) -> Ack:
        entry, fresh = self._open_session(request, changes, now)
        if not fresh:
            self._desk.check_expected(entry, request.params)
        settings = queueing.resolve(
            self._desk.config.messages,
            channel=request.params.get("originatingChannel"),
            entry=entry,
            inline={"queueMode": request.mode},
            channel_debounce_ms=self._desk.config.debounce_ms,
        )
        admission = self._scheduler.submit(request.key, self._item(request), settings, now)
        self._open[request.run_id] = _Open(request, self._tasks.latch())
        live = None
        for effect in admission.effects:
            if isinstance(effect, scheduler.Start):
                live, more = self._prepare(effect.run, request.key, entry, now)
                changes += more
        if live is None:
            changes += self._book.put(request.key, entry)
        changes += self._pending(request, stored=live is not None, now=now)
        try:
            self._book.write(changes)
        except GwError:
            self._give_up(request, live)
            raise
        payload: dict[str, Json] = {"runId": request.run_id, "status": "started"}
        if live is not None and live.user_rows:
            payload["messageSeq"] = live.user_rows[-1].seq
        if admission.interrupted:
            payload["interruptedActiveRun"] = True
        return Ack(payload, request, tuple(admission.effects), live, admission.state)

    def go(self, ack: Ack) -> None:
        """After the acknowledgement has been sent: publish, and carry out what the scheduler decided."""
        if ack.request is None:
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
        ids, effects = self._scheduler.cancel(key, run_id, canceller(info), self._clock.now_ms())
        self._carry_out_all(effects)
        return ids

    def clear(self, key: str, reason: str) -> None:
        """Stop everything in a session that is being reset or deleted."""
        now = self._clock.now_ms()
        changes: list[Change] = []
        items = self._scheduler.drain(key)
        for item in items:
            changes += self._over(item.id, RunEnd.undone(item.id, "error", reason, now), now)
            changes += self._dead_letter(item.id, self._letter(key, item, reason, now))
        _, effects = self._scheduler.cancel(key, None, lambda owner: True, now)
        self._carry_out_all(effects)
        self._book.write(changes)
        for item in items:
            self._tell(item.id, RunEnd.undone(item.id, "error", reason, now))

    # --- looking ----------------------------------------------------------------------------------------------

    def live_run(self, key: str) -> LiveRun | None:
        run = self._scheduler.active_run(key)
        return self._live.get(run.id) if run is not None else None

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

    def _open_session(self, request: Request, changes: list[Change], now: int) -> tuple[Entry, bool]:
        """The session's entry as this message finds it: created, reset when its time is over, touched."""
        key = request.key
        entry = self._book.get(key)
        fresh = entry is None
        if entry is None:
            entry = request.entry or self._desk.new_entry(key)
        elif not self._scheduler.is_busy(key):
            entry = self._reset_if_stale(key, entry, changes, now)
        people = entry.get("_people") or []
        if request.info.client_id not in people:
            entry["_people"] = [*people, request.info.client_id][-8:]
        entry |= {"lastInteractionAt": now, "updatedAt": now}
        return entry, fresh

    def _reset_if_stale(self, key: str, entry: Entry, changes: list[Change], now: int) -> Entry:
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
            return entry
        changes += self._book.archive(entry, f"{entry['sessionId']}.jsonl.reset.{now}")[1]
        return entries.reset(entry, now_ms=now, revision=self._desk.new_id(), session_id=self._desk.new_id())

    def _prepare(self, run: Run, key: str, entry: Entry, now: int) -> tuple[LiveRun, list[Change]]:
        """Make the run and append its user messages; memory changes here, the caller writes."""
        opened = self._open.get(run.items[0].id)
        first = opened.request if opened is not None else None
        agent_id = self._desk.agent_of(key)
        params = first.params if first is not None else {}
        turn = Turn(
            run.id,
            key,
            entry["sessionId"],
            agent_id,
            run.prompt,
            params.get("timeoutMs"),
            {name: params[name] for name in FACTS if name in params},
        )
        events = RunEvents(
            self._bus,
            self._clock,
            run_id=run.id,
            key=key,
            session_id=entry["sessionId"],
            agent_id=agent_id,
            plain=first is not None and first.plain,
        )
        live = LiveRun(self._desk, turn, run, events, first.info.conn_id if first else None)
        transport = _transport(first.info) if first is not None else None
        one, changes = self._book.append(key, entry, self._user_record(run.prompt, run.items[0].id, transport))
        live.user_rows.append(one)
        self._live[run.id] = live
        return live, changes

    def _begin(self, effect: scheduler.Start) -> None:
        """Start a run whose messages had to wait."""
        now = self._clock.now_ms()
        key = effect.session
        entry = self._book.get(key) or self._desk.new_entry(key)
        live, changes = self._prepare(effect.run, key, entry, now)
        for item in effect.run.items:
            opened = self._open.get(item.id)
            if opened is not None:
                changes += self._pending(opened.request, stored=True, now=now)
        try:
            self._book.write(changes)
        except GwError as error:
            logger.warning("run.not_stored", extra={"run": effect.run.id, "error": type(error).__name__})
            live.fail("the gateway could not store the message")
        self._carry(live)

    def _carry(self, live: LiveRun) -> None:
        """Carry a run to its end, in its own greenlet."""
        end = live.carry(self._runner)
        now = self._clock.now_ms()
        changes = end.changes
        for item in live.items:
            changes += self._over(item.id, end, now)
        try:
            self._book.write(changes)
        except GwError as error:
            logger.warning("run.end_not_stored", extra={"run": live.turn.run_id, "error": type(error).__name__})
            end = end._replace(status="error", error="the gateway could not store the reply")
        effects = self._scheduler.finished(live.turn.session_key, live.turn.run_id, now)
        self._live.pop(live.turn.run_id, None)
        live.publish_end(end)
        for item in live.items:
            self._tell(item.id, end._replace(changes=[]))
        self._carry_out_all(effects)

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
                live = self._live.get(run_id)
                if live is not None and live.abort(reason):
                    self._runner.abort(run_id)
            case scheduler.Settle(_, item):
                self._events_of(item, key).final(None)
            case scheduler.Cancel(_, item, reason):
                self._tasks.spawn(self._cancelled, key, item, reason)
            case scheduler.Lose(_, item, reason):
                self._tasks.spawn(self._lost, key, item, reason)
            case scheduler.Wake(_, delay_ms):
                self._tasks.after(delay_ms / 1000, self._wake, key)

    def _wake(self, key: str) -> None:
        self._carry_out_all(self._scheduler.wake(key, self._clock.now_ms()))

    def _cancelled(self, key: str, item: Item, reason: str) -> None:
        now = self._clock.now_ms()
        end = RunEnd.undone(item.id, "aborted", reason, now)
        changes = self._over(item.id, end, now)
        entry = self._book.get(key)
        if reason == "interrupted" and entry is not None:
            record = self._user_record(item.text, item.id, None, interrupted=True)
            one, more = self._book.append(key, entry, record)
            changes += more
            self._desk.rows.message(key, entry, one)
        superseded(self._bus, self._clock, item.id, key, self._desk.agent_of(key), reason)
        self._book.write(changes)
        self._tell(item.id, end)

    def _lost(self, key: str, item: Item, reason: str) -> None:
        now = self._clock.now_ms()
        end = RunEnd.undone(item.id, "error", reason, now)
        changes = self._over(item.id, end, now)
        self._book.write(changes + self._dead_letter(item.id, self._letter(key, item, reason, now)))
        self._tell(item.id, end)

    def _give_up(self, request: Request, live: LiveRun | None) -> None:
        """The message could not be stored: make sure it never runs, and that a retry hears so."""
        now = self._clock.now_ms()
        if live is not None:
            self._live.pop(live.turn.run_id, None)
            self._carry_out_all(self._scheduler.finished(request.key, request.run_id, now))
        else:
            self._scheduler.cancel(request.key, request.run_id, lambda owner: True, now)
        end = RunEnd.undone(request.run_id, "error", "the gateway could not store the message", now)
        self._over(request.run_id, end, now)
        self._tell(request.run_id, end)

    # --- small things -----------------------------------------------------------------------------------------

    def _over(self, run_id: str, end: RunEnd, now: int) -> list[Change]:
        """A request's work is over: replays of its key get this answer from now on."""
        opened = self._open.get(run_id)
        if opened is None:
            return []
        answer = end.agent_answer(run_id) if opened.request.plain else end.answer(run_id)
        return [Drop(PENDING, run_id), *self._claims.finish(self._claim_name(opened.request), answer, now)]

    def _tell(self, run_id: str, end: RunEnd) -> None:
        """Let those who wait for a request know how it ended."""
        self._ends[run_id] = end
        while len(self._ends) > IDEMPOTENCY_ENTRIES:
            self._ends.popitem(last=False)
        opened = self._open.pop(run_id, None)
        if opened is not None:
            opened.over.set()

    def _claim_name(self, request: Request) -> str:
        return idempotency.claim_id(request.method, caller_of(request.info), request.run_id)

    def _pending(self, request: Request, *, stored: bool, now: int) -> list[Change]:
        if keys.is_incognito(request.key):
            return []
        letter = {
            "sessionKey": request.key,
            "method": request.method,
            "text": "" if stored else request.text,
            "stored": stored,
            "transport": _transport(request.info),
            "at": now,
        }
        return [Put(PENDING, request.run_id, dump(letter))]

    def _letter(self, key: str, item: Item, reason: str, now: int) -> dict[str, Json]:
        return {"sessionKey": key, "text": item.text, "reason": reason, "at": now, "deadAt": now}

    def _item(self, request: Request) -> Item:
        params, info = request.params, request.info
        route = ("originatingChannel", "originatingTo", "originatingAccountId", "originatingThreadId", "replyToId")
        return Item(
            request.run_id,
            request.text,
            sender=info.display_name or info.client_id,
            context=dump([params.get(name) for name in route]).decode(),
            owner=owner_of(info),
            joins=not params.get("attachments"),
        )

    def _events_of(self, item: Item, key: str) -> RunEvents:
        return RunEvents(
            self._bus,
            self._clock,
            run_id=item.id,
            key=key,
            session_id="",
            agent_id=self._desk.agent_of(key),
            plain=False,
        )

    def _user_record(
        self, text: str, run_id: str, transport: Json | None, *, interrupted: bool = False
    ) -> transcript.Record:
        now = self._clock.now_ms()
        message = {"role": "user", "content": text, "timestamp": now, "idempotencyKey": f"{run_id}:user"}
        facts: dict[str, Json] = {"transport": transport} if transport else {}
        if interrupted:
            facts["interrupted"] = True
        return transcript.message_record(self._desk.new_id(), None, message, at_ms=now, facts=facts)


def _transport(info: ConnInfo) -> dict[str, Json]:
    client = {"id": info.client_id, "mode": info.client_mode}
    if info.display_name:
        client["displayName"] = info.display_name
    return {"clients": [client]}
