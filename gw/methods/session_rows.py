"""Session rows as the wire shows them, and the events that carry one: sessions.changed and session.message.

Knows entries and the scheduler's state, not who asks or why. Invariant: a row says only what is known here; fields of
upstream rows that describe what this gateway does not have (placement, plugins, budgets) are absent.
"""

from collections.abc import Mapping
from typing import Final

from gw.methods.events import EventBus
from gw.ports import Clock, Json
from gw.session import entries, keys, queueing, transcript
from gw.session.book import Book, file_of
from gw.session.config import SessionConfig
from gw.session.entries import Entry
from gw.session.scheduler import Scheduler
from gw.session.transcript import Numbered

NO_THINKING: Final[Mapping[str, Json]] = {
    "thinkingLevels": [{"id": "off", "label": "off"}],
    "thinkingOptions": ["off"],
    "thinkingDefault": "off",
}
RUNTIME: Final[Mapping[str, Json]] = {
    "id": "auto",
    "cloudPlacementSupported": False,
    "devicePlacementSupported": False,
    "source": "implicit",
}
# Entry fields a row repeats when they are set.
REPEATED: Final = tuple(
    "label autoLabel displayName category icon color boardFace subject groupId groupChannel topicName space"
    " thinkingLevel fastMode verboseLevel traceLevel reasoningLevel elevatedLevel execHost execNode execCwd"
    " responseUsage permissionMode toolOverrides sendPolicy agentStatus groupActivation parentSessionKey spawnedBy"
    " spawnDepth forkSource previousSessionId owner createdActor archivedAt archivedBy archiveReason pinnedAt"
    " lastReadAt markedUnreadAt lastInteractionAt startedAt endedAt lastRunId lastRunError compactionCount"
    " inputTokens outputTokens cacheRead cacheWrite estimatedCostUsd modelOverrideSource".split()
)
# Fields an event carries as null when they are not set, so that a client that merges rows forgets the old value.
NULLED: Final = tuple(
    "createdActor owner archivedAt archivedBy archiveReason pinnedAt markedUnreadAt agentStatus permissionMode"
    " label autoLabel icon color category displayName thinkingLevel toolOverrides lastRunError lastRunId endedAt"
    " runtimeMs".split()
)


