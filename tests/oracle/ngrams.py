"""Slow twin of `pyx/ngrams.pyx`: what the features of a text are, said as plainly as possible."""

from math import sqrt

MASK = (1 << 64) - 1
GRAM, WORD, PAIR, STEP = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0x100000001B3
BREAK = 3
BREAKS = '.!?:;"<>[]{}|#\n'
STOPS = "\u2018\u201a\u201b\u201c\u201d\u201e\u201f«»。「！？：،؛؟۔।\u2028"
DIGIT = 48 | 128


def plain(character: str) -> int:
    code = ord(character)
    if code >= 128:
        return (128 + ord(_lower(character)) % 1919) << 1
    if character.isalpha():
        return code | 32 | 128
    if character.isdigit():
        return DIGIT
    return 32 if code < 33 or code == 127 else code


def _lower(character: str) -> str:
    """One to one, as C's table has it."""
    lowered = character.lower()
    return lowered if len(lowered) == 1 else lowered[0]


def in_word(character: str) -> bool:
    inner = 0x0591 <= ord(character) <= 0x1AFF and not character.isspace() and character not in STOPS
    return character.isalnum() or inner


def features(text: str) -> list[tuple[int, int]]:
    """(index, position of the character that completed it), in order."""
    found: list[tuple[int, int]] = []
    word = previous = gram = 0
    last = 32
    for at, character in enumerate(text + " "):
        value = plain(character)
        if in_word(character):
            word = (word or 1) * STEP + value & MASK
        else:
            if word:
                key = word * WORD & MASK
                key ^= key >> 32
                found.append(((key * GRAM & MASK) >> 48, at))
                if previous:
                    found.append((((previous * 3 + key) * PAIR & MASK) >> 48, at))
                previous, word = key | 1, 0
            if character in BREAKS or character in STOPS or (character == "'" and not last & 128):
                previous = BREAK
        counts = (value > 128 and value != DIGIT) or (last > 128 and last != DIGIT)
        if counts or value != 32 or last != 32:
            gram = (gram << 12 | value) & 0xFFFFFFFFFFFF
        if counts:
            found.append(((gram * GRAM & MASK) >> 48, at))
        last = value
    return found


def score(text: str, weights: bytes, head: int, window: int, damping: float) -> tuple[int, int, int, int]:
    """(sum, number, start, end) of the best window, halves ending with a word."""
    signed = [byte - 256 if byte > 127 else byte for byte in weights]
    half = (window + 1) // 2 if len(text) > window else len(text) + 1
    ends = {at for at in range(1, len(text) + 1) if in_word(text[at - 1]) and not in_word((text + " ")[at])}
    halves: list[list[int]] = [[0, 0, 0, 0]]  # sum, number, start, end
    by_place: dict[int, list[int]] = {}
    for index, at in features(text):
        by_place.setdefault(at, []).append(signed[2 * index + head])
    for at in range(len(text) + 1):
        halves[-1][0] += sum(by_place.get(at, ()))
        halves[-1][1] += len(by_place.get(at, ()))
        halves[-1][3] = at
        if at < len(text) and at in ends and at - halves[-1][2] >= half:
            halves.append([0, 0, at, at])
    joined = [
        (one[0] + two[0], one[1] + two[1], one[2] if number else two[2], two[3])
        for number, (one, two) in enumerate(zip([[0, 0, 0, 0], *halves], halves, strict=False))
    ]
    return max(joined, key=lambda row: row[0] / sqrt(row[1] + damping))
