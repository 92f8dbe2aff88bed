"""The one-pass survey of a text against its slow twin."""

from hypothesis import given
from hypothesis import strategies as st

from gw._native.textscan import survey
from tests.oracle import textscan as slow

PIECES = (
    "a", "b", " ", "  ", "\n", "-", "_", "+", "/", "%", "\\", "&", "41", "x41", "0x41", "065", "01000001", "Q9b",
    "deadbeef", "pre-vi-ous", "e-mail", "h3ll0", "word", "\x00", "é", "漢", "ि", "\u3000", "…", "😀", "a" * 17,
    "😀" * 16, "99", "Capital", "mIXed", "fifteenletters_", "sixteen" + "letters" * 2, "Aé", "B" * 15,
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=80).map("".join),
    st.lists(st.sampled_from(("a", "bc", "-", "😀", "d")), max_size=60).map(" ".join),
    st.tuples(st.lists(st.sampled_from(("x", "yz", "q")), min_size=1, max_size=4), st.integers(6, 12)).map(
        lambda pair: " ".join(pair[0] * pair[1])
    ),
)


@given(TEXTS)
def test_the_survey_is_that_of_the_slow_twin(text: str) -> None:
    *counts, dropped, runs = survey(text)
    expected = slow.survey(text)
    assert tuple(counts) == expected[:4]
    if not dropped:
        assert set(runs) == expected.runs
    assert len(runs) + dropped >= len(expected.runs)
