"""The session methods that keep order: groups, cleanup, recovery after an interruption, plugin values, ownership.

Knows entries and one small table of the store. Invariant: `sessions.cleanup` without `enforce` changes nothing, and
with it touches only what the retention rules name.
"""

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from gw.errors import GwError, InvalidRequest, RequestError
from gw.methods.router import ANSWERED, Call, rpc
from gw.methods.session_desk import SessionDesk
from gw.methods.turn_request import Request, sender_of
from gw.methods.turns import Turns
from gw.ports import Json
from gw.session import entries, keys, transcript
from gw.session.entries import Card, Entry
from gw.session.state_log import dump
from gw.session.store import META, Change, Loaded, Put
from gw.wire import json

GROUPS: Final = "groups"
DAY_MS: Final = 86_400_000
PRUNE_AFTER_DAYS: Final = 30  # upstream: session.maintenance
MOST_LIVE: Final = 5000  # upstream: unarchived sessions
# Keys that were made by machines: deleted by retention, where a person's session is only archived.
SYNTHETIC: Final = ("cron:", "hook:", "subagent:", "acp:")


class SessionUpkeep:
    def __init__(self, desk: SessionDesk, turns: Turns, loaded: Loaded) -> None:
        self._desk = desk
        self._turns = turns
        stored = loaded.tables.get(META, {}).get(GROUPS)
        self._groups: dict[str, Json] = json.loads(stored) if stored else {"names": [], "sectionOrder": []}

    # --- groups -----------------------------------------------------------------------------------------------

    @rpc("sessions.groups.list", inline=True)
    def groups(self, call: Call) -> Json:
        return self._catalog()

    @rpc("sessions.groups.put")
    def put_groups(self, call: Call) -> Json:
        self._groups = {
            "names": list(dict.fromkeys(call.params["names"])),
            "sectionOrder": call.params.get("sectionOrder", self._groups["sectionOrder"]),
        }
        self._desk.book.write(self._stored_groups())
        return {"ok": True, **self._catalog()}

    @rpc("sessions.groups.rename")
    def rename_group(self, call: Call) -> Json:
        name, to = call.params["name"], call.params["to"]
        return self._regroup(name, to)

    @rpc("sessions.groups.delete")
    def delete_group(self, call: Call) -> Json:
        return self._regroup(call.params["name"], None)

    def _regroup(self, name: str, to: str | None) -> dict[str, Json]:
        """Rename a group, or drop it, and move its sessions along."""
        desk = self._desk
        desk.book.ready()
        names = [to if one == name else one for one in self._groups["names"]]
        self._groups["names"] = list(dict.fromkeys(one for one in names if one is not None))
        members = [card.key for card in desk.book.newest_first() if _has_category(card, name)]
        changes = self._stored_groups()
        for key in reversed(members):
            entry = desk.book.get(key)
            if entry is not None:
                now = desk.clock.now_ms()
                changes += desk.book.put(key, entries.patch(entry, {"category": to}, now_ms=now, actor=""))
        desk.book.write(changes)
        if members:
            desk.rows.refetch("groups")
        return {"ok": True, **self._catalog(), "updatedSessions": len(members)}

    def _catalog(self) -> dict[str, Json]:
        names = self._groups["names"]
        groups = [{"name": name, "position": position} for position, name in enumerate(names)]
        return {"groups": groups, "sectionOrder": self._groups["sectionOrder"]}

    def _stored_groups(self) -> list[Change]:
        return [Put(META, GROUPS, dump(self._groups))]

    # --- retention --------------------------------------------------------------------------------------------

    @rpc("sessions.cleanup")
    def cleanup(self, call: Call) -> Json:
        desk, params = self._desk, call.params
        now = desk.clock.now_ms()
        chosen = self._expired(params, now)
        if params.get("enforce"):
            desk.book.ready()
            changes: list[Change] = []
            for key, entry in chosen:
                changes += self._retire(key, entry, now)
            desk.book.write(changes)
            if chosen:
                desk.rows.refetch("cleanup")
        return {
            "ok": True,
            "applied": bool(params.get("enforce")),
            "archived": [key for key, _ in chosen if not _is_synthetic(key)],
            "deleted": [key for key, _ in chosen if _is_synthetic(key)],
            "total": desk.book.count(),
        }

    def _expired(self, params: Mapping[str, Json], now: int) -> list[tuple[str, Entry]]:
        desk = self._desk
        agent = None if params.get("allAgents") else params.get("agent") or desk.config.rules.default_agent
        prefix = f"agent:{keys.agent_id(agent)}:" if agent else ""
        active = desk.key({"key": params["activeKey"]}) if params.get("activeKey") else None
        found, live = [], 0
        for card in desk.book.newest_first():
            if card.flags & (entries.ARCHIVED | entries.PINNED) or not card.key.startswith(prefix):
                continue
            live += 1
            old = now - card.updated_at > PRUNE_AFTER_DAYS * DAY_MS
            spared = desk.is_protected(card.key) or desk.scheduler.is_busy(card.key) or card.key == active
            if (old or live > MOST_LIVE) and not spared:
                found.append((card.key, card.entry()))
        return found

    def _retire(self, key: str, entry: Entry, now: int) -> list[Change]:
        book = self._desk.book
        if _is_synthetic(key):
            return book.archive(entry, f"{entry['sessionId']}.jsonl.deleted.{now}")[1] + book.drop(key)
        entry |= {"archivedAt": now, "archivedBy": "maintenance", "archiveReason": "retention"}
        return book.put(key, entry)

    # --- recovery ---------------------------------------------------------------------------------------------

    @rpc("sessions.recover")
    def recover(self, call: Call) -> Json:
        """Run the last message again that a restart interrupted."""
        desk, params = self._desk, call.params
        key = desk.key(params)
        entry = desk.need(key, params["key"])
        if entry.get("status") != "interrupted":
            raise InvalidRequest(f"session {key} was not interrupted")
        last = next((one for one in reversed(desk.book.shown(key, entry)) if _is_user(one.record)), None)
        if last is None:
            raise InvalidRequest(f"session {key} has no message to continue with")
        answer = {"ok": True, "key": key, "sessionId": entry["sessionId"]}
        run_id = str(uuid4())
        text = transcript.text_of(last.record["message"])
        try:
            ack = self._turns.submit(Request("sessions.recover", key, run_id, text, sender_of(call.info), params))
        except GwError as error:
            shape = error.shape() if isinstance(error, RequestError) else {"code": "UNAVAILABLE", "message": str(error)}
            return {**answer, "continuation": {"status": "rejected", "error": shape}}
        call.respond({**answer, "continuation": {"status": "started", "runId": run_id}})
        self._turns.go(ack)
        return ANSWERED

    # --- values -----------------------------------------------------------------------------------------------

    @rpc("sessions.pluginPatch")
    def plugin_patch(self, call: Call) -> Json:
        desk, params = self._desk, call.params
        desk.book.ready()
        key = desk.key(params)
        entry = desk.need(key, params["key"])
        values = dict(entry.get("pluginState") or {})
        mine = dict(values.get(params["pluginId"]) or {})
        if params.get("unset"):
            mine.pop(params["namespace"], None)
        else:
            mine[params["namespace"]] = params.get("value")
        values[params["pluginId"]] = mine
        entry |= {"pluginState": {name: held for name, held in values.items() if held}}
        desk.book.write(desk.book.put(key, entry))
        answer: dict[str, Json] = {"ok": True, "key": key}
        return answer if params.get("unset") else {**answer, "value": params.get("value")}

    @rpc("sessions.assignOwner")
    def assign_owner(self, call: Call) -> Json:
        desk, params = self._desk, call.params
        desk.book.ready()
        key = desk.key(params)
        entry = desk.need(key, params["key"])
        owner = {**params["owner"], "assignedBy": sender_of(call.info).caller}
        entry |= {"owner": owner, "updatedAt": desk.clock.now_ms()}
        desk.book.write(desk.book.put(key, entry))
        desk.rows.changed(key, reason="owner")
        return {"ok": True, "key": key, "owner": params["owner"]}


def _is_synthetic(key: str) -> bool:
    parsed = keys.parse(key)
    return parsed is not None and parsed.rest.startswith(SYNTHETIC)


def _is_user(record: Mapping[str, Json]) -> bool:
    return record["type"] == "message" and bool(record["message"].get("role") == "user")


def _has_category(card: Card, name: str) -> bool:
    return dump(name) in card.packed and bool(card.entry().get("category") == name)
