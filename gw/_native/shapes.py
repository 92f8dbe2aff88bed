"""What the pattern engine is told of a pattern: the fixed words every match contains, their order and distances.

Values only. Words are folded (`casefold`), lengths and distances count characters. An upper bound is a Length:
unlimited white space (`\\s+`) counts as runs, so that the bound becomes a number once the text is known.
"""

from typing import NamedTuple, Protocol


class Length(NamedTuple):
    """At most so many characters, and so many runs of white space on top, each as long as the text's longest."""

    chars: float  # math.inf: no bound
    runs: int = 0

    def plus(self, other: "Length") -> "Length":
        return Length(self.chars + other.chars, self.runs + other.runs)

    def times(self, count: int) -> "Length":
        return Length(self.chars * count, self.runs * count)

    def or_more(self, other: "Length") -> "Length":
        return Length(max(self.chars, other.chars), max(self.runs, other.runs))


class Link(NamedTuple):
    words: frozenset[str]
    reach: Length  # from the start of the previous link's word to the start of this one


class Branch(NamedTuple):
    links: tuple[Link, ...]
    lead_least: int  # from the start of the match to the start of the first word
    lead_most: Length


class Shape(NamedTuple):
    """What the engine is given, and what it is told of the pattern.

    In *exact* wide counted gaps are taken as short as possible. *loose* has gaps without upper bound (None: there are
    none): it matches wherever *exact* does, with far fewer states; a match of it no longer than *least* + *slack*
    characters is one of *exact* as well, for no gap in it can be too long.
    """

    branches: tuple[Branch, ...]  # none when a match need not contain any word
    least: int  # length of a match, in characters
    most: Length
    exact: str
    loose: str | None
    slack: int


class Known(Protocol):
    """Shapes of patterns that are known to compile."""

    def get(self, pattern: str, /) -> Shape | None: ...
