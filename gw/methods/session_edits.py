"""The session methods that change one: create, send, steer, abort, patch, patchMany, reset, delete.

Knows entries and turns, not the store. Invariant: what an answer says was changed is durable, subscribers hear of it
after the answer's change and not before, and main and global sessions are never archived or deleted.
"""

from collections.abc import Mapping
from uuid import uuid4

from gw.errors import GwError, InvalidRequest, RequestError, Unavailable
from gw.methods.router import ANSWERED, Call, rpc
from gw.methods.session_commands import SessionCommands
from gw.methods.session_desk import SessionDesk
from gw.methods.turn_request import Request, sender_of
from gw.methods.turns import Turns
from gw.ports import Json
from gw.session import entries, keys, listing
from gw.session.entries import Entry
from gw.session.store import Change
from gw.wire.text import clean_message

# What sessions.create may set on the new entry, as sessions.patch would.
CREATE_SETS = (
    *("label", "category", "contextWindow", "thinkingLevel", "fastMode", "permissionMode", "toolOverrides", "execNode"),
    "model",
)


class SessionEdits:
    def __init__(self, desk: SessionDesk, turns: Turns, commands: SessionCommands) -> None:
        self._desk = desk
        self._turns = turns
        self._commands = commands

    # --- create -----------------------------------------------------------------------------------------------

    @rpc("sessions.create")
    def create(self, call: Call) -> Json:
        desk, params = self._desk, call.params
        desk.book.ready()
        key = self._new_key(params)
        entry, fresh = desk.get_or_new(key)
        self._check_label(key, params)
        entry = self._born(key, entry, call) if fresh else entry
        message = params.get("message") or params.get("task")
        sets = {name: params[name] for name in CREATE_SETS if name in params}
        if fresh or sets:
            entry = entries.patch(entry, sets, now_ms=desk.clock.now_ms(), actor=sender_of(call.info).caller)
            desk.book.write(desk.book.put(key, entry))
            desk.rows.changed(key, reason="create" if fresh else "patch")
        answer = {
            "ok": True,
            "key": key,
            "sessionId": entry["sessionId"],
            "entry": entries.public(entry),
            "runStarted": False,
            "resolved": desk.rows.resolved(),
        }
        if not message:
            return answer
        return self._create_and_run(call, key, clean_message(message), answer)

    def _create_and_run(self, call: Call, key: str, text: str, answer: dict[str, Json]) -> Json:
        """The session exists whatever becomes of its first message."""
        run_id = call.params.get("idempotencyKey") or str(uuid4())
        try:
            request = Request("sessions.create", key, run_id, text, sender_of(call.info), call.params)
            ack = self._commands.submit(request, call.info)
        except GwError as error:
            shape = error.shape() if isinstance(error, RequestError) else {"code": "UNAVAILABLE", "message": str(error)}
            return {**answer, "runError": shape}
        answer |= {"runStarted": ack.request is not None, "runId": run_id}
        answer.update((name, ack.payload[name]) for name in ("messageSeq",) if name in ack.payload)
        call.respond(answer)
        self._turns.go(ack)
        return ANSWERED

    def _new_key(self, params: Mapping[str, Json]) -> str:
        desk = self._desk
        if params.get("key"):
            return desk.key(params)
        name = f"incognito-{uuid4()}" if params.get("incognito") else str(uuid4())
        return desk.key({**params, "key": f"dashboard:{name}"})

    def _born(self, key: str, entry: Entry, call: Call) -> Entry:
        params, main = call.params, self._desk.main_key(key)
        parent = self._desk.key({"key": params["parentSessionKey"]}) if params.get("parentSessionKey") else main
        if parent != key:
            entry["parentSessionKey"] = parent
        entry["_people"] = [call.info.client_id]
        for name in ("displayName", "spawnDepth"):
            if params.get(name) is not None:
                entry[name] = params[name]
        if params.get("cwd"):
            entry["execCwd"] = params["cwd"]
        return entry

    # --- send and stop ----------------------------------------------------------------------------------------

    @rpc("sessions.send")
    def send(self, call: Call) -> Json:
        return self._send(call, None, "send")

    @rpc("sessions.steer")
    def steer(self, call: Call) -> Json:
        return self._send(call, "interrupt", "steer")

    def _send(self, call: Call, mode: str | None, reason: str) -> Json:
        params = call.params
        key = self._desk.key(params)
        if key not in self._desk.book and not keys.is_main(key):
            raise InvalidRequest(f"session not found: {params['key']}")
        run_id = params.get("idempotencyKey") or str(uuid4())
        text = clean_message(params["message"])
        sender = sender_of(call.info)
        request = Request(call.method, key, run_id, text, sender, params, mode=mode, reason=reason)
        ack = self._commands.submit(request, call.info)
        call.respond(ack.payload)
        self._turns.go(ack)
        return ANSWERED

    @rpc("sessions.abort")
    def abort(self, call: Call) -> Json:
        params, run_id = call.params, call.params.get("runId")
        if params.get("key") is None and run_id is None:
            raise InvalidRequest("key required")
        where = self._desk.scheduler.find(run_id) if run_id is not None else None
        key = self._desk.key(params) if params.get("key") is not None else where
        if where is not None and key != where:
            raise InvalidRequest("runId does not match session")
        ids = self._turns.cancel(key, run_id, call.info) if key is not None else []
        if ids:
            return {"ok": True, "abortedRunId": ids[-1], "status": "aborted"}
        return {"ok": True, "abortedRunId": None, "status": "no-active-run"}

    # --- patch ------------------------------------------------------------------------------------------------

    @rpc("sessions.patch")
    def patch(self, call: Call) -> Json:
        desk = self._desk
        desk.book.ready()
        key = desk.key(call.params)
        entry = self._patched(key, call.params, sender_of(call.info).caller)
        desk.book.write(desk.book.put(key, entry))
        desk.rows.changed(key, reason="patch")
        return {
            "ok": True,
            "path": desk.book.path,
            "key": key,
            "entry": entries.public(entry),
            "resolved": desk.rows.resolved(),
        }

    @rpc("sessions.patchMany")
    def patch_many(self, call: Call) -> Json:
        desk = self._desk
        desk.book.ready()
        outcomes: list[dict[str, Json]] = []
        changes: list[Change] = []
        done: list[str] = []
        for target in call.params["targets"]:
            outcome: dict[str, Json] = {name: target[name] for name in ("key", "agentId") if name in target}
            try:
                key = desk.key(target)
                desk.need(key, target["key"])
                entry = self._patched(key, {**call.params["patch"], **target}, sender_of(call.info).caller)
                changes += desk.book.put(key, entry)
                done.append(key)
                outcome["ok"] = True
            except RequestError as error:
                outcome |= {"ok": False, "error": error.shape()}
            outcomes.append(outcome)
        desk.book.write(changes)
        for key in done:
            desk.rows.changed(key, reason="patch")
        return {"outcomes": outcomes}

    def _patched(self, key: str, params: Mapping[str, Json], actor: str) -> Entry:
        desk = self._desk
        entry, _ = desk.get_or_new(key)
        desk.check_expected(entry, params)
        if params.get("archived") and self._desk.is_protected(key):
            raise InvalidRequest("Cannot archive an agent's main session.")
        self._check_label(key, params)
        return entries.patch(entry, params, now_ms=desk.clock.now_ms(), actor=actor)

    def _check_label(self, key: str, params: Mapping[str, Json]) -> None:
        label = params.get("label")
        if not label:
            return
        taken = listing.matching(self._desk.book.newest_first(), listing.Selector("label", label))
        if any(card.key != key for card in taken):
            raise InvalidRequest(f"label already in use: {label}")

    # --- reset and delete -------------------------------------------------------------------------------------

    @rpc("sessions.reset")
    def reset(self, call: Call) -> Json:
        desk, params = self._desk, call.params
        desk.book.ready()
        key = desk.key(params)
        entry = desk.book.get(key)
        if entry is not None:
            desk.check_expected(entry, params)
        entry = self._commands.start_over(key, params.get("reason") or "reset")
        if entry is None:
            return {"ok": True, "key": key, "deleted": True}
        return {"ok": True, "key": key, "entry": entries.public(entry), "resolved": desk.rows.resolved()}

    @rpc("sessions.delete")
    def delete(self, call: Call) -> Json:
        desk, params = self._desk, call.params
        desk.book.ready()
        key = desk.key(params)
        if desk.is_protected(key):
            raise InvalidRequest(f"Cannot delete the main session ({key}).")
        entry = desk.book.get(key)
        if entry is None:
            return {"ok": True, "key": key, "deleted": False, "archived": []}
        desk.check_expected(entry, params)
        if params.get("archivedOnly") and not entry.get("archivedAt"):
            raise InvalidRequest("session is not archived")
        if desk.scheduler.is_busy(key):
            raise Unavailable(f"session {key} is busy: abort its run first", retry_after_ms=1000)
        changes: list[Change] = []
        archived: list[str] = []
        if not keys.is_incognito(key):
            target = f"{entry['sessionId']}.jsonl.deleted.{desk.clock.now_ms()}"
            path, changes = desk.book.archive(entry, target)
            archived = [path] if entry.get("_raw") else []
        desk.book.write(changes + desk.book.drop(key))
        desk.rows.changed(key, reason="delete")
        desk.rows.refetch("delete")
        return {"ok": True, "key": key, "deleted": True, "archived": archived}
