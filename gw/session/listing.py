"""Choosing and ordering sessions: the filters of `sessions.list`, over cards, in one pass per filter.

Knows nothing of rows or stores. Invariant: a quick look (flags, text) may say yes too often; the entry itself then
decides.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from gw.errors import InvalidRequest
from gw.ports import Json
from gw.session import entries, keys
from gw.session.entries import Card
from gw.session.state_log import dump

DEFAULT_LIMIT: Final = 100
MINUTE_MS: Final = 60_000
# Parameters that ask for one value of an entry field, and the flag of the cards that have one.
EXACT: Final[Mapping[str, int]] = {"boardFace": entries.FACED, "spawnedBy": entries.SPAWNED}
# Parameters that ask for an entry whose field holds a profile with this id.
PEOPLE: Final[Mapping[str, tuple[str, ...]]] = {
    "ownerId": ("owner",),
    "creatorId": ("createdActor",),
    "involvingProfileId": ("owner", "createdActor"),
}
# What may be the beginning of a session id.
_IDLIKE: Final = re.compile(r"[0-9a-f-]{6,36}")


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
    if params.get("label") is not None:
        cards = _labelled(cards, params["label"])
    for field, flag in EXACT.items():
        if params.get(field) is not None:
            cards = [card for card in cards if card.flags & flag and card.entry().get(field) == params[field]]
    for param, fields in PEOPLE.items():
        if params.get(param) is not None:
            cards = [card for card in cards if card.flags & entries.OWNED and _names(card, fields, params[param])]
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
    if wanted.name == "label":
        return _labelled(cards, wanted.value)
    near = _beginning(cards, wanted.value)
    if wanted.name == "shortId":
        return near
    return [card for card in near if card.entry()["sessionId"] == wanted.value]


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


def _labelled(cards: Iterable[Card], label: str) -> list[Card]:
    text = label.lower()
    line = f"\n{text}\n"
    near = [card for card in cards if text in card.text and line in f"\n{card.text[entries.ID_CHARS :]}\n"]
    return [card for card in near if card.entry().get("label") == label]


def _beginning(cards: Iterable[Card], session_id: str) -> list[Card]:
    """Cards whose session id, which stands first in a packed entry, begins like this."""
    short = session_id[: entries.ID_CHARS]
    start = b"[" + dump(session_id)[:-1]
    return [card for card in cards if card.text.startswith(short) and card.packed.startswith(start)]


def _found(cards: Sequence[Card], needle: str) -> list[Card]:
    """Cards that have the needle in what people read; if none has, those whose session id begins with it."""
    may_be_id = _IDLIKE.fullmatch(needle) is not None
    part = needle[: entries.ID_CHARS] if may_be_id else needle
    near = [card for card in cards if part in card.text or part in card.key]
    found = [card for card in near if card.text.find(needle, entries.ID_CHARS) >= 0 or needle in card.key]
    return found if found or not may_be_id else _beginning(near, needle)


def _names(card: Card, fields: Sequence[str], profile_id: str) -> bool:
    entry = card.entry()
    return any(_names_person(entry.get(field), profile_id) for field in fields)


def _names_person(value: Json, profile_id: str) -> bool:
    if not isinstance(value, dict):
        return False
    return value.get("id") == profile_id or _names_person(value.get("identity"), profile_id)
