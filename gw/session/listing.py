"""Choosing and ordering sessions: the filters of `sessions.list`, over cards, in one pass per filter.

Knows nothing of rows or stores. Invariant: a filter that looks at bytes first (cheap, may say yes too often) always
looks at the entry afterwards, so bytes never decide alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from gw.errors import InvalidRequest
from gw.ports import Json
from gw.session import entries, keys
from gw.session.entries import Card, Entry
from gw.session.state_log import dump

DEFAULT_LIMIT: Final = 100
MINUTE_MS: Final = 60_000
# Parameters that ask for one value of one entry field.
EXACT: Final[Mapping[str, str]] = {"label": "label", "boardFace": "boardFace", "spawnedBy": "spawnedBy"}
# Parameters that ask for an entry whose field holds a profile with this id.
PEOPLE: Final[Mapping[str, str]] = {
    "ownerId": "owner",
    "creatorId": "createdActor",
    "involvingProfileId": "participants",
}
_ASCII_RUN: Final = re.compile(r"[\x20-\x7e]+")
# What `search` looks at.
SEARCHED: Final = ("label", "autoLabel", "displayName", "subject", "category", "sessionId", "_title")


class Page(NamedTuple):
    cards: list[Card]
    total: int
    limit: int
    offset: int

    @property
    def next_offset(self) -> int | None:
        end = self.offset + len(self.cards)
        return end if end < self.total else None


def select(
    newest_first: Iterable[Card],
    params: Mapping[str, Json],
    *,
    now_ms: int,
    agents: tuple[str, ...],
    is_active: Callable[[str], bool],
) -> Page:
    """Return one page. `params` are those of `sessions.list`; `is_active(key)` says whether a run is going on."""
    cards = _by_flags(newest_first, params)
    owner = params.get("agentId")
    if owner is not None:
        prefix = f"agent:{keys.agent_id(owner)}:"
        cards = [card for card in cards if card.key.startswith(prefix) or card.flags & entries.GLOBAL]
    elif params.get("configuredAgentsOnly"):
        prefixes = tuple(f"agent:{agent}:" for agent in agents)
        cards = [card for card in cards if card.key.startswith(prefixes) or card.key in keys.SENTINELS]
    if params.get("activeMinutes") is not None:
        since = now_ms - params["activeMinutes"] * MINUTE_MS
        cards = [card for card in cards if card.updated_at >= since]
    if params.get("requireLastInteraction"):
        cards = [card for card in cards if card.interacted_at]
    if params.get("activeOnly"):
        cards = [card for card in cards if is_active(card.key)]
    for param, field in EXACT.items():
        if params.get(param) is not None:
            cards = _with_value(cards, field, params[param])
    for param, field in PEOPLE.items():
        if params.get(param) is not None:
            cards = _with_person(cards, field, params[param])
    needle = str(params.get("search") or "").strip().lower()
    if needle:
        cards = _found(cards, needle)
    if params.get("sortBy") == "lastInteractionAt":
        cards.sort(key=lambda card: card.interacted_at, reverse=True)
    pinned = [card for card in cards if card.flags & entries.PINNED]
    if pinned:
        cards = pinned + [card for card in cards if not card.flags & entries.PINNED]
    limit = params.get("limit") or DEFAULT_LIMIT
    offset = params.get("offset") or 0
    return Page(cards[offset : offset + limit], len(cards), limit, offset)


class Selector(NamedTuple):
    """The one thing a `sessions.resolve` goes by: key, sessionId, label or shortId."""

    name: str
    value: str


def selector(params: Mapping[str, Json]) -> Selector:
    """Raises InvalidRequest unless there is exactly one."""
    given = [Selector(name, params[name]) for name in ("key", "sessionId", "label", "shortId") if params.get(name)]
    if len(given) != 1:
        raise InvalidRequest("sessions.resolve needs exactly one of key, sessionId, label, shortId")
    return given[0]


def matching(cards: Iterable[Card], wanted: Selector) -> list[Card]:
    """Return the cards a selector other than `key` means."""
    if wanted.name == "shortId":
        prefix = b'"sessionId":"' + dump(wanted.value)[1:-1]
        near = [card for card in cards if prefix in card.packed]
        return [card for card in near if _field(card, "sessionId").startswith(wanted.value)]
    return _with_value(cards, wanted.name, wanted.value)


def _by_flags(cards: Iterable[Card], params: Mapping[str, Json]) -> list[Card]:
    archived = params.get("archived")
    mask, want = entries.HIDDEN, 0
    if archived != "all":
        mask |= entries.ARCHIVED
        want |= entries.ARCHIVED if archived is True else 0
    if not params.get("includeGlobal"):
        mask |= entries.GLOBAL
    if not params.get("includeUnknown"):
        mask |= entries.UNKNOWN
    if params.get("excludeSubagents"):
        mask |= entries.SUBAGENT
    return [card for card in cards if card.flags & mask == want]


def _with_value(cards: Iterable[Card], field: str, value: Json) -> list[Card]:
    needle = b'"%b":%b' % (field.encode(), dump(value))
    near = [card for card in cards if needle in card.packed]
    return [card for card in near if entries.unpack(card.packed).get(field) == value]


def _with_person(cards: Iterable[Card], field: str, profile_id: str) -> list[Card]:
    needle = b'"id":%b' % dump(profile_id)
    near = [card for card in cards if needle in card.packed]
    return [card for card in near if _names_person(entries.unpack(card.packed).get(field), profile_id)]


def _names_person(value: Json, profile_id: str) -> bool:
    if isinstance(value, list):
        return any(_names_person(one, profile_id) for one in value)
    if isinstance(value, dict):
        return value.get("id") == profile_id or _names_person(value.get("identity"), profile_id)
    return False


def _found(cards: Iterable[Card], needle: str) -> list[Card]:
    # Bytes fold case in ASCII only, so the quick look goes by the longest ASCII piece of what is sought.
    piece = max(_ASCII_RUN.findall(needle), key=len, default="")
    encoded = dump(piece)[1:-1].lower()
    near = [card for card in cards if encoded in card.packed.lower() or piece in card.key.lower()]
    return [card for card in near if needle in card.key.lower() or _mentions(entries.unpack(card.packed), needle)]


def _mentions(entry: Entry, needle: str) -> bool:
    return any(needle in str(entry.get(name) or "").lower() for name in SEARCHED)


def _field(card: Card, name: str) -> str:
    return str(entries.unpack(card.packed).get(name) or "")
