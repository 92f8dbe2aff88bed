"""What a conversation looks like to a client: pages, deltas by cursor, single messages, what is in flight.

Knows transcripts and rows; changes nothing. Invariant: a delta is given only when everything the client has read is
still a prefix of the branch; otherwise it gets the page anew, marked `reset`.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from gw.methods.session_desk import SessionDesk
from gw.methods.turns import Turns
from gw.ports import Json
from gw.session import transcript
from gw.session.book import file_of
from gw.session.entries import Entry
from gw.session.state_log import dump
from gw.session.transcript import Cursor, Numbered

DEFAULT_LIMIT: Final = 200
DEFAULT_CHARS: Final = 200_000  # of one message; chat.message.get gives it whole
MESSAGE_CHARS: Final = 2_000_000


class ChatHistory:
    def __init__(self, desk: SessionDesk, turns: Turns) -> None:
        self._desk = desk
        self._turns = turns

    def answer(self, key: str, params: Mapping[str, Json]) -> dict[str, Json]:
        """The payload of chat.history and chat.startup."""
        entry = self._desk.book.get(key)
        if entry is None:
            return {
                "sessionKey": key,
                "messages": [],
                "pendingInputs": {"items": [], "total": 0},
                "hasMore": False,
                "totalMessages": 0,
                "defaults": self._desk.rows.defaults(),
            }
        shown = self._desk.book.shown(key, entry)
        entry = self._desk.book.get(key) or entry  # reading the transcript may have taken a while
        cursor = transcript.decode_cursor(params["cursor"]) if params.get("cursor") else None
        if cursor is not None and self._is_current(cursor, key, entry):
            return self._delta(key, entry, shown, cursor)
        page = self._page(key, entry, shown, params)
        return {"kind": "reset", **page} if params.get("cursor") else page

    def message(self, key: str, message_id: str, max_chars: int | None) -> dict[str, Json]:
        """The payload of chat.message.get."""
        entry = self._desk.book.get(key)
        for one in self._desk.book.shown(key, entry) if entry is not None else ():
            if one.record["id"] == message_id and one.record["type"] == "message":
                assert entry is not None
                message = transcript.wire_message(one, file_of(entry), max_chars or MESSAGE_CHARS)
                return {"ok": True, "message": message}
        return {"ok": False, "unavailableReason": "not_found"}

    def _page(self, key: str, entry: Entry, shown: Sequence[Numbered], params: Mapping[str, Json]) -> dict[str, Json]:
        found = transcript.messages(shown)
        limit = params.get("limit") or DEFAULT_LIMIT
        end = max(0, len(found) - (params.get("offset") or 0))
        start = max(0, end - limit)
        if params.get("messageId"):
            at = next((n for n, one in enumerate(found) if one.record["id"] == params["messageId"]), None)
            if at is not None:
                start, end = max(0, at - limit // 2), min(len(found), at + limit // 2 + 1)
        chars = params.get("maxChars") or DEFAULT_CHARS
        messages = [transcript.wire_message(one, file_of(entry), chars) for one in found[start:end]]
        kept = _within(messages, params.get("maxBytes"))
        start += len(messages) - len(kept)
        answer: dict[str, Json] = {
            "sessionKey": key,
            "sessionId": entry["sessionId"],
            "messages": kept,
            "pendingInputs": self._pending(key),
            "deltaCursor": self._cursor(key, entry).encode(),
            "hasMore": start > 0,
            "totalMessages": len(found),
            "defaults": self._desk.rows.defaults(),
            "sessionInfo": self._info(key, entry),
        }
        if start > 0:
            answer["nextOffset"] = len(found) - start
        return answer | self._in_flight(key)

    def _delta(self, key: str, entry: Entry, shown: Sequence[Numbered], cursor: Cursor) -> dict[str, Json]:
        new = [one for one in transcript.messages(shown) if one.raw_seq > cursor.last_seq]
        return {
            "kind": "delta",
            "messages": [self._desk.rows.message_payload(key, entry, one) for one in new],
            "deltaCursor": self._cursor(key, entry).encode(),
            "pendingInputs": self._pending(key),
            "sessionInfo": self._info(key, entry),
            **self._in_flight(key),
        }

    def _cursor(self, key: str, entry: Entry) -> Cursor:
        seen = f"{entry['lifecycleRevision']}:{entry.get('_branch') or 0}:{file_of(entry)}"
        generation = sha256(seen.encode()).hexdigest()[:32]
        return Cursor(self._desk.agent_of(key), entry["sessionId"], generation, entry.get("_raw") or 0)

    def _is_current(self, cursor: Cursor, key: str, entry: Entry) -> bool:
        now = self._cursor(key, entry)
        return cursor._replace(last_seq=0) == now._replace(last_seq=0) and 0 <= cursor.last_seq <= now.last_seq

    def _info(self, key: str, entry: Entry) -> dict[str, Json]:
        return {**self._desk.rows.row(key, entry), "activeLeafEntryId": entry.get("_leaf")}

    def _pending(self, key: str) -> dict[str, Json]:
        waiting = self._desk.scheduler.waiting(key)
        items = [{"runId": item.id, "text": item.text, "status": "queued"} for item in waiting]
        return {"items": items, "total": len(items)}

    def _in_flight(self, key: str) -> dict[str, Json]:
        live = self._turns.live_run(key)
        if live is None:
            return {}
        run = {"runId": live.turn.run_id, "text": live.whole_text(), "startedAt": live.started_at_ms}
        return {"inFlightRun": run}


def _within(messages: list[dict[str, Json]], max_bytes: int | None) -> list[dict[str, Json]]:
    """The newest messages that fit; at least one."""
    if max_bytes is None:
        return messages
    left, kept = max_bytes, len(messages)
    for message in reversed(messages):
        left -= len(dump(message))
        if left < 0 and kept < len(messages):
            break
        kept -= 1
    return messages[kept:]
