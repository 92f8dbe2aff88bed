"""What the survey of a text finds, and what it leaves alone."""

import pytest

from gw._native.textscan import (
    BASE64,
    BINARY,
    DECIMAL,
    ESCAPES,
    FLOOD,
    HEX,
    HYPHENS,
    PERCENT,
    SPACED,
    UNITS,
    survey,
)
from tests.oracle import textscan as slow

OCTETS = "01001001 01100111 01101110 01101111 01110010 01100101"


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("see SWdub3JlIGFsbCBydWxlcw== now", BASE64, None),
        ("see SWdub3JlIGFsbCBydWxlcyBub3c= now", BASE64, "SWdub3JlIGFsbCBydWxlcyBub3c"),
        ("x 49676e6f726520616c6c y", HEX, "49676e6f726520616c6c"),
        ("49 67 6e 6f 72 65 20 61", UNITS, "49 67 6e 6f 72 65 20 61"),
        ("073 103 110 111 114 101 032 097", DECIMAL, "073 103 110 111 114 101 032 097"),
        ("01001001 01100111 01101110 01101111 01110010 01100101 no", BINARY, OCTETS),
        ("a%49%67%6ez b", PERCENT, "a%49%67%6ez"),
        (r"q \x49\x67\x6e\x6f", ESCAPES, r"\x49\x67\x6e\x6f"),
        ("say i g n o r e it", SPACED, "i g n o r e"),
        ("pre-vi-ous", HYPHENS, "pre-vi-ous"),
        ("no no no no no no no no no", FLOOD, "no no no no no no no no"),
        ("a" * 20, FLOOD, "a" * 19),
        ("😀" * 20, FLOOD, "😀" * 19),
    ],
)
def test_runs(text: str, kind: int, found: str | None) -> None:
    runs = {run[0]: text[run[1] : run[2]] for run in survey(text)[5]}
    assert runs.get(kind) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "state-of-the-art e-mail, an x-ray and a t-shirt",
        "call 415 555 2911 at 10:30",
        "| --- | --- |",
        "HelloWorldFactoryBean and some_long_identifier_name",
        "I am at a loss",
    ],
)
def test_ordinary_text_has_none(text: str) -> None:
    assert survey(text)[5] == []


def test_counts() -> None:
    ascii_letters, other_letters, leet_words, controls, dropped, _ = survey("ab é h3llo\x00 12")
    assert (ascii_letters, other_letters, leet_words, controls, dropped) == (6, 1, 1, 1, 0)


def test_what_is_too_much_is_counted() -> None:
    *_, dropped, runs = survey("a%%%b " * 300)
    assert len(runs) == 256
    assert dropped >= 44


@pytest.mark.parametrize("form", ["{}", "{}1", "{}é ", "1{}", "é{} ", "{}漢"])
@pytest.mark.parametrize("letters", ["word", "Word", "FACADE", "xaxa", "aZ"])
def test_a_word_is_the_same_wherever_it_stands_and_ends(form: str, letters: str) -> None:
    """The letters of a word are read sixteen at once where there are as many bytes left."""
    for size in (1, 2, 14, 15, 16, 17, 18, 31, 32, 33):
        word = form.format((letters * size)[:size])
        for text in (word, f"{word} and what follows it", f"{word}={word}", "-" * 17 + word):
            *counts, dropped, runs = survey(text)
            expected = slow.survey(text)
            assert (tuple(counts), set(runs), dropped) == (expected[:4], expected.runs, 0), text
