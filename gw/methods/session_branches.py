"""The session methods that move in a transcript's tree: branches, rewind, fork, compaction and its checkpoints.

Knows transcripts and entries, not the store. Invariant: nothing here deletes anything: each call appends a record that
says where the conversation goes on, and only while no run could be writing to it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from gw.errors import InvalidRequest, Unavailable
from gw.methods.events import EventBus
from gw.methods.router import Call, rpc
from gw.methods.session_desk import SessionDesk
from gw.methods.turns import Turns
from gw.ports import Json
from gw.session import entries, keys, transcript
from gw.session.entries import Entry
from gw.session.transcript import Numbered, Record

CHARS_PER_TOKEN = 4  # the usual rule of thumb; only used for the before and after of a checkpoint
NO_SUMMARY = "no model is configured to summarise with; give maxLines to trim"


class SessionBranches:
    def __init__(self, desk: SessionDesk, turns: Turns, bus: EventBus) -> None:
        self._desk = desk
        self._turns = turns
        self._bus = bus

    # --- branches ---------------------------------------------------------------------------------------------

    @rpc("sessions.branches.list")
    def branches(self, call: Call) -> Json:
        key, entry = self._session(call.params)
        found = transcript.branches(self._desk.book.records(key, entry), entry.get("_leaf"))
        return {
            "branches": [
                {
                    "leafEntryId": branch.leaf_id,
                    "headline": branch.headline,
                    "messageCount": branch.message_count,
                    "updatedAt": _iso(branch.updated_at_ms),
                    "active": branch.active,
                }
                for branch in found
            ]
        }

    @rpc("sessions.branches.switch")
    def switch(self, call: Call) -> Json:
        wanted = call.params["leafEntryId"]
        key, entry, records = self._quiet(call.params, "Branch switch")
        tips = {branch.leaf_id: branch for branch in transcript.branches(records, entry.get("_leaf"))}
        if wanted not in tips:
            known = any(record["id"] == wanted for record in records)
            raise InvalidRequest(
                f"entry is not a branch tip: {wanted}" if known else f"branch entry not found: {wanted}"
            )
        if tips[wanted].active:
            raise InvalidRequest(f"branch is already active: {wanted}")
        self._go_on(key, entry, wanted, transcript.visible(transcript.branch(records, wanted)), "branch-switch")
        return {}

    @rpc("sessions.rewind")
    def rewind(self, call: Call) -> Json:
        key, entry, records = self._quiet(call.params, "Rewind")
        cut = transcript.cut(records, entry.get("_leaf"), call.params["entryId"])
        self._turns.clear(key, "the session was rewound")
        self._go_on(key, entry, cut.parent_id, cut.before, "rewind")
        return {"editorText": cut.text}

    @rpc("sessions.fork")
    def fork(self, call: Call) -> Json:
        key, entry, records = self._quiet(call.params, "Fork")
        cut = transcript.cut(records, entry.get("_leaf"), call.params["entryId"])
        source = {"sessionKey": key, "sessionId": entry["sessionId"], "entryId": call.params["entryId"]}
        fresh, _ = self._fork(key, cut.before, source)
        return {"sessionKey": fresh, "editorText": cut.text}

    # --- compaction -------------------------------------------------------------------------------------------

    @rpc("sessions.compact")
    def compact(self, call: Call) -> Json:
        """Trim to the newest messages; what is trimmed stays in the transcript, behind a checkpoint."""
        desk, params = self._desk, call.params
        desk.book.ready()
        key = desk.key(params)
        entry = desk.book.get(key)
        if entry is None:
            return {"ok": True, "key": key, "compacted": False, "reason": "no sessionId"}
        self._check_quiet(key, entry, "Compaction")
        shown = transcript.messages(desk.book.shown(key, entry))
        if not shown:
            return {"ok": True, "key": key, "compacted": False, "reason": "no transcript"}
        if params.get("maxLines") is None:
            return {"ok": True, "key": key, "compacted": False, "reason": NO_SUMMARY}
        kept = _kept(shown, params["maxLines"])
        if len(kept) == len(shown):
            return {"ok": True, "key": key, "compacted": False, "kept": len(kept)}
        operation = str(uuid4())
        self._tell(key, operation, "start")
        self._trim(key, shown, kept)
        self._tell(key, operation, "end", completed=True)
        desk.rows.changed(key, reason="compact")
        return {"ok": True, "key": key, "compacted": True, "kept": len(kept)}

    def _trim(self, key: str, shown: Sequence[Numbered], kept: Sequence[Numbered]) -> None:
        desk = self._desk
        entry = desk.book.get(key)
        if entry is None or entry.get("_leaf") != shown[-1].record["id"]:
            raise InvalidRequest(f"Session {key} changed; retry compaction.", details={"reason": "session-changed"})
        mark = transcript.mark_record(
            desk.new_mark(),
            "compaction",
            at_ms=desk.clock.now_ms(),
            firstKept=kept[0].record["id"],
            reason="manual",
            tokensBefore=_tokens(shown),
            tokensAfter=_tokens(kept),
        )
        entry |= {"compactionCount": (entry.get("compactionCount") or 0) + 1, "totalTokens": mark["tokensAfter"]}
        desk.book.write(desk.book.continue_at(key, entry, mark, kept))

    @rpc("sessions.compaction.list")
    def checkpoints(self, call: Call) -> Json:
        key = self._desk.key(call.params)
        entry = self._desk.book.get(key)
        records = self._desk.book.records(key, entry) if entry is not None else []
        marks = [record for record in reversed(records) if record["type"] == "compaction"]
        return {"ok": True, "key": key, "checkpoints": [_checkpoint(key, entry or {}, mark) for mark in marks]}

    @rpc("sessions.compaction.branch")
    def branch_from(self, call: Call) -> Json:
        key, entry, records = self._quiet(call.params, "Fork", "key")
        mark = _mark(records, call.params["checkpointId"])
        before = transcript.visible(transcript.branch(records, mark["parentId"]))
        source = {"sessionKey": key, "sessionId": entry["sessionId"], "entryId": mark["id"]}
        fresh, made = self._fork(key, before, source)
        return {
            "ok": True,
            "sourceKey": key,
            "key": fresh,
            "sessionId": made["sessionId"],
            "checkpoint": _checkpoint(key, entry, mark),
            "entry": entries.public(made),
        }

    @rpc("sessions.compaction.restore")
    def restore(self, call: Call) -> Json:
        key, entry, records = self._quiet(call.params, "Restore", "key")
        mark = _mark(records, call.params["checkpointId"])
        before = transcript.visible(transcript.branch(records, mark["parentId"]))
        checkpoint = _checkpoint(key, entry, mark)
        self._go_on(key, entry, mark["parentId"], before, "compaction-restore")
        return {
            "ok": True,
            "key": key,
            "sessionId": entry["sessionId"],
            "checkpoint": checkpoint,
            "entry": entries.public(entry),
        }

    # --- inside -----------------------------------------------------------------------------------------------

    def _session(self, params: Mapping[str, Json], name: str = "sessionKey") -> tuple[str, Entry]:
        key = self._desk.key(params, name)
        return key, self._desk.need(key, params[name])

    def _quiet(
        self, params: Mapping[str, Json], what: str, name: str = "sessionKey"
    ) -> tuple[str, Entry, list[Record]]:
        """The session and its records, in a state where its history may be changed; raises when it is not."""
        self._desk.book.ready()
        key, entry = self._session(params, name)
        self._check_quiet(key, entry, what)
        records = self._desk.book.records(key, entry)
        now = self._desk.need(key, params[name])
        self._check_quiet(key, now, what)
        if (now["sessionId"], now.get("_leaf")) != (entry["sessionId"], entry.get("_leaf")):
            raise InvalidRequest(f"Session {key} changed; retry {what.lower()}.")
        return key, now, records

    def _check_quiet(self, key: str, entry: Entry, what: str) -> None:
        if self._desk.scheduler.is_busy(key):
            raise Unavailable(f"{what} is unavailable while the agent is working.", retry_after_ms=1000)
        if entry.get("archivedAt"):
            raise InvalidRequest(f"{what} is unavailable for archived sessions.")

    def _go_on(self, key: str, entry: Entry, parent_id: str | None, shown: Sequence[Numbered], reason: str) -> None:
        """Let the conversation continue under another record."""
        desk = self._desk
        record = transcript.mark_record(desk.new_mark(), "leaf", at_ms=desk.clock.now_ms(), reason=reason)
        record["parentId"] = parent_id
        desk.book.write(desk.book.continue_at(key, entry, record, shown))
        desk.rows.changed(key, reason=reason)

    def _fork(self, key: str, shown: Sequence[Numbered], source: Mapping[str, Json]) -> tuple[str, Entry]:
        """Make a session of its own from what another one shows."""
        desk = self._desk
        name = f"incognito-{uuid4()}" if keys.is_incognito(key) else str(uuid4())
        fresh = desk.key({"key": f"agent:{desk.agent_of(key)}:dashboard:{name}"})
        entry = desk.new_entry(fresh)
        entry |= {"forkSource": dict(source), "parentSessionKey": source["sessionKey"]}
        desk.book.write(desk.book.copy_into(fresh, entry, transcript.messages(shown)))
        desk.rows.changed(fresh, reason="fork")
        return fresh, entry

    def _tell(self, key: str, operation: str, phase: str, **fields: Json) -> None:
        payload = {
            "operationId": operation,
            "operation": "compact",
            "phase": phase,
            "sessionKey": key,
            "agentId": self._desk.agent_of(key),
            "ts": self._desk.clock.now_ms(),
            **fields,
        }
        self._bus.publish("session.operation", payload, session_key=key)


def _kept(shown: list[Numbered], max_lines: int) -> list[Numbered]:
    """The newest messages; a tool's results are never kept without the call they belong to."""
    start = max(0, len(shown) - max_lines)
    while start > 0 and shown[start].record["message"].get("role") == "toolResult":
        start -= 1
    return shown[start:]


def _tokens(shown: Sequence[Numbered]) -> int:
    return sum(len(transcript.text_of(one.record["message"])) for one in shown) // CHARS_PER_TOKEN


def _mark(records: Sequence[Record], checkpoint_id: str) -> Record:
    for record in records:
        if record["id"] == checkpoint_id and record["type"] == "compaction":
            return record
    raise InvalidRequest(f"checkpoint not found: {checkpoint_id}")


def _checkpoint(key: str, entry: Mapping[str, Json], mark: Record) -> dict[str, Json]:
    session_id = entry["sessionId"]
    return {
        "checkpointId": mark["id"],
        "sessionKey": key,
        "sessionId": session_id,
        "createdAt": mark["at"],
        "reason": mark["reason"],
        "tokensBefore": mark["tokensBefore"],
        "tokensAfter": mark["tokensAfter"],
        "firstKeptEntryId": mark["firstKept"],
        "preCompaction": {"sessionId": session_id, "leafId": mark["parentId"]},
        "postCompaction": {"sessionId": session_id, "leafId": mark["id"], "entryId": mark["id"]},
    }


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
