"""What each character stands for: compatibility forms, accents, lookalikes, tags and invisible characters undone.

Knows nothing of words or meaning. Case is kept, so that patterns mean the same on every view. The loops are
`gw._native.textfold`; this module is its knowledge of characters.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from gw import DATA
from gw._native.textfold import BIDI, HIDDEN, LOOKALIKE, MARK, PLAIN, STYLED, TAG, TYPOGRAPHY, Folder
from gw.defender.text.offsets import Offsets

# Default-ignorable code points (Unicode DerivedCoreProperties), as ranges; controls that no text needs are added.
_HIDDEN: Final = (
    (0x0000, 0x0008), (0x000E, 0x001F), (0x007F, 0x009F), (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C),
    (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x2060, 0x2065), (0x206A, 0x206F),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE01FF),
)  # fmt: skip
_BIDI: Final = ((0x202A, 0x202E), (0x2066, 0x2069))
_MARKS: Final = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
_TAGS: Final = range(0xE0020, 0xE007F)  # ASCII, invisible
_SELECTORS: Final = range(0xE0100, 0xE01F0)  # variation selectors 17-256: carry bytes 16-255
_KINDS: Final = {"lookalike": LOOKALIKE, "letter": PLAIN, "mark": TYPOGRAPHY}
_ESCAPES: Final = {"\\s": " ", "\\n": "\n"}
_LONGEST: Final = 18  # U+FDFA


class Folded(NamedTuple):
    text: str
    offsets: Offsets
    hidden: int  # invisible characters
    hidden_in_words: int  # of those, between two Latin letters of one word
    bidi: int
    tags: int  # letters written in invisible characters
    styled: int  # ASCII letters in full-width, mathematical or circled form
    mixed_words: int  # words of lookalike letters
    changed: int  # characters that read otherwise now, typography left out


@cache
def confusables() -> Mapping[str, tuple[str, int]]:
    """Character to (what it stands for, kind); from data/confusables.txt."""
    table = {}
    for line in (DATA / "confusables.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            code, plain, kind = line.split(" ", 3)[:3]
            table[chr(int(code, 16))] = (_ESCAPES.get(plain, plain), _KINDS[kind])
    return table


def describe(character: str) -> tuple[str, int]:
    """Return (replacement, kind) of one character; the replacement of an invisible one is empty."""
    code = ord(character)
    if code in _TAGS:
        return chr(code - 0xE0000), TAG
    if code in _SELECTORS:
        byte = code - 0xE0100 + 16
        return (chr(byte), TAG) if 32 <= byte < 127 else ("", HIDDEN)
    if _within(code, _BIDI):
        return "", BIDI
    if _within(code, _HIDDEN):
        return "", HIDDEN
    if _within(code, _MARKS):
        return "", MARK
    if code < 128 or code >= 0x20000:  # rare ideographs, which nobody disguises words with
        return character, PLAIN
    known = confusables().get(character)
    if known is not None:
        return known
    plain = unicodedata.normalize("NFKC", character)
    if plain != character:
        styled = len(plain) == 1 and plain.isascii() and plain.isalpha()
        return plain[:_LONGEST], STYLED if styled else PLAIN
    base = unicodedata.normalize("NFD", character)[0]
    return (base, PLAIN) if base.isascii() else (character, PLAIN)


@cache
def _folder() -> Folder:
    return Folder(describe)


def fold(text: str, *, latin_text: bool) -> Folded:
    """Fold every character; `latin_text` says that the text's letters are mostly ASCII."""
    folded, packed, counts, hidden_in_words, mixed_words, changed = _folder().fold(text, latin_text)
    numbers = memoryview(packed).cast("I")
    offsets = Offsets(numbers[0::3].tolist(), numbers[1::3].tolist(), numbers[2::3].tolist(), len(folded))
    return Folded(
        folded,
        offsets,
        counts[HIDDEN],
        hidden_in_words,
        counts[BIDI],
        counts[TAG],
        counts[STYLED],
        mixed_words,
        changed,
    )


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)
