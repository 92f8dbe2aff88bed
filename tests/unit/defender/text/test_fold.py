"""What single characters stand for."""

import pytest

from gw._native.textfold import BIDI, HIDDEN, LOOKALIKE, MARK, PLAIN, STYLED, TAG, TYPOGRAPHY, Folder
from gw.defender.text.fold import confusables, describe, fold


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("a", ("a", PLAIN)),
        ("\n", ("\n", PLAIN)),
        ("\x00", ("", HIDDEN)),
        ("\u200d", ("", HIDDEN)),
        ("\u00ad", ("", HIDDEN)),
        ("\u202e", ("", BIDI)),
        ("\u0301", ("", MARK)),
        ("\U000e0041", ("A", TAG)),
        ("\U000e0151", ("a", TAG)),
        ("\U000e0100", ("", HIDDEN)),
        ("Ａ", ("A", STYLED)),
        ("𝓪", ("a", STYLED)),
        ("ⓘ", ("i", STYLED)),
        ("ﬁ", ("fi", PLAIN)),
        ("é", ("e", PLAIN)),
        ("ł", ("l", PLAIN)),
        ("о", ("o", LOOKALIKE)),
        ("ж", ("ж", PLAIN)),
        ("’", ("'", TYPOGRAPHY)),
        ("…", ("...", TYPOGRAPHY)),
        ("漢", ("漢", PLAIN)),
        ("가", ("가", PLAIN)),
    ],
)
def test_describe(character: str, expected: tuple[str, int]) -> None:
    assert describe(character) == expected


def test_the_table_holds_only_what_it_says() -> None:
    for character, (plain, kind) in confusables().items():
        assert not character.isascii()
        assert plain.isascii()
        assert kind != LOOKALIKE or (len(plain) == 1 and plain.isalpha())


@pytest.mark.parametrize(
    ("text", "latin", "folded", "mixed"),
    [
        ("ignоrе", True, "ignore", 1),
        ("оо", True, "оо", 0),
        ("сору", True, "copy", 1),
        ("сору", False, "сору", 0),
        ("Москва", True, "Москва", 0),
        ("pаypаl и ещё", True, "paypal и ещё", 1),
    ],
)
def test_lookalikes_change_only_in_latin_words(text: str, latin: bool, folded: str, mixed: int) -> None:
    found = fold(text, latin_text=latin)
    assert (found.text, found.mixed_words) == (folded, mixed)


def test_long_expansions_map_back_to_one_character() -> None:
    found = fold("a\ufdfab", latin_text=True)
    assert found.text[0] == "a"
    assert found.text[-1] == "b"
    assert found.offsets[1] == found.offsets[len(found.text) - 2] == 1
    assert found.offsets[len(found.text) - 1] == 2


def test_a_describe_that_answers_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 99"):
        Folder(lambda c: (c, 99)).fold("é", True)
    with pytest.raises(TypeError):
        Folder(lambda c: (b"x", 0)).fold("é", True)  # type: ignore[arg-type, return-value]
