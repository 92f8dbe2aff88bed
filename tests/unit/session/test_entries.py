"""Entries: packed and unpacked, patched, reset; what a card shows without unpacking."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.errors import InvalidRequest
from gw.session import entries

KEY = "agent:main:x"


def new(key: str = KEY, **fields: Any) -> entries.Entry:
    return entries.new(key, now_ms=1000, session_id="s-1", revision="r-1") | fields


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from([*entries.PLACED, *entries.DEFAULTS, "label", "owner", "_people", "pluginState"])


@given(st.dictionaries(names, values, max_size=12))
def test_packing_keeps_everything_that_is_not_null(fields: dict[str, Any]) -> None:
    entry = new() | {name: value for name, value in fields.items() if value is not None}
    assert entries.unpack(entries.pack(entry)) == {**entries.DEFAULTS, **entry}


def test_the_stored_order_is_for_ever() -> None:
    """A change of this order would read every stored session wrong."""
    packed = entries.pack(new(label="L"))
    assert packed.startswith(b'["s-1","r-1",1000,1000,1000,null,null,null,null,null,null,null,null,null,null,null,{')
    assert len(entries.PLACED) == 16


@pytest.mark.parametrize(
    "packed",
    [b"{}", b'{"sessionId":"s","updatedAt":1}', b"[]", b'["s"]', b"nonsense", b"17", b"[" + b"0," * 16 + b"0]"],
)
def test_what_pack_did_not_write_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError):
        entries.unpack(packed)
    with pytest.raises(ValueError):
        entries.card_of(KEY, packed)


@pytest.mark.parametrize(
    "key, fields, flag",
    [
        (KEY, {"archivedAt": 5}, entries.ARCHIVED),
        (KEY, {"pinnedAt": 5}, entries.PINNED),
        (KEY, {"spawnedBy": "x"}, entries.SPAWNED),
        (KEY, {"owner": {"id": "a"}}, entries.OWNED),
        (KEY, {"createdActor": {"id": "a"}}, entries.OWNED),
        (KEY, {"boardFace": "chat"}, entries.FACED),
        ("global", {}, entries.GLOBAL),
        ("unknown", {}, entries.UNKNOWN),
        ("agent:main:internal-session-effects:q", {}, entries.HIDDEN),
        ("agent:main:subagent:1", {}, entries.SUBAGENT),
        (KEY, {"archivedAt": None, "label": "archivedAt"}, 0),
    ],
)
def test_flags_are_the_same_from_an_entry_and_from_the_disk(key: str, fields: dict[str, Any], flag: int) -> None:
    entry = new(key, **fields)
    made, read = entries.card(key, entry), entries.card_of(key, entries.pack(entry))
    assert made.flags == read.flags == flag
    assert (made.text, made.updated_at, made.interacted_at) == (read.text, read.updated_at, read.interacted_at)


def test_a_cards_text_is_what_people_search_for() -> None:
    entry = new("agent:main:signal:group:AbC", label="My LABEL", _title="The Title")
    card = entries.card("agent:main:signal:group:AbC", entry)
    assert card.text[entries.ID_CHARS :] == "the title\nmy label\nagent:main:signal:group:abc"


@pytest.mark.parametrize("session_id, start", [("Abcdef12-3456", "Abcdef12"), ("s", "s       "), ('"İ', '"İ      ')])
def test_a_cards_text_begins_with_the_session_id_as_it_is(session_id: str, start: str) -> None:
    assert entries.card("agent:main:main", new("agent:main:main", sessionId=session_id)).text == start


def test_a_new_entry_knows_where_its_key_points() -> None:
    entry = new("agent:main:telegram:work:direct:5:thread:7")
    assert (entry["chatType"], entry["delivery"]) == (
        "direct",
        {"kind": "external", "channel": "telegram", "to": "5", "accountId": "work", "threadId": "7"},
    )


def test_public_hides_what_is_ours() -> None:
    assert not any(name.startswith("_") for name in entries.public(new(_leaf="x", label="L")))


def test_a_manual_reset_keeps_the_session_and_forgets_the_run() -> None:
    entry = new(label="L", groupActivation="always", inputTokens=5, status="done", _count=3, _leaf="x", _title="t")
    fresh = entries.reset(entry, now_ms=2000, revision="r-2")
    assert (fresh["sessionId"], fresh["lifecycleRevision"], fresh["sessionStartedAt"]) == ("s-1", "r-2", 2000)
    assert (fresh["label"], fresh["groupActivation"], fresh["_count"], fresh["_leaf"]) == ("L", "always", 0, "x")
    assert not {"status", "inputTokens", "_title"} & set(fresh)


def test_an_automatic_reset_is_a_new_session() -> None:
    fresh = entries.reset(new(_leaf="x", _raw=4), now_ms=2000, revision="r-2", session_id="s-2")
    assert (fresh["sessionId"], fresh["previousSessionId"]) == ("s-2", "s-1")
    assert not {"_leaf", "_raw"} & set(fresh)


def test_patching_words_in_any_case() -> None:
    assert entries.patch(new(), {"thinkingLevel": "HIGH"}, now_ms=1, actor="a")["thinkingLevel"] == "high"
    with pytest.raises(InvalidRequest, match="invalid reasoningLevel"):
        entries.patch(new(), {"reasoningLevel": "loud"}, now_ms=1, actor="a")


@pytest.mark.parametrize(
    "fields, unread",
    [
        ({}, False),
        ({"markedUnreadAt": 1}, True),
        ({"lastActivityAt": 5}, True),
        ({"lastActivityAt": 5, "lastReadAt": 5}, False),
        ({"lastActivityAt": 5, "lastReadAt": 4}, True),
    ],
)
def test_unread(fields: dict[str, Any], unread: bool) -> None:
    assert entries.is_unread(new(**fields)) == unread


def test_a_runs_life_is_counted() -> None:
    entry = new()
    entries.run_started(entry, run_id="r", now_ms=10)
    assert (entry["status"], entry["startedAt"], entry["lastRunId"]) == ("running", 10, "r")
    entries.run_ended(entry, status="done", now_ms=30, usage={"input": 5, "output": 2, "totalTokens": 7})
    entries.run_started(entry, run_id="r2", now_ms=40)
    assert "endedAt" not in entry
    entries.run_ended(entry, status="failed", now_ms=50, error="e", usage={"input": 1})
    assert (entry["inputTokens"], entry["outputTokens"], entry["totalTokens"]) == (6, 2, 7)
    assert (entry["status"], entry["lastRunError"], entry["lastActivityAt"]) == ("failed", "e", 50)


@pytest.mark.parametrize(
    "text, most, expected",
    [("a  b\n c", 10, "a b c"), ("abcdef", 4, "abc…"), ("ab cdef", 4, "ab…"), ("", 5, ""), ("x" * 1000, 3, "xx…")],
)
def test_preview(text: str, most: int, expected: str) -> None:
    assert entries.preview(text, most) == expected


def test_the_first_words_of_a_user_are_the_title() -> None:
    entry = new()
    for text, role in (("reply", "assistant"), ("first", "user"), ("second", "user")):
        entries.said(entry, text, role)
    assert (entry["_title"], entry["_preview"], entry["_count"]) == ("first", "second", 3)
