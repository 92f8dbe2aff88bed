"""One run while it lasts: what its runner reports, stored and published in order, and how it ended.

Knows one turn only; queues, claims and other runs are `turns`' business. Invariant: what was said before an input was
taken is stored before that input, and a run whose session was reset or deleted meanwhile writes nothing more to it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

from gw.errors import GwError
from gw.methods.run_end import RunEnd
from gw.methods.run_events import RunEvents
from gw.methods.session_desk import SessionDesk
from gw.ports import Json
from gw.session import entries, transcript
from gw.session.entries import Entry
from gw.session.runner import Outcome, Runner, Turn
from gw.session.scheduler import Item, Run
from gw.session.store import Change
from gw.session.transcript import Numbered

logger = logging.getLogger(__name__)

# How an outcome shows: (answer of the request, status of the entry).
ENDS: Mapping[str, tuple[str, str]] = {
    "stop": ("ok", "done"),
    "aborted": ("aborted", "killed"),
    "error": ("error", "failed"),
    "timeout": ("error", "timeout"),
}


class LiveRun:
    """A runner.Feed. `items` are the messages this run answers, those taken on the way included."""

    def __init__(
        self,
        desk: SessionDesk,
        turn: Turn,
        run: Run,
        events: RunEvents,
        stored: Callable[[Iterable[Item]], list[Change]],
        conn_id: str | None,
    ) -> None:
        """`stored(items)` gives the changes that go with their texts being in the transcript."""
        self.turn = turn
        self.items: list[Item] = list(run.items)
        self.user_rows: list[Numbered] = []
        self.started_at_ms = desk.clock.now_ms()
        self._desk = desk
        self._events = events
        self._note_stored = stored
        self._conn_id = conn_id
        self._item_id = f"{desk.new_mark()}:1"
        self._stored = ""  # parts of the reply that are rows already
        self._said = ""  # the part that is not
        self._abort_reason: str | None = None
        self._failure: str | None = None

    # --- runner.Feed ------------------------------------------------------------------------------------------

    @property
    def aborted(self) -> bool:
        return self._abort_reason is not None

    def model(self, provider: str, model: str) -> None:
        self._events.lifecycle("model", provider=provider, model=model)

    def text(self, delta: str) -> None:
        if self.aborted or not delta:
            return
        lead = "\n\n" if self._stored and not self._said else ""
        self._said += delta
        self._events.delta(lead + delta, self.whole_text(), self._item_id)

    def tool(self, phase: str, name: str, call_id: str, data: Mapping[str, Json]) -> None:
        self._events.tool(phase, name, call_id, data, self._conn_id)

    def take_inputs(self) -> list[str]:
        taken = self._desk.scheduler.take_steered(self.turn.session_key, self.turn.run_id)
        entry = self._own_entry() if taken else None
        if entry is None:
            return []
        self.items += taken
        rows, changes = [], []
        if self._said:
            one, more = self._store_reply(entry, Outcome())
            rows.append(one)
            changes += more
            self._stored, self._said = self.whole_text(), ""
        for item in taken:
            record = self._desk.user_record(item.text, item.id)
            one, more = self._desk.book.append(self.turn.session_key, entry, record)
            rows.append(one)
            changes += more
        self._desk.book.write(changes + self._note_stored(taken))
        for one in rows:
            self._desk.rows.message(self.turn.session_key, entry, one, self.turn.run_id)
        return [item.text for item in taken]

    # --- what others ask and say ------------------------------------------------------------------------------

    def whole_text(self) -> str:
        return f"{self._stored}\n\n{self._said}" if self._stored and self._said else self._stored or self._said

    def abort(self, reason: str) -> bool:
        """Tell the world at once; the runner is asked to stop by whoever calls. False: it was aborted before."""
        if self.aborted:
            return False
        self._abort_reason = reason
        self._events.aborted(reason, self.whole_text())
        self._events.lifecycle(
            "end",
            status="cancelled",
            aborted=True,
            stopReason=reason,
            startedAt=self.started_at_ms,
            endedAt=self._desk.clock.now_ms(),
        )
        return True

    def fail(self, reason: str) -> None:
        """Do not start: end with this error instead."""
        self._failure = reason

    # --- life -------------------------------------------------------------------------------------------------

    def carry(self, runner: Runner) -> RunEnd:
        """Run to the end; what is returned has still to be written and published."""
        outcome = self._run(runner)
        if not self._said and outcome.text and not self.aborted:
            self.text(outcome.text)
        stop = outcome.stop
        if self.aborted:
            stop = "timeout" if self._abort_reason == "timeout" else "aborted"
        status, shown = ENDS[stop]
        error = (outcome.error or stop) if status == "error" else None
        ended = self._desk.clock.now_ms()
        changes: list[Change] = []
        row = None
        entry = self._own_entry()
        if entry is not None:
            entries.run_ended(entry, status=shown, now_ms=ended, aborted=self.aborted, error=error, usage=outcome.usage)
            if self._said and self._abort_reason != "aborted":
                row, changes = self._store_reply(entry, outcome)
            else:
                changes = self._desk.book.put(self.turn.session_key, entry)
        return RunEnd(
            self.turn.run_id,
            self.turn.session_id,
            status,
            outcome,
            self.whole_text(),
            self.started_at_ms,
            ended,
            changes,
            row,
            error,
        )

    def publish_end(self, end: RunEnd) -> None:
        key, rows, events = self.turn.session_key, self._desk.rows, self._events
        entry = self._own_entry()
        events.usage(end.outcome.usage)
        if end.row is not None and entry is not None:
            rows.message(key, entry, end.row, self.turn.run_id)
        if not self.aborted and end.status == "error":
            events.lifecycle("error", error=end.error, startedAt=end.started_at_ms, endedAt=end.ended_at_ms)
            events.error(end.error or "the run failed", end.outcome.error_kind)
        elif not self.aborted:
            events.lifecycle("finishing", stopReason="stop", aborted=False, endedAt=end.ended_at_ms)
            events.lifecycle(
                "end", stopReason="stop", aborted=False, startedAt=end.started_at_ms, endedAt=end.ended_at_ms
            )
            events.final(end.text or None, "stop")
        if entry is not None:
            rows.changed(key, reason="agent.input.settled")
            rows.changed(key, phase="error" if end.status == "error" else "end", runId=self.turn.run_id)

    def _run(self, runner: Runner) -> Outcome:
        self._announce()
        if self._failure is not None:
            return Outcome(stop="error", error=self._failure)
        if self.aborted:
            return Outcome(stop="aborted")
        key, run_id = self.turn.session_key, self.turn.run_id
        self._desk.scheduler.set_steerable(key, run_id, runner.steerable)
        try:
            return runner.run(self.turn, self)
        except GwError as error:
            logger.warning("run.failed", extra={"run": run_id, "error": type(error).__name__})
            return Outcome(stop="error", error=str(error))
        except Exception:  # the boundary: a runner's fault ends its run, not the session
            logger.exception("run.crashed", extra={"run": run_id})
            return Outcome(stop="error", error="the runner failed inside the gateway")
        finally:
            self._desk.scheduler.set_steerable(key, run_id, False)

    def _announce(self) -> None:
        key, rows, events = self.turn.session_key, self._desk.rows, self._events
        events.status("preparing_workspace")
        events.status("preparing_context")
        entry = self._own_entry()
        if entry is not None:
            for one in self.user_rows:
                rows.message(key, entry, one)
            entries.run_started(entry, run_id=self.turn.run_id, now_ms=self.started_at_ms)
            self._desk.book.put(key, entry)  # reaches the disk with the run's next write
        events.lifecycle("start", startedAt=self.started_at_ms)
        events.status("starting_model")
        rows.changed(key, phase="start", runId=self.turn.run_id)
        rows.changed(key, reason="agent.run.started")

    def _own_entry(self) -> Entry | None:
        """The session's entry, unless it is gone or has begun anew."""
        entry = self._desk.book.get(self.turn.session_key)
        return entry if entry is not None and entry["sessionId"] == self.turn.session_id else None

    def _store_reply(self, entry: Entry, outcome: Outcome) -> tuple[Numbered, list[Change]]:
        message: dict[str, Json] = {
            "role": "assistant",
            "content": [{"type": "text", "text": self._said}],
            "timestamp": self._desk.clock.now_ms(),
            "stopReason": "stop",
            "provider": outcome.provider,
            "model": outcome.model,
        }
        if outcome.usage:
            message["usage"] = dict(outcome.usage)
        if self.aborted:
            message["idempotencyKey"] = f"{self.turn.run_id}:assistant"
            message["openclawAbort"] = {"aborted": True, "origin": self._abort_reason, "runId": self.turn.run_id}
        facts = {"runId": self.turn.run_id}
        now, record_id = self._desk.clock.now_ms(), self._desk.new_mark()
        record = transcript.message_record(record_id, message, at_ms=now, facts=facts)
        return self._desk.book.append(self.turn.session_key, entry, record)
