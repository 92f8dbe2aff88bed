"""A transcript: an append-only tree of records, read along the branch that ends in its active leaf.

Knows no files, clocks or randomness. Invariant: a record is never changed; rewinding, switching, resetting and
compacting only append a record, and the last record of a file is always its active leaf.

A record is a dict: `id`, `parentId`, `type` (message | reset | compaction | leaf), `at` (ms) and, for messages,
`message` in the wire's shape; a `leaf` record continues elsewhere in the tree.
Source: openclaw/SESSIONS.md section 2.3.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import ujson

from gw.errors import InvalidRequest
from gw.ports import Json
from gw.session.entries import preview
from gw.session.state_log import dump

Record = dict[str, Json]

HEADLINE_CHARS: Final = 120  # upstream: of a branch
ELLIPSIS: Final = "…"
CURSOR_VERSION: Final = 1


class Numbered(NamedTuple):
    """A record with its place in the file (`raw_seq`) and, for messages, in the branch (`seq`); both from 1."""

    record: Record
    raw_seq: int
    seq: int


class Cursor(NamedTuple):
    """How far a client has read; `generation` changes whenever what it read may no longer be the branch."""

    agent_id: str
    session_id: str
    generation: str
    last_seq: int  # raw

    def encode(self) -> str:
        fields = {
            "agentId": self.agent_id,
            "generation": self.generation,
            "lastSeq": self.last_seq,
            "sessionId": self.session_id,
            "version": CURSOR_VERSION,
        }
        return base64.urlsafe_b64encode(dump(fields)).rstrip(b"=").decode()


def decode_cursor(text: str) -> Cursor | None:
    """Return None for anything that is not a cursor of ours; the client then gets everything anew."""
    try:
        fields = ujson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    match fields:
        case {
            "agentId": str(agent_id),
            "generation": str(generation),
            "lastSeq": int(last_seq),
            "sessionId": str(session_id),
            "version": 1,
        }:
            return Cursor(agent_id, session_id, generation, last_seq)
    return None


def message_record(record_id: str, message: Mapping[str, Json], *, at_ms: int, facts: Mapping[str, Json]) -> Record:
    """`facts` become the message's `__openclaw` object (transport, runId, ...); the id and numbers come on reading."""
    return {
        "id": record_id,
        "parentId": None,
        "type": "message",
        "at": at_ms,
        "message": {**message, "__openclaw": dict(facts)} if facts else dict(message),
    }


def mark_record(record_id: str, kind: str, *, at_ms: int, **fields: Json) -> Record:
    """A record that is no message: reset, compaction or leaf."""
    return {"id": record_id, "parentId": None, "type": kind, "at": at_ms, **fields}


def parse(lines: Iterable[bytes]) -> list[Record]:
    return [ujson.loads(line) for line in lines]


def branch(records: Sequence[Record], leaf_id: str | None) -> list[Numbered]:
    """Return the records from the root to the leaf, numbered. Without a leaf: the last record is the leaf."""
    if not records:
        return []
    places = {record["id"]: place for place, record in enumerate(records)}
    at = places.get(leaf_id) if leaf_id is not None else len(records) - 1
    path: list[int] = []
    while at is not None:
        path.append(at)
        parent = places.get(records[at].get("parentId"))
        at = parent if parent is not None and parent < at else None  # a parent is always older: no cycles
    numbered, seq = [], 0
    for place in reversed(path):
        seq += records[place]["type"] == "message"
        numbered.append(Numbered(records[place], place + 1, seq))
    return numbered


def visible(path: Sequence[Numbered]) -> list[Numbered]:
    """Return what the conversation shows of a branch: everything since its last reset and, of that, what its last
    compaction kept; numbered from 1 again. What is hidden stays in the file."""
    start = 0
    for at, one in enumerate(path):
        if one.record["type"] == "reset":
            start = at + 1
        elif one.record["type"] == "compaction":
            kept = one.record["firstKept"]
            start = next((n for n in range(start, at) if path[n].record["id"] == kept), at)
    before = path[start - 1].seq if start else 0
    return [one._replace(seq=one.seq - before) for one in path[start:]]


def messages(path: Iterable[Numbered]) -> list[Numbered]:
    return [one for one in path if one.record["type"] == "message"]


