"""Slow twin of `pyx/textfold.pyx`: one character after the other, then one word after the other."""

from collections.abc import Callable
from typing import NamedTuple

from gw._native.textfold import HIDDEN, LOOKALIKE, TYPOGRAPHY

SHORTEST = 4  # characters of a word that is made of lookalikes alone


class Slow(NamedTuple):
    text: str
    places: list[int]  # of each character of `text`, where what it stands for begins in the original
    counts: list[int]
    hidden_in_words: int
    mixed_words: int
    changed: int


def fold(text: str, latin_text: bool, describe: Callable[[str], tuple[str, int]]) -> Slow:
    described = [describe(character) for character in text]
    counts = [sum(kind == number for _, kind in described) for number in range(8)]
    seen = [
        (character if kind == LOOKALIKE else plain, kind, place)
        for place, (character, (plain, kind)) in enumerate(zip(text, described, strict=True))
        if plain
    ]
    in_word = [shown[0].isalpha() for shown, _, _ in seen]
    mixed = 0
    shown = [text for text, _, _ in seen]
    start = 0
    while start < len(seen):
        end = start
        while end < len(seen) and in_word[end] == in_word[start]:
            end += 1
        if in_word[start] and _is_mixed(seen[start:end], latin_text):
            mixed += 1
            for at in range(start, end):
                if seen[at][1] == LOOKALIKE:
                    shown[at] = describe(seen[at][0])[0]
        start = end
    return Slow(
        "".join(shown),
        [place for text, (_, _, place) in zip(shown, seen, strict=True) for _ in text],
        counts,
        _hidden_in_words(described, text),
        mixed,
        mixed + sum(_reads_otherwise(c, plain, kind) for c, (plain, kind) in zip(text, described, strict=True)),
    )


def _is_mixed(word: list[tuple[str, int, int]], latin_text: bool) -> bool:
    """A lookalike among Latin letters, or a long enough word of nothing else in a Latin text."""
    lookalikes = any(kind == LOOKALIKE for _, kind, _ in word)
    latin = any(kind != LOOKALIKE and shown[0].isascii() for shown, kind, _ in word)
    other = any(kind != LOOKALIKE and not shown[0].isascii() for shown, kind, _ in word)
    size = sum(len(shown) for shown, _, _ in word)
    return lookalikes and (latin or (latin_text and not other and size >= SHORTEST))


def _hidden_in_words(described: list[tuple[str, int]], text: str) -> int:
    """Invisible characters between two ASCII letters, other invisible things in between allowed."""
    total = pending = 0
    after_letter = False
    for character, (plain, kind) in zip(text, described, strict=True):
        if not plain:
            pending += kind == HIDDEN and after_letter
            continue
        shown = character if kind == LOOKALIKE else plain
        letter = shown[0].isalpha() and shown[0].isascii()
        total += pending if letter else 0
        pending, after_letter = 0, letter
    return total


def _reads_otherwise(character: str, plain: str, kind: int) -> bool:
    if not plain:
        return True
    return kind not in (TYPOGRAPHY, LOOKALIKE) and plain != character
