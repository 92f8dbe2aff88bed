"""Listing against an obvious twin that unpacks every entry; selectors."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw.errors import InvalidRequest
from gw.session import entries, listing

NOW = 1_790_000_000_000
KEYS = ["agent:main:main", "agent:main:x", "agent:ops:y", "global", "unknown", "agent:main:subagent:z", "agent:main:Ä"]

made = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.fixed_dictionaries(
            {"updatedAt": st.integers(NOW - 200_000, NOW)},
            optional={
                "lastInteractionAt": st.integers(1, NOW),
                "label": st.sampled_from(["Alpha", "beta ÄÖ", "al", "two\nlines"]),
                "_title": st.sampled_from(["Hello", "alphabet"]),
                "archivedAt": st.just(5),
                "pinnedAt": st.just(5),
                "spawnedBy": st.just("agent:main:main"),
                "boardFace": st.just("chat"),
                "owner": st.just({"identity": {"id": "ann"}}),
                "createdActor": st.just({"id": "bob"}),
            },
        ),
    ),
    max_size=8,
)
asked = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(1, 3),
        "offset": st.integers(0, 4),
        "archived": st.sampled_from([True, False, "all"]),
        "includeGlobal": st.booleans(),
        "includeUnknown": st.booleans(),
        "excludeSubagents": st.booleans(),
        "agentId": st.sampled_from(["main", "OPS"]),
        "configuredAgentsOnly": st.booleans(),
        "activeMinutes": st.integers(1, 3),
        "requireLastInteraction": st.booleans(),
        "label": st.sampled_from(["Alpha", "al", "two\nlines", "lines"]),
        "search": st.sampled_from(["ALPHA", "ä", "subagent", "none"]),
        "spawnedBy": st.sampled_from(["agent:main:main", "other"]),
        "boardFace": st.sampled_from(["chat", "dashboard"]),
        "ownerId": st.sampled_from(["ann", "bob"]),
        "creatorId": st.sampled_from(["ann", "bob"]),
        "involvingProfileId": st.sampled_from(["ann", "bob"]),
        "sortBy": st.sampled_from(["updatedAt", "lastInteractionAt"]),
    },
)


def slow(rows: list[tuple[str, dict[str, Any]]], params: dict[str, Any]) -> list[str]:
    """What the words of the parameters mean, one entry after the other."""
    kept = [(key, entry) for key, entry in rows if keeps(key, entry, params)]
    if params.get("sortBy") == "lastInteractionAt":
        kept.sort(key=lambda row: -(row[1].get("lastInteractionAt") or 0))
    kept.sort(key=lambda row: not row[1].get("pinnedAt"))
    return [key for key, _ in kept]


def keeps(key: str, entry: dict[str, Any], params: dict[str, Any]) -> bool:
    agent = key.split(":")[1] if key.startswith("agent:") else None
    wanted = (params.get("agentId") or "").lower()
    text = " ".join(str(entry.get(name, "")) for name in ("label", "_title")) + " " + key
    archived = params.get("archived", False)
    people = {"ownerId": ["owner"], "creatorId": ["createdActor"], "involvingProfileId": ["owner", "createdActor"]}
    return all(
        [
            archived == "all" or bool(entry.get("archivedAt")) == archived,
            key != "global" or bool(params.get("includeGlobal")),
            key != "unknown" or bool(params.get("includeUnknown")),
            ":subagent:" not in key or not params.get("excludeSubagents"),
            not wanted or agent == wanted or key == "global",
            wanted or not params.get("configuredAgentsOnly") or agent in (None, "main"),
            not params.get("activeMinutes") or entry["updatedAt"] >= NOW - params["activeMinutes"] * 60_000,
            not params.get("requireLastInteraction") or bool(entry.get("lastInteractionAt")),
            params.get("label") in (None, entry.get("label")),
            params.get("spawnedBy") in (None, entry.get("spawnedBy")),
            params.get("boardFace") in (None, entry.get("boardFace")),
            (params.get("search") or "").lower() in text.lower(),
            *(
                params.get(name) is None or any(params[name] in str(entry.get(field)) for field in fields)
                for name, fields in people.items()
            ),
        ]
    )


@settings(max_examples=400)
@given(made, asked)
def test_a_page_is_what_the_words_mean(rows: list[tuple[str, dict[str, Any]]], params: dict[str, Any]) -> None:
    unique = {key: {**fields, "sessionId": f"s-{n}"} for n, (key, fields) in enumerate(rows)}
    newest = sorted(unique.items(), key=lambda row: -row[1]["updatedAt"])
    cards = [entries.card(key, entry) for key, entry in newest]
    page = listing.select(cards, params, now_ms=NOW, agents=("main",), is_active=lambda key: False)
    expected = slow(newest, params)
    start, size = params.get("offset", 0), params.get("limit", 100)
    assert page.total == len(expected)
    assert [card.key for card in page.cards] == expected[start : start + size]
    end = start + len(page.cards)
    assert page.next_offset == (end if end < len(expected) else None)


def test_active_only_asks_who_is_active() -> None:
    cards = [entries.card(key, {"updatedAt": 1, "sessionId": "s"}) for key in ("agent:main:a", "agent:main:b")]
    page = listing.select(
        cards, {"activeOnly": True}, now_ms=NOW, agents=("main",), is_active=lambda key: key.endswith("b")
    )
    assert [card.key for card in page.cards] == ["agent:main:b"]


@pytest.mark.parametrize("params", [{}, {"key": "a", "label": "b"}, {"sessionId": "", "shortId": ""}])
def test_exactly_one_selector(params: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="exactly one"):
        listing.selector(params)


@pytest.mark.parametrize(
    "wanted, expected",
    [
        (listing.Selector("sessionId", "abc-1"), ["a"]),
        (listing.Selector("sessionId", "abc"), []),
        (listing.Selector("shortId", "abc"), ["a", "b"]),
        (listing.Selector("shortId", '"'), []),
        (listing.Selector("label", "L"), ["b"]),
        (listing.Selector("label", "l"), []),
    ],
)
def test_matching(wanted: listing.Selector, expected: list[str]) -> None:
    rows = {
        "a": {"sessionId": "abc-1"},
        "b": {"sessionId": "abc-2", "label": "L"},
        "c": {"sessionId": "x", "label": "LL"},
    }
    cards = [entries.card(key, entry) for key, entry in rows.items()]
    assert [card.key for card in listing.matching(cards, wanted)] == expected


@pytest.mark.parametrize("search, expected", [("12beef", []), ("abcdef12", ["b"]), ("bcdef1", ["b"]), ("beef", ["a"])])
def test_what_people_read_goes_before_session_ids(search: str, expected: list[str]) -> None:
    """Card a's text reads abcdef12beef."""
    cards = [
        entries.card("a", {"sessionId": "abcdef12-1", "_title": "Beef"}),
        entries.card("b", {"sessionId": "x", "_title": "My abcdef12 note"}),
    ]
    page = listing.select(cards, {"search": search}, now_ms=NOW, agents=(), is_active=lambda key: False)
    assert [card.key for card in page.cards] == expected


@pytest.mark.parametrize("search, expected", [("ABCDEF12-3", ["b"]), ("cdef12", []), ("abcdef", ["a", "b"])])
def test_a_session_id_is_found_by_its_beginning(search: str, expected: list[str]) -> None:
    rows = {"a": "abcdef99-1", "b": "abcdef12-3456"}
    cards = [entries.card(key, {"sessionId": name}) for key, name in rows.items()]
    page = listing.select(cards, {"search": search}, now_ms=NOW, agents=(), is_active=lambda key: False)
    assert [card.key for card in page.cards] == expected