def wire_message(one: Numbered, source: str, max_chars: int | None = None) -> dict[str, Json]:
    """The message as chat.history and session.message show it; longer texts than `max_chars` are cut."""
    record = one.record
    message: dict[str, Json] = dict(record["message"])
    facts: dict[str, Json] = dict(message.get("__openclaw") or {})
    facts["id"] = record["id"]
    if "idempotencyKey" in message:
        facts["idempotencyKey"] = message["idempotencyKey"]
    facts |= {
        "recordTimestampMs": record["at"],
        "transcriptPosition": {"source": source, "rawSeq": one.raw_seq},
        "seq": one.seq,
    }
    if max_chars is not None and _cut_content(message, max_chars):
        facts["truncated"] = True
    message["__openclaw"] = facts
    return message


def text_of(message: Mapping[str, Json]) -> str:
    """The text of a message, whatever shape its content has."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (block.get("text") for block in content if isinstance(block, dict))
    return "\n".join(part for part in parts if isinstance(part, str))


class Branch(NamedTuple):
    leaf_id: str
    headline: str
    message_count: int
    updated_at_ms: int
    active: bool


def branches(records: Sequence[Record], active_leaf: str | None) -> list[Branch]:
    """Return every branch that shows something: the active one first, then newest first.

    A branch ends in the active leaf, or in a message that no other message follows.
    """
    if not records:
        return []
    by_id = {record["id"]: record for record in records}
    leaf = by_id.get(active_leaf) or records[-1]
    followed = {_message_above(record, by_id) for record in records if record["type"] == "message"}
    tips = [record for record in records if record["type"] == "message" and record["id"] not in followed]
    here = leaf["id"] if leaf["type"] == "message" else _message_above(leaf, by_id)
    others = [record["id"] for record in reversed(tips) if record["id"] != here]
    found = []
    for tip in (leaf["id"], *others):
        shown = messages(visible(branch(records, tip)))
        if shown:
            last = shown[-1].record
            headline = preview(text_of(last["message"]), HEADLINE_CHARS)
            found.append(Branch(tip, headline, len(shown), last["at"], tip == leaf["id"]))
    return found


def _message_above(record: Record, by_id: Mapping[str, Record]) -> str | None:
    """The nearest message a record stands under."""
    above = by_id.get(record.get("parentId") or "")
    while above is not None and above["type"] != "message":
        above = by_id.get(above.get("parentId") or "")
    return above["id"] if above is not None else None


def usage_of(message: Mapping[str, Json]) -> dict[str, float]:
    """Token counts and cost of one assistant message; zeros when it carries none."""
    usage = message.get("usage") or {}
    cost = usage.get("cost") or {}
    counts = {name: usage.get(name) or 0 for name in ("input", "output", "cacheRead", "cacheWrite", "totalTokens")}
    return {**counts, "cost": (cost.get("total") if isinstance(cost, dict) else cost) or 0}


class Cut(NamedTuple):
    """A place before one user message, to rewind to or to fork from."""

    before: list[Numbered]  # the visible path up to it
    parent_id: str | None  # the leaf there
    text: str  # of the message that is cut away, for the editor


def cut(records: Sequence[Record], leaf_id: str | None, entry_id: str) -> Cut:
    """Raises InvalidRequest unless the entry is a user message on the active path."""
    path = visible(branch(records, leaf_id))
    at = next((n for n, one in enumerate(path) if one.record["id"] == entry_id), None)
    if at is None:
        known = any(record["id"] == entry_id for record in records)
        problem = "is not on the active path" if known else "not found"
        raise InvalidRequest(f"message entry {problem}: {entry_id}")
    record = path[at].record
    if record["type"] != "message" or record["message"].get("role") != "user":
        raise InvalidRequest(f"entry is not a user message: {entry_id}")
    return Cut(path[:at], record["parentId"], text_of(record["message"]))


def _cut_content(message: dict[str, Json], max_chars: int) -> bool:
    content = message.get("content")
    if isinstance(content, str):
        if len(content) <= max_chars:
            return False
        message["content"] = content[:max_chars] + ELLIPSIS
        return True
    if not isinstance(content, list):
        return False
    left, cut, blocks = max_chars, False, []
    for block in content:
        text = block.get("text") if isinstance(block, dict) else None
        if isinstance(text, str):
            if len(text) > left:
                block, cut = {**block, "text": text[: max(0, left)] + ELLIPSIS}, True
            left -= len(text)
        blocks.append(block)
    message["content"] = blocks
    return cut
