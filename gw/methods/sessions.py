"""The session methods that read and subscribe: list, describe, resolve, preview, get, search, subscriptions.

Knows no store and changes nothing. Invariant: an answer carries the canonical key (preview, which echoes the caller's
spelling, excepted), and a session nobody has used is not invented.
"""

from collections.abc import Mapping
from typing import Final

from gw.errors import InvalidRequest
from gw.methods.events import EventBus
from gw.methods.kept_answers import KeptAnswers
from gw.methods.router import Call, rpc
from gw.methods.session_desk import SessionDesk
from gw.ports import Json
from gw.session import entries, keys, listing, transcript
from gw.session.book import file_of
from gw.session.entries import Card, Entry
from gw.session.transcript import Numbered
from gw.wire.json import Encoded, dumps

PREVIEW_KEYS: Final = 64
PREVIEW_ITEMS: Final = 12
GET_LIMIT: Final = 200
SEARCH_LIMIT: Final = 10
SEARCH_SESSIONS: Final = 200  # newest sessions whose transcripts a search may read
CANDIDATES: Final = 10


class Sessions:
    def __init__(self, desk: SessionDesk, bus: EventBus) -> None:
        self._desk = desk
        self._bus = bus
        self._pages = KeptAnswers()

    # --- reading ----------------------------------------------------------------------------------------------

    @rpc("sessions.list", inline=True)
    def page(self, call: Call) -> Json:
        """Clients ask for it at every turn: while no run and no entry changes, the answer is that of this second.

        Inline, for it never waits; a greenlet would not make the rare long one (100,000 sessions: 20 ms) any shorter.
        """
        desk = self._desk
        if desk.scheduler.running or desk.scheduler.pending:
            return self._list(call.params)
        question = bytes(call.raw)
        kept = self._pages.get(question, (desk.book.revision, desk.clock.now_ms() // 1000))
        return kept or self._pages.keep(question, Encoded(dumps(self._list(call.params))))

    @rpc("sessions.describe", inline=True)
    def describe(self, call: Call) -> Json:
        key = self._desk.key(call.params)
        entry = self._desk.book.get(key)
        return {"session": None if entry is None else self._row(key, entry, call.params)}

    @rpc("sessions.resolve")
    def resolve(self, call: Call) -> Json:
        params = call.params
        reference = params.get("reference")
        if isinstance(reference, dict):
            params = {**params, "key": reference.get("key")}
        wanted = listing.selector(params)
        if wanted.name == "key":
            key = self._desk.key(params)
            found = [key] if key in self._desk.book else []
        else:
            cards = listing.matching(self._desk.book.newest_first(), wanted)
            found = [card.key for card in _of_agent(cards, params.get("agentId"))]
        if len(found) == 1:
            return self._resolved(found[0])
        if found and wanted.name == "shortId":
            return {"ok": False, "candidates": [self._resolved(key) for key in found[:CANDIDATES]]}
        if found:
            raise InvalidRequest(f"{len(found)} sessions match {wanted.name} {wanted.value}")
        if params.get("allowMissing"):
            return {"ok": False}
        raise InvalidRequest(f"No session found: {wanted.value}")

    @rpc("sessions.preview")
    def preview(self, call: Call) -> Json:
        limit = call.params.get("limit") or PREVIEW_ITEMS
        max_chars = call.params.get("maxChars") or entries.PREVIEW_CHARS
        asked = call.params["keys"][:PREVIEW_KEYS]
        previews = [self._preview(one, limit, max_chars) for one in asked]
        return {"ts": self._desk.clock.now_ms(), "previews": previews}

    @rpc("sessions.get")
    def get(self, call: Call) -> Json:
        """Has no published parameter shape, so it looks for itself."""
        params = call.params
        asked = params.get("key") or params.get("sessionKey")
        if not isinstance(asked, str):
            raise InvalidRequest("key required")
        key = self._desk.key({**params, "key": asked})
        entry = self._desk.need(key, asked)
        limit = int(params.get("limit") or GET_LIMIT)
        shown = _last(transcript.messages(self._desk.book.shown(key, entry)), limit)
        return {"messages": [transcript.wire_message(one, file_of(entry)) for one in shown]}

    @rpc("sessions.search")
    def search(self, call: Call) -> Json:
        params = call.params
        needle = params["query"].lower()
        limit = params.get("limit") or SEARCH_LIMIT
        if params.get("sessionKeys"):
            chosen = [self._desk.key({**params, "key": key}) for key in params["sessionKeys"]]
        else:
            cards = _of_agent(list(self._desk.book.newest_first())[:SEARCH_SESSIONS], params.get("agentId"))
            chosen = [card.key for card in cards]
        hits: list[dict[str, Json]] = []
        for key in chosen:
            entry = self._desk.book.get(key)
            if entry is not None and len(hits) < limit:
                hits += self._hits(key, entry, needle, limit - len(hits))
        return {"results": hits, "truncated": len(hits) == limit}

    # --- subscriptions ----------------------------------------------------------------------------------------

    @rpc("sessions.subscribe")
    def subscribe(self, call: Call) -> Json:
        self._bus.subscribe_sessions(call.client)
        if not call.params:
            return {"subscribed": True}
        return {"subscribed": True, "list": self._list(call.params)}

    @rpc("sessions.messages.subscribe", inline=True)
    def subscribe_messages(self, call: Call) -> Json:
        key = self._desk.key(call.params)
        approvals = bool(call.params.get("includeApprovals")) and "operator.approvals" in call.info.scopes
        self._bus.subscribe_messages(call.client, key, approvals=approvals)
        answer: dict[str, Json] = {"subscribed": True, "key": key}
        if approvals:
            answer["approvalReplay"] = {
                "sessionKey": key,
                "updatedAtMs": self._desk.clock.now_ms(),
                "approvals": [],
                "truncated": False,
            }
        return answer

    @rpc("sessions.messages.unsubscribe", inline=True)
    def unsubscribe_messages(self, call: Call) -> Json:
        key = self._desk.key(call.params)
        self._bus.unsubscribe_messages(call.client, key)
        return {"subscribed": False, "key": key}

    # --- inside -----------------------------------------------------------------------------------------------

    def _list(self, params: Mapping[str, Json]) -> dict[str, Json]:
        desk = self._desk
        if params.get("spawnedBy") is not None:
            params = {**params, "spawnedBy": desk.key({"key": params["spawnedBy"]})}
        page = listing.select(
            desk.book.newest_first(),
            params,
            now_ms=desk.clock.now_ms(),
            agents=desk.config.rules.agents,
            is_active=desk.scheduler.is_busy,
        )
        answer: dict[str, Json] = {
            "ts": desk.clock.now_ms(),
            "path": desk.book.path,
            "count": len(page.cards),
            "totalCount": page.total,
            "limitApplied": page.limit,
            "nextOffset": page.next_offset,
            "hasMore": page.next_offset is not None,
            "owners": [],
            "defaults": desk.rows.defaults(),
            "sessions": [self._row(card.key, card.entry(), params) for card in page.cards],
        }
        if page.offset:
            answer["offset"] = page.offset
        return answer

    def _row(self, key: str, entry: Entry, params: Mapping[str, Json]) -> dict[str, Json]:
        return self._desk.rows.row(
            key,
            entry,
            titles=bool(params.get("includeDerivedTitles")),
            last=bool(params.get("includeLastMessage")),
        )

    def _resolved(self, key: str) -> dict[str, Json]:
        entry = self._desk.book.get(key) or {}
        answer: dict[str, Json] = {"ok": True, "key": key, "agentId": self._desk.agent_of(key)}
        answer.update((name, entry[name]) for name in ("displayName", "boardFace") if entry.get(name))
        return answer

    def _preview(self, asked: str, limit: int, max_chars: int) -> dict[str, Json]:
        try:
            key = self._desk.key({"key": asked})
        except InvalidRequest:
            return {"key": asked, "status": "error", "items": []}
        entry = self._desk.book.get(key)
        if entry is None:
            return {"key": asked, "status": "missing", "items": []}
        shown = _last(transcript.messages(self._desk.book.shown(key, entry)), limit)
        items = [_preview_item(one, max_chars) for one in shown]
        return {"key": asked, "status": "ok" if items else "empty", "items": items}

    def _hits(self, key: str, entry: Entry, needle: str, limit: int) -> list[dict[str, Json]]:
        found: list[dict[str, Json]] = []
        for one in reversed(transcript.messages(self._desk.book.shown(key, entry))):
            if one.record["message"].get("role") not in ("user", "assistant"):
                continue
            text = transcript.text_of(one.record["message"])
            at = text.lower().find(needle)
            if at >= 0 and len(found) < limit:
                found.append(
                    {
                        "sessionKey": key,
                        "sessionId": entry["sessionId"],
                        "messageId": one.record["id"],
                        "role": one.record["message"].get("role"),
                        "timestamp": one.record["at"],
                        "snippet": entries.preview(text[max(0, at - 80) :], entries.PREVIEW_CHARS),
                        "score": 1 / (1 + len(found)),
                    }
                )
        return found


def _preview_item(one: Numbered, max_chars: int) -> dict[str, Json]:
    message = one.record["message"]
    return {"role": message.get("role"), "text": entries.preview(transcript.text_of(message), max_chars)}


def _last(shown: list[Numbered], limit: int) -> list[Numbered]:
    return shown[-limit:] if limit > 0 else []


def _of_agent(cards: list[Card], agent: str | None) -> list[Card]:
    if agent is None:
        return cards
    prefix = f"agent:{keys.agent_id(agent)}:"
    return [card for card in cards if card.key.startswith(prefix)]
