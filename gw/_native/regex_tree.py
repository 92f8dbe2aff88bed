"""RE2 syntax read into a small tree, just exactly enough to know what every match must contain.

Knows nothing of matching, which is RE2's own work; a pattern has been accepted by RE2 before it comes here. Invariant:
what is not understood becomes a node that promises nothing, so that no conclusion is ever too strong.
Source: https://github.com/google/re2/wiki/Syntax
"""

import math
import re
from functools import lru_cache
from typing import Final, NamedTuple

from gw._native.casefold import folds

WIDEST_CLASS: Final = 16  # members of a character class that are still worth listing

WIDE_GAP: Final = 8  # a counted repetition with so much play multiplies the states of a search
MOST_REPEATS: Final = 1000  # RE2 refuses more


class Text(NamedTuple):
    """These characters, folded."""

    text: str


class Chars(NamedTuple):
    """One character; any of *members*, or of a set too large to list (None)."""

    members: frozenset[str] | None


class Cat(NamedTuple):
    """One after the other. Nothing at all for `()`, `^`, `\\b` and other tests of a place."""

    parts: tuple["Tree", ...]


class Alt(NamedTuple):
    choices: tuple["Tree", ...]


class Repeat(NamedTuple):
    inner: "Tree"
    least: int
    most: float


class Opaque(NamedTuple):
    """Not understood: any text of any length."""


Tree = Text | Chars | Cat | Alt | Repeat | Opaque

ANY_CHAR: Final = Chars(None)
PLACE: Final = Cat(())
QUANTIFIERS: Final = {"*": (0, math.inf), "+": (1, math.inf), "?": (0, 1)}
PLAIN: Final = re.compile("[A-Za-z0-9 ,;:<>=!@#%&~'_/-]+(?![*+?{])")  # never more than the pattern's own text
CONTROLS: Final = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
PERL_CLASSES: Final = {
    "d": frozenset("0123456789"),
    "s": frozenset("\t\n\f\r "),
    "w": None,
    "D": None,
    "S": None,
    "W": None,
}

_FOLDS: Final = folds()


def fold(char: str) -> str | None:
    """The same character for all cases of one; None when not all of them are known."""
    if char in _FOLDS:
        return _FOLDS[char] or None
    return char if char.lower() == char.upper() == char else None


class Gap(NamedTuple):
    """A wide counted repetition of one character, `{least,most}`; *start* and *end* are its place in the pattern."""

    start: int
    end: int
    least: int
    most: int


class Reading(NamedTuple):
    tree: Tree
    gaps: tuple[Gap, ...]


def read(pattern: str) -> Reading:
    reader = _Reader(pattern)
    try:
        tree = reader.alternation()
    except (ValueError, RecursionError):  # brackets that do not close, or hundreds of them
        return Reading(Opaque(), ())
    if reader.at < len(pattern):
        return Reading(Opaque(), ())
    return Reading(tree, () if reader.is_swapped else tuple(reader.gaps))