class Rows:
    def __init__(self, book: Book, scheduler: Scheduler, config: SessionConfig, bus: EventBus, clock: Clock) -> None:
        self._book = book
        self._scheduler = scheduler
        self._config = config
        self._bus = bus
        self._clock = clock

    # --- rows -----------------------------------------------------------------------------------------------

    def defaults(self) -> dict[str, Json]:
        config = self._config
        return {
            "modelProvider": config.model_provider,
            "model": config.model,
            "contextTokens": config.context_tokens,
            "agentRuntime": RUNTIME,
            **NO_THINKING,
            "modelSelectionTarget": "session",
        }

    def resolved(self) -> dict[str, Json]:
        """The `resolved` block of create, patch and reset."""
        return {
            "modelProvider": self._config.model_provider,
            "model": self._config.model,
            "agentRuntime": RUNTIME,
            "runtimeSelectionLocked": False,
        }

    def row(self, key: str, entry: Mapping[str, Json], *, titles: bool = False, last: bool = False) -> dict[str, Json]:
        """A SessionRow; `titles` and `last` add derivedTitle and lastMessagePreview."""
        kind = keys.kind(key, spawned=bool(entry.get("spawnedBy")), chat_type=entry.get("chatType"))
        run = self._scheduler.active_run(key)
        config = self._config
        people = [_observed(client) for client in entry.get("_people") or ()]
        row: dict[str, Json] = {
            "key": key,
            "visibility": "shared",
            "permissionModePending": False,
            "createdVia": entry.get("createdVia", "operator"),
            "participants": people,
            "expandedParticipants": people,
            "participantCount": len(people),
            "createdAt": entry.get("createdAt"),
            "kind": kind if kind in ("group", "global", "unknown") else "direct",
            "classification": "main" if keys.is_main(key) else kind,
            "agentId": keys.owner_of(key, config.rules),
            "isMain": keys.is_main(key),
            "isBackground": kind in ("cron", "spawn-child"),
            "chatType": entry.get("chatType", "direct"),
            "updatedAt": entry.get("updatedAt"),
            "archived": bool(entry.get("archivedAt")),
            "pinned": bool(entry.get("pinnedAt")),
            "unread": entries.is_unread(entry),
            "sessionId": entry["sessionId"],
            "systemSent": bool(entry.get("_count")),
            "abortedLastRun": bool(entry.get("abortedLastRun")),
            **NO_THINKING,
            "effectiveFastMode": entry.get("fastMode") is True,
            "effectiveFastModeSource": "session" if "fastMode" in entry else "default",
            "totalTokens": entry.get("totalTokens") or 0,
            "totalTokensFresh": bool(entry.get("totalTokensFresh", True)),
            "status": "running" if run is not None else shown_status(entry),
            "hasAutomation": False,
            "effectiveResponseUsage": entry.get("responseUsage", "off"),
            "effectiveQueueMode": queueing.resolve(config.messages, entry=entry).mode,
            "modelProvider": entry.get("providerOverride") or config.model_provider,
            "model": entry.get("modelOverride") or config.model,
            "modelOverrideSource": None,
            "runtimeSelectionLocked": False,
            "agentRuntime": RUNTIME,
            "contextTokens": config.context_tokens,
            "snapshotAt": self._clock.now_ms(),
            "hasActiveRun": run is not None,
            "activeRunIds": [run.id] if run is not None else [],
            "sharingRole": "owner",
        }
        if row["status"] is None:
            del row["status"]
        if entry.get("endedAt") and entry.get("startedAt"):
            row["runtimeMs"] = max(0, entry["endedAt"] - entry["startedAt"])
        if (entry.get("delivery") or {}).get("kind") == "external":
            row["deliveryContext"] = entry["delivery"]
        row.update((name, entry[name]) for name in REPEATED if entry.get(name) is not None)
        if titles and (title := entry.get("_title")):
            row["derivedTitle"] = title
        if last and (preview := entry.get("_preview")):
            row["lastMessagePreview"] = preview
        return row

    # --- events ---------------------------------------------------------------------------------------------

    def changed(self, key: str, *, reason: str | None = None, **fields: Json) -> None:
        """Publish sessions.changed with the row as it is now; `fields` (phase, runId, ...) go beside it."""
        if not self._bus.is_wanted("sessions.changed", key):
            return
        entry = self._book.get(key)
        said: dict[str, Json] = {"reason": reason} if reason is not None else {}
        payload = {
            "sessionKey": key,
            "agentId": keys.owner_of(key, self._config.rules),
            **said,
            "ts": self._clock.now_ms(),
            **fields,
        }
        if entry is not None:
            payload |= self._beside(key, entry)
        self._bus.publish("sessions.changed", payload, session_key=key)

    def refetch(self, reason: str) -> None:
        """A change without a key: ask again."""
        self._bus.publish("sessions.changed", {"reason": reason, "ts": self._clock.now_ms()})

    def message(self, key: str, entry: Entry, one: Numbered, run_id: str | None = None) -> None:
        """Publish session.message for a stored row."""
        if not self._bus.is_wanted("session.message", key):
            return
        payload = self.message_payload(key, entry, one)
        if run_id is not None:
            payload["runId"] = run_id
        self._bus.publish("session.message", payload, session_key=key)

    def message_payload(self, key: str, entry: Entry, one: Numbered) -> dict[str, Json]:
        return {
            "sessionKey": key,
            "agentId": keys.owner_of(key, self._config.rules),
            "message": transcript.wire_message(one, file_of(entry)),
            "messageId": one.record["id"],
            "messageSeq": one.seq,
            **self._beside(key, entry),
        }

    def _beside(self, key: str, entry: Mapping[str, Json]) -> dict[str, Json]:
        """The row, whole under `session` and spread out beside it, as clients of either habit read it."""
        row = self.row(key, entry, last=True)
        spread = {name: row.get(name) for name in NULLED}
        spread |= {name: value for name, value in row.items() if name not in ("key", "snapshotAt")}
        return {"session": row, **spread}


def shown_status(entry: Mapping[str, Json]) -> str | None:
    status = entry.get("status")
    return entries.SHOWN_STATUS.get(status, status) if status is not None else None


def _observed(client: str) -> dict[str, Json]:
    identity = {"type": "observation", "pluginId": None, "accountId": None, "senderKind": "unknown", "id": client}
    return {"identity": identity}
