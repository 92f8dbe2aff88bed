"""What a conversation looks like to a client: pages, deltas by cursor, single messages, what is in flight.

Knows transcripts and rows; changes nothing. Invariant: a delta is given only when everything the client has read is
still a prefix of the branch; otherwise it is told to fetch the page anew.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from gw._native.filehash import sha256
from gw.errors import InvalidRequest
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
DELTA_RECORDS: Final = 200  # upstream: more than this is a reset
PENDING_ITEMS: Final = 20  # upstream
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
        receipts = self._receipts(shown, params["inputRunIds"]) if params.get("inputRunIds") else {}
        if params.get("cursor"):
            return self._since(transcript.decode_cursor(params["cursor"]), key, entry, shown) | receipts
        return self._page(key, entry, shown, params) | receipts

    def check_leaf(self, key: str, params: Mapping[str, Json]) -> None:
        """The branch the caller saw must be the active one: its leaf, or with the session id an older entry of it.

        Raises InvalidRequest (active-leaf-changed).
        """
        if "expectedLeafEntryId" not in params or params.get("queueMode") == "steer":
            return
        expected, entry = params["expectedLeafEntryId"], self._desk.book.get(key)
        if expected == (entry.get("_leaf") if entry is not None else None):
            return
        if entry is not None and expected is None and not entry.get("_count"):
            return
        same = entry is not None and params.get("sessionId") == entry["sessionId"]
        if entry is None or not same or not self._is_on_path(key, entry, expected):
            raise InvalidRequest("active branch changed; review and retry", details={"reason": "active-leaf-changed"})

    def _is_on_path(self, key: str, entry: Entry, record_id: str | None) -> bool:
        return any(one.record["id"] == record_id for one in self._desk.book.shown(key, entry))

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

    def _since(self, cursor: Cursor | None, key: str, entry: Entry, shown: Sequence[Numbered]) -> dict[str, Json]:
        """What came after a cursor; `reset` asks the client to fetch the page anew."""
        now = self._cursor(key, entry)
        known = cursor is not None and cursor._replace(last_seq=0) == now._replace(last_seq=0)
        if cursor is None or not known or not 0 <= now.last_seq - cursor.last_seq <= DELTA_RECORDS:
            return {"kind": "reset"}
        new = [one for one in transcript.messages(shown) if one.raw_seq > cursor.last_seq]
        return {
            "kind": "delta",
            "messages": [self._desk.rows.message_payload(key, entry, one) for one in new],
            "deltaCursor": now.encode(),
            "pendingInputs": self._pending(key),
            "sessionInfo": self._info(key, entry),
            **self._in_flight(key),
        }

    def _cursor(self, key: str, entry: Entry) -> Cursor:
        seen = f"{entry['lifecycleRevision']}:{entry.get('_branch') or 0}:{file_of(entry)}"
        generation = sha256(seen.encode()).hexdigest()[:32]
        return Cursor(self._desk.agent_of(key), entry["sessionId"], generation, entry.get("_raw") or 0)

    def _info(self, key: str, entry: Entry) -> dict[str, Json]:
        return {**self._desk.rows.row(key, entry), "activeLeafEntryId": entry.get("_leaf")}

    def _pending(self, key: str) -> dict[str, Json]:
        waiting = self._desk.scheduler.waiting(key)
        items = [
            {
                "id": item.id,
                "runId": item.id,
                "message": {"role": "user", "content": item.text, "timestamp": item.at_ms},
                "acceptedAt": item.at_ms,
                "state": "queued",
            }
            for item in waiting[:PENDING_ITEMS]
        ]
        return {"items": items, "total": len(waiting)}

    def _receipts(self, shown: Sequence[Numbered], run_ids: Sequence[str]) -> dict[str, Json]:
        """What became of inputs the client still shows as pending."""
        consumed = {
            str(one.record["message"].get("idempotencyKey")).removesuffix(":user"): one.record["id"]
            for one in transcript.messages(shown)
        }
        receipts: list[dict[str, Json]] = []
        for run_id in run_ids:
            if run_id in consumed:
                receipts.append({"runId": run_id, "state": "consumed", "consumedByEventId": consumed[run_id]})
            elif self._turns.is_open(run_id):
                receipts.append({"runId": run_id, "state": "pending"})
        return {"inputReceipts": receipts}

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
