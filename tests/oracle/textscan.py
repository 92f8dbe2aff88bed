"""Slow twin of `pyx/textscan.pyx`: every kind of run looked for by itself, over words and tokens cut beforehand."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gw._native.textscan import BASE64, BINARY, DECIMAL, ESCAPES, FLOOD, HEX, HYPHENS, PERCENT, SPACED, UNITS

Run = tuple[int, int, int]
Place = tuple[int, int]
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
DIGITS = frozenset("0123456789")
HEXADECIMAL = DIGITS | frozenset("abcdefABCDEF")
LEAST_UNITS = {UNITS: 8, DECIMAL: 8, BINARY: 6, SPACED: 5}


class Slow(NamedTuple):
    ascii_letters: int
    other_letters: int
    leet_words: int
    controls: int
    runs: set[Run]


def survey(text: str) -> Slow:
    words = list(_stretches(text, in_word))
    tokens = list(_stretches(text, lambda character: not is_blank(character)))
    runs = {
        *_units(text, words),
        *_coded(text, words),
        *_compounds(text, words),
        *_same_characters(text, words),
        *_escaped(text, tokens),
        *_floods(text, tokens),
    }
    return Slow(
        sum(character in LETTERS for character in text),
        sum(not character.isascii() and in_word(character) for character in text),
        sum(_is_leet(text[start:end]) for start, end in words),
        sum((character < " " or character == "\x7f") and not is_blank(character) for character in text),
        runs,
    )


def in_word(character: str) -> bool:
    if character.isascii():
        return character in LETTERS or character in DIGITS
    return character.isalnum() or ("\u0591" <= character <= "\u1aff" and not character.isspace())


def is_blank(character: str) -> bool:
    return character in " \t\n\v\f\r" if character.isascii() else character.isspace() and not character.isalnum()


def _stretches(text: str, wanted) -> Iterator[Place]:  # type: ignore[no-untyped-def]  # a predicate
    start = None
    for at, character in enumerate(text):
        if wanted(character):
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(text)


def _is_leet(word: str) -> bool:
    letters = [at for at, character in enumerate(word) if character in LETTERS]
    others = [at for at in range(len(word)) if at not in letters]
    short = 3 <= len(word) <= 16
    return short and len(letters) >= 2 and any(c in DIGITS for c in word) and bool(others) and others[0] < letters[-1]


def _kind_of(word: str) -> int | None:
    if len(word) == 1:
        return SPACED if word not in DIGITS else None
    if len(word) == 8:
        return BINARY if set(word) <= {"0", "1"} else None
    if len(word) == 3 and set(word) <= DIGITS:
        return DECIMAL
    is_pair = len(word) in (2, 3, 4) and set(word[-2:]) <= HEXADECIMAL
    return UNITS if is_pair and word[:-2].lower() in ("", "x", "0x") else None


def _units(text: str, words: list[Place]) -> Iterator[Run]:
    """Short words of one kind, at most three characters apart."""
    run: list[Place] = []
    kind = -1
    for start, end in words:
        found = _kind_of(text[start:end])
        if found is None:
            yield from _unit_run(kind, run)
            run = []
            continue
        if run and start - run[-1][1] <= 3:
            if found == UNITS and kind == DECIMAL and set(text[start:end]) <= DIGITS:
                found = DECIMAL
            elif found == DECIMAL and kind == UNITS and len(run) < 4:
                kind = DECIMAL
            if found == kind:
                run.append((start, end))
                continue
        yield from _unit_run(kind, run)
        run, kind = [(start, end)], found
    yield from _unit_run(kind, run)


def _unit_run(kind: int, run: list[Place]) -> Iterator[Run]:
    if run and len(run) >= LEAST_UNITS[kind]:
        yield kind, run[0][0], run[-1][1]


def _joined(text: str, words: list[Place], marks: str) -> Iterator[list[Place]]:
    """Words with exactly one of *marks* between them."""
    group: list[Place] = []
    for start, end in words:
        if group and group[-1][1] == start - 1 and text[start - 1] in marks:
            group.append((start, end))
        else:
            if group:
                yield group
            group = [(start, end)]
    if group:
        yield group


def _coded(text: str, words: list[Place]) -> Iterator[Run]:
    for group in _joined(text, words, "+/-_"):
        start, end = group[0][0], group[-1][1]
        letters = {character for first, last in group for character in text[first:last]}
        if end - start < 16 or not letters <= LETTERS | DIGITS:
            continue
        if len(group) == 1 and (end - start) % 2 == 0 and letters & DIGITS and letters <= HEXADECIMAL:
            yield HEX, start, end
        elif end - start >= 24 and re.search("[A-Z]", text[start:end]) and re.search("[a-z2-9]", text[start:end]):
            yield BASE64, start, end


def _compounds(text: str, words: list[Place]) -> Iterator[Run]:
    """Words of letters joined by hyphens, in pieces too short or too odd for ordinary compounds."""
    spelled = [(start, end) for start, end in words if not set(text[start:end]) & DIGITS]
    for group in _joined(text, spelled, "-"):
        sizes = [end - start for start, end in group]
        apart = len(group) >= 3 and sum(sizes) < 3 * len(group)
        odd = len(group) >= 2 and sizes[0] == 1 and text[group[0][0]].lower() not in "exta"
        if apart or odd:
            yield HYPHENS, group[0][0], group[-1][1]


def _same_characters(text: str, words: list[Place]) -> Iterator[Run]:
    """Sixteen times the same character, in a word or beyond ASCII."""
    for match in re.finditer(r"(.)\1{15,}", text, re.DOTALL):
        if in_word(match[1]) or not (match[1].isascii() or is_blank(match[1])):
            yield FLOOD, match.start() + 1, match.end()


def _escaped(text: str, tokens: list[Place]) -> Iterator[Run]:
    for start, end in tokens:
        token = text[start:end]
        if token.count("%") >= 3:
            yield PERCENT, start, end
        if token.count("\\") + token.count("&") >= 4:
            yield ESCAPES, start, end


def _floods(text: str, tokens: list[Place]) -> Iterator[Run]:
    """The same one to four tokens, eight times or more; of several periods the shortest is reported."""
    words = [text[start:end] for start, end in tokens]
    since, repeats, reported = [0] * 4, [0] * 4, 0
    for at in range(len(words) + 1):
        over = at == len(words)
        for period in (1, 2, 3, 4):
            index = period - 1
            again = not over and at >= period and words[at] == words[at - period] and _has_word(words[at])
            if again:
                since[index] = since[index] if repeats[index] else tokens[at][0]
                repeats[index] += 1
                continue
            end = len(text) if over else tokens[at - 1][1]
            if repeats[index] >= 7 * period and since[index] >= reported:
                yield FLOOD, since[index], end
                reported = end
            repeats[index] = 0


def _has_word(token: str) -> bool:
    return any(in_word(character) or not character.isascii() for character in token)
