"""One canonical form of message text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.errors import InvalidRequest
from gw.wire.text import clean_message


@pytest.mark.parametrize(
    "raw, clean",
    [
        ("plain words", "plain words"),
        ("e\u0301", "é"),
        ("a\x07b\x1b[31m", "ab[31m"),
        ("tab\tline\nreturn\r", "tab\tline\nreturn\r"),
        ("\x7f\x80\x9f", ""),
        ("", ""),
    ],
)
def test_normalised_without_controls(raw: str, clean: str) -> None:
    assert clean_message(raw) == clean


@pytest.mark.parametrize("raw", ["\0", "a\0b", "e\u0301\0"])
def test_nul_is_refused(raw: str) -> None:
    with pytest.raises(InvalidRequest, match="null bytes"):
        clean_message(raw)


@given(st.text().filter(lambda text: "\0" not in text))
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    once = clean_message(raw)
    assert clean_message(once) == once
