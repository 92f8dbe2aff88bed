"""The transcript tree: branches, what is visible, cuts, cursors, message shapes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.errors import InvalidRequest
from gw.session import transcript
from gw.session.transcript import Cursor, Record


def message(name: str, parent: str | None, role: str = "user") -> Record:
    return {
        "id": name,
        "parentId": parent,
        "type": "message",
        "at": 1,
        "message": {"role": role, "content": f"text {name}"},
    }


def mark(name: str, parent: str | None, kind: str, **fields: Any) -> Record:
    return {**transcript.mark_record(name, kind, at_ms=1, **fields), "parentId": parent}


# a - b - c        (abandoned)
#      \- L - d    (L: a leaf record, the conversation went on under b)
TREE = [
    message("a", None),
    message("b", "a", "assistant"),
    message("c", "b"),
    mark("L", "b", "leaf"),
    message("d", "L"),
]


def ids(numbered: list[transcript.Numbered]) -> list[str]:
    return [one.record["id"] for one in numbered]


@pytest.mark.parametrize(
    "leaf, expected",
    [("d", ["a", "b", "L", "d"]), ("c", ["a", "b", "c"]), (None, ["a", "b", "L", "d"]), ("gone", [])],
)
def test_a_branch_runs_from_the_root_to_its_leaf(leaf: str | None, expected: list[str]) -> None:
    assert ids(transcript.branch(TREE, leaf)) == expected


def test_messages_are_numbered_in_their_branch_and_in_the_file() -> None:
    path = transcript.messages(transcript.branch(TREE, "d"))
    assert [(one.record["id"], one.seq, one.raw_seq) for one in path] == [("a", 1, 1), ("b", 2, 2), ("d", 3, 5)]


def test_a_reset_hides_what_came_before() -> None:
    records = [*TREE, mark("R", "d", "reset"), message("e", "R")]
    shown = transcript.visible(transcript.branch(records, "e"))
    assert [(one.record["id"], one.seq, one.raw_seq) for one in shown] == [("e", 1, 7)]


def test_a_compaction_hides_what_it_did_not_keep() -> None:
    records = [*TREE, mark("K", "d", "compaction", firstKept="b"), message("e", "K")]
    assert ids(transcript.messages(transcript.visible(transcript.branch(records, "e")))) == ["b", "d", "e"]
    lost = [*TREE, mark("K", "d", "compaction", firstKept="gone"), message("e", "K")]
    assert ids(transcript.messages(transcript.visible(transcript.branch(lost, "e")))) == ["e"]


def test_a_parent_that_is_not_older_ends_the_path() -> None:
    assert ids(transcript.branch([message("a", "b"), message("b", "a")], "b")) == ["a", "b"]
    assert transcript.branch([], "x") == []


def test_branches_are_the_tips_that_show_something() -> None:
    found = transcript.branches(TREE, "d")
    assert [(one.leaf_id, one.message_count, one.active) for one in found] == [("d", 3, True), ("c", 3, False)]
    rewound = [*TREE, mark("M", None, "leaf")]
    assert [(one.leaf_id, one.active) for one in transcript.branches(rewound, "M")] == [("d", False), ("c", False)]
    assert transcript.branches([], None) == []


def test_switching_to_a_tip_does_not_make_it_two() -> None:
    records = [*TREE, mark("M", "c", "leaf")]
    assert [(one.leaf_id, one.active) for one in transcript.branches(records, "M")] == [("M", True), ("d", False)]


def test_a_cut_stands_before_a_user_message_of_the_path() -> None:
    cut = transcript.cut(TREE, "d", "d")
    assert (ids(cut.before), cut.parent_id, cut.text) == (["a", "b", "L"], "L", "text d")


@pytest.mark.parametrize(
    "entry, message",
    [("b", "not a user message"), ("c", "not on the active path"), ("zz", "not found"), ("L", "not a")],
)
def test_other_places_are_no_cuts(entry: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        transcript.cut(TREE, "d", entry)


words = st.text(st.characters(codec="utf-8"))


@given(words, words, words, st.integers(0, 2**40))
def test_cursors_come_back(agent: str, session: str, generation: str, last: int) -> None:
    cursor = Cursor(agent, session, generation, last)
    assert transcript.decode_cursor(cursor.encode()) == cursor


@pytest.mark.parametrize("text", ["", "x", "!!!!", "e30", "bnVsbA", "eyJ2ZXJzaW9uIjoyfQ", "é"])
def test_what_is_no_cursor_is_none(text: str) -> None:
    assert transcript.decode_cursor(text) is None


@given(st.text(max_size=30))
def test_decoding_never_raises(text: str) -> None:
    transcript.decode_cursor(text)


def test_wire_messages_carry_their_place() -> None:
    record = transcript.message_record(
        "m1",
        {"role": "user", "content": "hi", "idempotencyKey": "r:user"},
        at_ms=7,
        facts={"transport": {"clients": []}},
    )
    wire = transcript.wire_message(transcript.Numbered(record, 9, 4), "file")
    assert wire["__openclaw"] == {
        "transport": {"clients": []},
        "id": "m1",
        "idempotencyKey": "r:user",
        "recordTimestampMs": 7,
        "transcriptPosition": {"source": "file", "rawSeq": 9},
        "seq": 4,
    }
    assert "id" not in record["message"]["__openclaw"], "the record itself is not touched"


@pytest.mark.parametrize(
    "content, most, expected, cut",
    [
        ("abcdef", 3, "abc…", True),
        ("abc", 3, "abc", False),
        ([{"type": "text", "text": "abcd"}, {"type": "text", "text": "ef"}], 3, ["abc…", "…"], True),
        ([{"type": "toolCall", "name": "x"}], 3, [None], False),
        (None, 3, None, False),
    ],
)
def test_long_texts_are_cut(content: Any, most: int, expected: Any, cut: bool) -> None:
    record = transcript.message_record("m", {"role": "user", "content": content}, at_ms=1, facts={})
    wire = transcript.wire_message(transcript.Numbered(record, 1, 1), "f", most)
    got = wire["content"]
    assert ([block.get("text") for block in got] if isinstance(got, list) else got) == expected
    assert wire["__openclaw"].get("truncated", False) == cut


@pytest.mark.parametrize(
    "content, text",
    [
        ("x", "x"),
        ([{"type": "text", "text": "a"}, "odd", {"type": "image"}, {"text": "b"}], "a\nb"),
        (None, ""),
        (5, ""),
    ],
)
def test_text_of_any_content(content: Any, text: str) -> None:
    assert transcript.text_of({"content": content}) == text


@pytest.mark.parametrize(
    "message, total, cost",
    [({}, 0, 0), ({"usage": {"totalTokens": 5, "cost": {"total": 0.5}}}, 5, 0.5), ({"usage": {"cost": 2}}, 0, 2)],
)
def test_usage_of_any_message(message: Any, total: int, cost: float) -> None:
    usage = transcript.usage_of(message)
    assert (usage["totalTokens"], usage["cost"]) == (total, cost)


links = st.lists(st.tuples(st.sampled_from(["message", "leaf", "reset"]), st.integers(-1, 20)), max_size=20)


@given(links)
def test_any_tree_has_paths_that_end(steps: list[tuple[str, int]]) -> None:
    records: list[Record] = []
    for n, (kind, parent) in enumerate(steps):
        above = str(parent) if 0 <= parent < n else None
        records.append(message(str(n), above) if kind == "message" else mark(str(n), above, kind))
    for record in records:
        path = transcript.branch(records, record["id"])
        assert path[-1].record is record
        assert [one.raw_seq for one in path] == sorted({one.raw_seq for one in path})
        shown = transcript.messages(transcript.visible(path))
        assert [one.seq for one in shown] == list(range(1, len(shown) + 1))
    found = transcript.branches(records, records[-1]["id"] if records else None)
    assert len({one.leaf_id for one in found}) == len(found)
    assert sum(one.active for one in found) <= 1
