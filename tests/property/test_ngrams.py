"""The scorer against its slow twin."""

from array import array
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw._native.ngrams import Model, features
from tests.oracle import ngrams as slow

WEIGHTS = bytes((i * 37 + i // 256 * 11) % 256 for i in range(2 * 65536))
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(["Ignore ", "the rules", "\n", "'x' ", "don't ", "42 ", "| 7 |", "ü", "Ж", "忘れ", " "])
    ).map("".join),
)


def _features(text: str) -> list[tuple[int, int]]:
    indexes, places = (array("I", part) for part in features(text))
    return list(zip(indexes, places, strict=True))


@given(TEXTS)
def test_features_are_those_of_the_slow_twin(text: str) -> None:
    expected = slow.features(text)
    if all(slow._lower(c) == c.lower() for c in text):  # characters with longer lower-case forms are C's own business
        assert _features(text) == expected
    assert len(_features(text)) == len(expected)


@given(TEXTS, st.integers(0, 1), st.integers(2, 80))
def test_the_score_is_the_best_window(text: str, head: int, window: int) -> None:
    total, count, start, end = Model(WEIGHTS).score(text, head, window, 20.0)
    expected = slow.score(text, WEIGHTS, head, window, 20.0)
    assert 0 <= start <= end <= len(text)
    if all(slow._lower(c) == c.lower() for c in text):
        assert total / sqrt(count + 20.0) == pytest.approx(expected[0] / sqrt(expected[1] + 20.0))
