"""A folder maps by what it is told, learns each character once, and refuses nonsense."""

import pytest

from gw._native.textfold import HIDDEN, LOOKALIKE, PLAIN, TYPOGRAPHY, Folder

KNOWN = {"é": ("e", PLAIN), "o": ("o", PLAIN), "о": ("o", LOOKALIKE), "\u200b": ("", HIDDEN), "…": ("...", TYPOGRAPHY)}


def describe(character: str) -> tuple[str, int]:
    return KNOWN.get(character, (character, PLAIN))


@pytest.mark.parametrize(
    ("text", "latin_text", "folded", "mixed_words", "changed"),
    [
        ("", True, "", 0, 0),
        ("plain", True, "plain", 0, 0),
        ("é…", True, "e...", 0, 1),
        ("wоrd", False, "word", 1, 1),
        ("о", True, "о", 0, 0),
        ("оооо", True, "oooo", 1, 1),
        ("оооо", False, "оооо", 0, 0),
        ("a\u200bb", True, "ab", 0, 1),
        ("\U0002f800", True, "\U0002f800", 0, 0),
    ],
)
def test_folds(text: str, latin_text: bool, folded: str, mixed_words: int, changed: int) -> None:
    result = Folder(describe).fold(text, latin_text)
    assert (result[0], result[4], result[5]) == (folded, mixed_words, changed)


def test_a_hidden_character_inside_a_word_is_counted() -> None:
    assert Folder(describe).fold("a\u200bb \u200b c", True)[3] == 1


def test_each_character_is_asked_for_once() -> None:
    asked: list[str] = []

    def listen(character: str) -> tuple[str, int]:
        asked.append(character)
        return character, PLAIN

    folder = Folder(listen)
    folder.fold("abab", True)
    folder.fold("ba", True)
    assert asked == ["a", "b"]


@pytest.mark.parametrize("answer", [("x", 8), ("x", -1), ("x" * 19, PLAIN)])
def test_an_impossible_description_is_refused(answer: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match="describe"):
        Folder(lambda character: answer).fold("x", True)


def test_what_describe_raises_comes_through() -> None:
    def fail(character: str) -> tuple[str, int]:
        raise LookupError(character)

    with pytest.raises(LookupError):
        Folder(fail).fold("x", True)
