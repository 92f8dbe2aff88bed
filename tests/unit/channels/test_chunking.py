"""Cutting replies: upstream's own results, and what must hold of any text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.channels import chunking
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/chunking.json")
WAYS = {"plain": chunking.by_length, "paragraph": chunking.by_paragraph, "markdown": chunking.by_markdown}
MANNER = st.sampled_from(list(WAYS.values()))
PIECES = st.sampled_from(
    [
        "a",
        "word ",
        "\n",
        "\n\n",
        "(",
        ")",
        "```\n",
        "```py\n",
        "\n```\n",
        "~~~\n",
        "😀",
        "👩\u200d👧",
        "e\u0301",
        "🇩🇪",
        "\r\n",
    ]
)
TEXT = st.lists(PIECES, max_size=60).map("".join)


@pytest.mark.parametrize(
    ("way", "row"), [(way, row) for way in WAYS for row in VECTORS[way]], ids=lambda value: str(value)[:40]
)
def test_upstream_cuts_here(way: str, row: dict[str, Any]) -> None:
    text, limit = row["input"]["text"], row["input"]["limit"]
    assert WAYS[way](text, limit) == row["expect"]["chunks"]
    if "newlineMode" in row["expect"]:
        assert chunking.by_markdown(text, limit, keep_paragraphs=True) == row["expect"]["newlineMode"]


@pytest.mark.parametrize("row", VECTORS["limits"], ids=lambda row: row["name"])
def test_whose_limit_counts(row: dict[str, Any]) -> None:
    asked = row["input"]
    fallback = asked.get("fallbackLimit", chunking.DEFAULT_LIMIT)
    assert (
        chunking.resolve_limit(asked["config"], asked["channel"], asked["accountId"], fallback)
        == row["expect"]["limit"]
    )


@given(TEXT, st.integers(4, 40), MANNER)
def test_no_piece_is_too_long_or_empty(text: str, limit: int, way: Any) -> None:
    pieces = way(text, limit)
    assert all(pieces)
    assert max(map(chunking.units, pieces), default=0) <= limit


@given(TEXT, st.integers(4, 40), st.sampled_from([chunking.by_length, chunking.by_paragraph]))
def test_only_white_space_is_lost(text: str, limit: int, way: Any) -> None:
    assert "".join("".join(way(text, limit)).split()) == "".join(text.split())


@given(TEXT, st.integers(4, 40))
def test_markdown_loses_no_word(text: str, limit: int) -> None:
    kept = "".join(chunking.by_markdown(text, limit))
    for character in "awd()😀":
        assert kept.count(character) >= text.count(character)


@pytest.mark.parametrize("limit", [12, 17, 18, 25])
def test_every_piece_of_a_cut_fence_is_a_whole_fence(limit: int) -> None:
    text = "~~~\n" + "".join(f"line {number}\n" for number in range(20)) + "~~~"
    pieces = chunking.by_markdown(text, limit)
    assert all(piece.startswith("~~~\n") and piece.endswith("~~~") for piece in pieces)
    assert all(piece != "~~~\n~~~" for piece in pieces)


def test_a_fence_whose_opening_line_fills_the_limit_is_cut_as_text() -> None:
    text = "```" + "x" * 50 + "\nbody\n```"
    pieces = chunking.by_markdown(text, 20)
    assert max(map(len, pieces)) <= 20
    assert "body" in "".join(pieces)


def test_a_flag_is_not_cut_in_half() -> None:
    assert chunking.by_length("🇩🇪🇫🇷", 6) == ["🇩🇪", "🇫🇷"]


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    text = "```py\n" + "x = 1  # some code here\n" * 40_000 + "```"
    pieces = chunking.by_markdown(text, 2000)
    assert sum(map(len, pieces)) > len(text)
