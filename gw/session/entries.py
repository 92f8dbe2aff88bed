"""Session entries: how one is born, patched, reset and packed, and the compact card that stands for it in memory.

An entry is a dict in the wire's own spelling; names that begin with `_` are ours and never leave. Knows no store, clock
or randomness: times and ids come in. Invariant: an idle session is one card of under 1 KB in all, and a listing rules
out nearly every card without unpacking it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import ujson

from gw.errors import InvalidRequest
from gw.ports import Json
from gw.session import keys
from gw.session.state_log import dump

Entry = dict[str, Json]

PREVIEW_CHARS: Final = 240
KEPT_PREVIEW_CHARS: Final = 120  # of the last message, in memory for every session
TITLE_CHARS: Final = 60

# Flags of a card.
ARCHIVED: Final = 1
PINNED: Final = 2
GLOBAL: Final = 4
UNKNOWN: Final = 8
HIDDEN: Final = 16
SUBAGENT: Final = 32
SPAWNED: Final = 64
OWNED: Final = 128  # has an owner or a creator
FACED: Final = 256  # has a boardFace

# At rest an entry is a JSON array: these fields by position, then an object with the others. The order is part of the
# stored format: never change it, only let new fields live in the object.
PLACED: Final = (
    *("sessionId", "lifecycleRevision", "createdAt", "sessionStartedAt", "updatedAt", "lastInteractionAt"),
    *("lastActivityAt", "startedAt", "endedAt", "status", "lastRunId", "_leaf", "_raw", "_count", "_title", "_preview"),
)
# What most entries say is not stored; every unpacked entry has these.
DEFAULTS: Final[Mapping[str, Json]] = {
    "createdVia": "operator",
    "chatType": "direct",
    "delivery": {"kind": "internal"},
    "abortedLastRun": False,
    "inputTokens": 0,
    "outputTokens": 0,
    "totalTokens": 0,
    "totalTokensFresh": True,
}
# What `search` looks at, besides the title and the key; `label` relies on it too.
SEARCHED: Final = ("label", "autoLabel", "displayName", "subject", "category")
# So much of the session id stands before it: looking at a second place of every session costs more than all else.
ID_CHARS: Final = 8

# Fields `sessions.patch` copies as they are; null clears. What needs more than copying is in `patch`.
COPIED: Final = (
    *("label", "icon", "color", "category", "boardFace", "contextWindow", "thinkingLevel", "fastMode", "toolOverrides"),
    *("verboseLevel", "traceLevel", "reasoningLevel", "responseUsage", "elevatedLevel", "execHost", "execSecurity"),
    *("execAsk", "execNode", "permissionMode", "completionOwnerSessionKey", "inheritedToolPolicyVersion"),
    *("inheritedToolAllow", "inheritedToolDeny", "sendPolicy", "groupActivation"),
)
_PLACED: Final = frozenset(PLACED)
_ID, _TITLE, _UPDATED, _INTERACTED = map(PLACED.index, ("sessionId", "_title", "updatedAt", "lastInteractionAt"))
_KEY_FLAGS: Final[Mapping[str, int]] = {"global": GLOBAL, "unknown": UNKNOWN}
_FLAGS: Final[Mapping[str, int]] = {
    "archivedAt": ARCHIVED,
    "pinnedAt": PINNED,
    "spawnedBy": SPAWNED,
    "owner": OWNED,
    "createdActor": OWNED,
    "boardFace": FACED,
}
_NONE: Final = object()
# Fields with a closed set of words that the published schema leaves open.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "thinkingLevel": ("off", "minimal", "low", "medium", "high", "xhigh", "adaptive", "max"),
    "verboseLevel": ("off", "on", "full"),
    "traceLevel": ("off", "on", "raw"),
    "reasoningLevel": ("off", "on", "stream"),
    "elevatedLevel": ("off", "on", "ask", "full"),
}
COUNTERS: Final = ("inputTokens", "outputTokens", "totalTokens", "cacheRead", "cacheWrite", "estimatedCostUsd")
# What a manual reset forgets: everything about the last run and the conversation's size.
RUN_FIELDS: Final = ("status", "startedAt", "endedAt", "lastRunId", "abortedLastRun", "lastRunError")
# An entry without `status` has never run. Stored `interrupted` is shown as `failed`.
SHOWN_STATUS: Final[Mapping[str, str]] = {"interrupted": "failed"}


class Card:
    """An entry at rest: packed, with what a listing filters and sorts by.

    `text` is the session id's first ID_CHARS (filled up with spaces), then in lower case what `search` looks at, one
    per line; keys that are not lower-case stand in it too.
    """

    __slots__ = ("flags", "interacted_at", "key", "packed", "text", "updated_at")

    def __init__(self, key: str, packed: bytes, text: str, updated_at: int, interacted_at: int, flags: int) -> None:
        self.key = key
        self.packed = packed
        self.text = text
        self.updated_at = updated_at
        self.interacted_at = interacted_at
        self.flags = flags

    def entry(self) -> Entry:
        """A fresh copy."""
        return unpack(self.packed)


def pack(entry: Mapping[str, Json]) -> bytes:
    placed = [entry.get(name) for name in PLACED]
    others = {
        name: value for name, value in entry.items() if name not in _PLACED and DEFAULTS.get(name, _NONE) != value
    }
    return dump([*placed, others])


def unpack(packed: bytes) -> Entry:
    """Raises ValueError for anything `pack` did not write."""
    placed, others = _fields(packed)
    entry: Entry = {name: value for name, value in zip(PLACED, placed, strict=True) if value is not None}
    return {**DEFAULTS, **entry, **others}


def card(key: str, entry: Mapping[str, Json]) -> Card:
    return _card(key, pack(entry), [entry.get(name) for name in PLACED], entry)


def card_of(key: str, packed: bytes) -> Card:
    """The card of a stored entry. Raises ValueError for anything `pack` did not write."""
    placed, others = _fields(packed)
    return _card(key, packed, placed, others)


def _fields(packed: bytes) -> tuple[list[Json], dict[str, Json]]:
    fields = ujson.loads(packed)
    if type(fields) is not list or len(fields) != len(PLACED) + 1 or type(others := fields.pop()) is not dict:
        raise ValueError("not a packed entry")
    return fields, others


def _card(key: str, packed: bytes, placed: Sequence[Json], others: Mapping[str, Json]) -> Card:
    flags = _KEY_FLAGS.get(key, 0)
    if ":subagent:" in key:
        flags |= SUBAGENT
    elif ":internal-session-effects:" in key and keys.is_hidden(key):
        flags |= HIDDEN
    for name in _FLAGS.keys() & others.keys():
        if others[name]:
            flags |= _FLAGS[name]
    text = placed[_TITLE] or ""
    if not others.keys().isdisjoint(SEARCHED):
        text = "\n".join(str(value) for value in (text, *map(others.get, SEARCHED)) if value)
    if not key.islower():
        text = f"{text}\n{key}"
    updated, interacted = placed[_UPDATED] or 0, placed[_INTERACTED] or 0
    start = str(placed[_ID])[:ID_CHARS].ljust(ID_CHARS)
    return Card(key, packed, start + text.lower(), updated, updated if interacted == updated else interacted, flags)


def new(key: str, *, now_ms: int, session_id: str, revision: str, via: str = "operator") -> Entry:
    """Make the entry of a session that has said nothing yet."""
    shape = keys.chat_type(key)
    place = keys.delivery(key)
    delivery: Json = {"kind": "internal"}
    if place is not None:
        delivery = {"kind": "external", "channel": place.channel, "to": place.peer_id}
        delivery |= {"accountId": place.account_id} if place.account_id else {}
        delivery |= {"threadId": place.thread_id} if place.thread_id else {}
    return {
        **DEFAULTS,
        "sessionId": session_id,
        "lifecycleRevision": revision,
        "createdAt": now_ms,
        "createdVia": via,
        "sessionStartedAt": now_ms,
        "updatedAt": now_ms,
        "chatType": shape if shape != "unknown" else "direct",
        "delivery": delivery,
    }


def public(entry: Mapping[str, Json]) -> Entry:
    """The entry as answers show it."""
    return {name: value for name, value in entry.items() if name[0] != "_"}


def reset(entry: Mapping[str, Json], *, now_ms: int, revision: str, session_id: str | None = None) -> Entry:
    """Start the conversation over: settings, label and activation stay, counters and the last run go.

    A manual reset keeps the session id; an automatic one brings a new `session_id`.
    """
    fresh = {name: value for name, value in entry.items() if name not in COUNTERS and name not in RUN_FIELDS}
    for name in ("_title", "_preview", "compactionCount", "contextTokens"):
        fresh.pop(name, None)
    fresh |= {
        "lifecycleRevision": revision,
        "sessionStartedAt": now_ms,
        "updatedAt": now_ms,
        "totalTokens": 0,
        "totalTokensFresh": True,
        "_count": 0,
    }
    if session_id is not None:
        fresh |= {"previousSessionId": entry["sessionId"], "sessionId": session_id}
        for name in ("_leaf", "_raw", "_file", "_branch"):
            fresh.pop(name, None)
    return fresh


def patch(entry: Mapping[str, Json], fields: Mapping[str, Json], *, now_ms: int, actor: str) -> Entry:
    """Return the entry with the mutation fields of a `sessions.patch` applied; null clears.

    Raises:
        InvalidRequest: a word is not one of the field's words.
    """
    changed: Entry = {**entry, "updatedAt": now_ms}
    for name in COPIED:
        if name not in fields:
            continue
        value = fields[name]
        words = WORDS.get(name)
        if words is not None and value is not None and str(value).lower() not in words:
            raise InvalidRequest(f"invalid {name} (use {'|'.join(words)})")
        _set(changed, name, str(value).lower() if words is not None and value is not None else value)
    if "model" in fields:
        _patch_model(changed, fields["model"])
    if "archived" in fields:
        archived = fields["archived"]
        _set(changed, "archivedAt", now_ms if archived else None)
        _set(changed, "archivedBy", actor if archived else None)
        _set(changed, "archiveReason", "user" if archived else None)
    if "pinned" in fields:
        _set(changed, "pinnedAt", now_ms if fields["pinned"] else None)
    if "unread" in fields:
        _set(changed, "markedUnreadAt", now_ms if fields["unread"] else None)
        if not fields["unread"]:
            changed["lastReadAt"] = now_ms
    if "statusNote" in fields or "attention" in fields:
        _patch_agent_status(changed, fields, now_ms)
    return changed


def said(entry: Entry, text: str, role: str | None) -> None:
    """Note a message that was added to the conversation."""
    entry["_count"] = (entry.get("_count") or 0) + 1
    entry["_preview"] = preview(text, KEPT_PREVIEW_CHARS)
    if role == "user" and "_title" not in entry:
        entry["_title"] = preview(text, TITLE_CHARS)


def preview(text: str, max_chars: int) -> str:
    """One line of at most `max_chars`."""
    line = " ".join(text[: max_chars * 4].split())
    return line if len(line) <= max_chars else line[: max_chars - 1].rstrip() + "…"


def is_unread(entry: Mapping[str, Json]) -> bool:
    if entry.get("markedUnreadAt"):
        return True
    return bool((entry.get("lastActivityAt") or 0) > (entry.get("lastReadAt") or 0))


def run_started(entry: Entry, *, run_id: str, now_ms: int) -> None:
    entry |= {"status": "running", "startedAt": now_ms, "updatedAt": now_ms, "lastRunId": run_id}
    for name in ("endedAt", "lastRunError"):
        entry.pop(name, None)


def run_ended(
    entry: Entry, *, status: str, now_ms: int, aborted: bool = False, error: str | None = None, usage: Mapping[str, int]
) -> None:
    """`status` is done | failed | killed | timeout | interrupted; `usage` adds to the counters."""
    entry |= {
        "status": status,
        "endedAt": now_ms,
        "updatedAt": now_ms,
        "lastActivityAt": now_ms,
        "abortedLastRun": aborted,
    }
    _set(entry, "lastRunError", error)
    for name, amount in (("inputTokens", "input"), ("outputTokens", "output")):
        entry[name] = (entry.get(name) or 0) + usage.get(amount, 0)
    if usage.get("totalTokens"):
        entry["totalTokens"] = usage["totalTokens"]
        entry["totalTokensFresh"] = True


def _set(entry: Entry, name: str, value: Json) -> None:
    if value is None:
        entry.pop(name, None)
    else:
        entry[name] = value


def _patch_model(entry: Entry, model: str | None) -> None:
    provider, _, name = (model or "").rpartition("/")
    _set(entry, "modelOverride", name or None)
    _set(entry, "providerOverride", provider or None)
    _set(entry, "modelOverrideSource", "user" if model else None)


def _patch_agent_status(entry: Entry, fields: Mapping[str, Json], now_ms: int) -> None:
    status: Entry = dict(entry.get("agentStatus") or {})
    for wire, name in (("statusNote", "note"), ("attention", "attention")):
        if wire in fields:
            _set(status, name, fields[wire] or None)
    if status:
        status["updatedAt"] = now_ms
        if fields.get("ttlMinutes"):
            status["expiresAt"] = now_ms + fields["ttlMinutes"] * 60_000
    _set(entry, "agentStatus", status if set(status) & {"note", "attention"} else None)
