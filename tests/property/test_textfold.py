"""Folding in one pass against its slow twin."""

from hypothesis import given
from hypothesis import strategies as st

from gw.defender.text.fold import describe, fold
from tests.oracle import textfold as slow

PIECES = (
    "a", "word", "о", "рас", "ж", "é", "\u0301", "\u200b", "\u00ad", "\u202e", "\U000e0041", "\U000e0101", "’", "…",
    "ﷺ", "𝐢", "ｉ", " ", "1", "漢", "\U0001e030", "ﬁ",
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=60).map("".join))


@given(TEXTS, st.booleans())
def test_the_fold_is_that_of_the_slow_twin(text: str, latin_text: bool) -> None:
    found = fold(text, latin_text=latin_text)
    expected = slow.fold(text, latin_text, describe)
    assert found.text == expected.text
    assert list(found.offsets) == expected.places
    hidden, bidi, tags, styled = (expected.counts[kind] for kind in (1, 2, 3, 4))
    assert (found.hidden, found.bidi, found.tags, found.styled) == (hidden, bidi, tags, styled)
    assert (found.hidden_in_words, found.mixed_words, found.changed) == expected[3:]