class _Reader:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.gaps: list[Gap] = []
        self.is_swapped = False  # flag U: greedy means lazy somewhere

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        char = self.peek()
        if not char:
            raise ValueError("pattern ends too early")
        self.at += 1
        return char

    def accept(self, text: str) -> bool:
        found = self.pattern.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def alternation(self) -> Tree:
        choices = [self.sequence()]
        while self.accept("|"):
            choices.append(self.sequence())
        return choices[0] if len(choices) == 1 else Alt(tuple(choices))

    def sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.peek() not in ("", "|", ")"):
            plain = PLAIN.match(self.pattern, self.at)
            if plain:  # most of most patterns, at once
                self.at = plain.end()
                append(parts, Text(plain[0].upper()))
            elif self.accept("\\Q"):
                text, _, rest = self.pattern[self.at :].partition("\\E")
                self.at = len(self.pattern) - len(rest)
                for char in text:
                    append(parts, literal(char))
            else:
                append(parts, self.quantified(self.atom()))
        return Cat(tuple(parts))

    def quantified(self, tree: Tree) -> Tree:
        while True:
            start = self.at
            bounds = QUANTIFIERS.get(self.peek())
            if bounds:
                self.at += 1
            else:
                bounds = self.counted()
            if bounds is None:
                return tree
            self.accept("?")  # lazy; the same texts match
            least, most = bounds
            if isinstance(tree, Chars) and WIDE_GAP <= most - least < math.inf and most <= MOST_REPEATS:
                self.gaps.append(Gap(start, self.at, least, int(most)))
            tree = Repeat(tree, least, most)

    def counted(self) -> tuple[int, float] | None:
        """`{n}`, `{n,}` or `{n,m}`; anything else in braces is plain text."""
        end = self.pattern.find("}", self.at)
        if self.peek() != "{" or end < 0:
            return None
        least, comma, most = self.pattern[self.at + 1 : end].partition(",")
        if not is_count(least) or (most and not is_count(most)):
            return None
        self.at = end + 1
        if not comma:
            return int(least), int(least)
        return int(least), int(most) if most else math.inf

    def atom(self) -> Tree:
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return self.char_class()
        if char == ".":
            return ANY_CHAR
        if char in "^$":
            return PLACE
        if char == "\\":
            return self.escape()
        return literal(char)

    def group(self) -> Tree:
        if self.accept("?"):
            if self.accept("P<") or self.accept("<"):
                self.at = self.pattern.index(">", self.at) + 1
            else:
                while (char := self.take()) not in ":)":  # words are compared without regard to case anyway
                    self.is_swapped |= char == "U"
                if char == ")":
                    return PLACE
        tree = self.alternation()
        return tree if self.accept(")") else Opaque()

    def escape(self) -> Tree:
        char = self.take()
        if char in "bBAz":
            return PLACE
        if char in PERL_CLASSES:
            return class_of(PERL_CLASSES[char])
        if char in "pP":
            self.property()
            return ANY_CHAR
        if char == "C":
            return Repeat(ANY_CHAR, 0, 1)  # one byte: less than a character, perhaps
        plain = self.escaped(char)
        return Opaque() if plain is None else literal(plain)

    def property(self) -> None:
        self.at = self.pattern.index("}", self.at) + 1 if self.peek() == "{" else self.at + 1

    def escaped(self, char: str) -> str | None:
        """The one character an escape stands for; None when it is not of that kind."""
        if char in CONTROLS:
            return CONTROLS[char]
        if char == "x":
            if self.accept("{"):
                end = self.pattern.index("}", self.at)
                digits, self.at = self.pattern[self.at : end], end + 1
            else:
                digits, self.at = self.pattern[self.at : self.at + 2], self.at + 2
            return chr(int(digits, 16))
        if char in "01234567":
            start = self.at - 1
            while self.at - start < 3 and self.peek() and self.peek() in "01234567":
                self.at += 1
            return chr(int(self.pattern[start : self.at], 8))
        return None if char.isalnum() else char

    def char_class(self) -> Tree:
        negated = self.accept("^")
        members: set[str] | None = set()
        first = True
        while first or self.peek() != "]":
            first = False
            found = self.class_item()
            members = None if members is None or found is None else members | found
        self.at += 1
        return ANY_CHAR if negated or members is None else class_of(frozenset(members))

    def class_item(self) -> frozenset[str] | None:
        """One member or range of a class; None when it is too large to list."""
        if self.accept("[:"):
            self.at = self.pattern.index(":]", self.at) + 2
            return None
        low = self.class_char()
        if low is None or len(low) != 1:
            return low
        if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self.class_char()
            if high is None or len(high) != 1:
                return None
            (start,), (end,) = low, high
            if start > end:
                raise ValueError("range is upside down")
            if ord(end) - ord(start) > 2 * WIDEST_CLASS:
                return None
            return frozenset(chr(code) for code in range(ord(start), ord(end) + 1))
        return low

    def class_char(self) -> frozenset[str] | None:
        char = self.take()
        if char != "\\":
            return frozenset(char)
        char = self.take()
        if char in PERL_CLASSES:
            return PERL_CLASSES[char]
        if char in "pP":
            self.property()
            return None
        plain = self.escaped(char)
        return None if plain is None else frozenset(plain)


def is_count(text: str) -> bool:
    return text.isascii() and text.isdigit()


def append(parts: list[Tree], tree: Tree) -> None:
    """Add a part; characters next to each other become one text."""
    last = parts[-1] if parts else None
    if isinstance(tree, Text) and isinstance(last, Text):
        parts[-1] = Text(last.text + tree.text)
    else:
        parts.append(tree)


@lru_cache(1024)
def literal(char: str) -> Text | Chars:
    folded = fold(char)
    return ANY_CHAR if folded is None else Text(folded)


def class_of(members: frozenset[str] | None) -> Text | Chars:
    """A class by its folded members, unless they are too many or one of them has cases nobody listed."""
    if members is None:
        return ANY_CHAR
    folded = frozenset(fold(char) or "" for char in members)
    if "" in folded or len(folded) > WIDEST_CLASS:
        return ANY_CHAR
    return Text(*folded) if len(folded) == 1 else Chars(folded)
