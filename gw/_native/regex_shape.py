"""What every match of a pattern must contain: fixed words in a known order, at known distances.

Knows nothing of texts. Words are folded (`regex_tree.fold`), lengths and distances count characters. Invariant: each
match of the pattern has, for one of its branches, one word of every link in order, the first at most `lead_most` behind
the start of the match and each further one at most `reach` behind the one before.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from gw._native.regex_tree import Alt, Cat, Chars, Gap, Opaque, Repeat, Text, Tree, read

MOST_WORDS: Final = 64  # of one link
MOST_LINKS: Final = 4  # of one branch; more would find no fewer candidates
LONGEST_WORD: Final = 12  # compared at first; the engine compares the rest
FEWEST_LETTERS: Final = 3  # single letters in a row that tell enough together
COMMON: Final = ".,'-_/:"  # signs that are as frequent as letters
NARROW_LEAD: Final = 32  # places where a match may start, for one place of its first word


class Link(NamedTuple):
    words: frozenset[str]
    reach: float  # from the start of the previous link's word to the start of this one, at most


class Branch(NamedTuple):
    links: tuple[Link, ...]
    lead_least: int  # from the start of the match to the start of the first word
    lead_most: float


class Shape(NamedTuple):
    """What the engine is given, and what it is told of the pattern.

    In *exact* wide counted gaps are taken as short as possible. *loose* has gaps without upper bound (None: there are
    none): it matches wherever *exact* does, with far fewer states; a match of it no longer than *least* + *slack*
    characters is one of *exact* as well, for no gap in it can be too long.
    """

    branches: tuple[Branch, ...]  # none when a match need not contain any word
    least: int  # length of a match, in characters
    most: float
    exact: str
    loose: str | None
    slack: int


class Find(NamedTuple):
    """A set of words one of which must occur, starting between *least* and *most* characters into the text."""

    words: frozenset[str]
    least: int
    most: float


class Summary(NamedTuple):
    """What holds for every text that a tree matches."""

    least: int  # length
    most: float
    exact: frozenset[str] | None  # all such texts, when they are few
    parts: tuple[Find, ...] = ()  # what to look for, in order, when they are many

    @property
    def finds(self) -> tuple[Find, ...]:
        return self.parts if self.exact is None else _finds(self.exact)


NOTHING_KNOWN: Final = Summary(0, math.inf, None)


def shape(pattern: str) -> Shape:
    tree, gaps = read(pattern)
    while isinstance(tree, Cat) and len(tree.parts) == 1:  # (?:a|b) has two branches, like a|b
        tree = tree.parts[0]
    summaries = [summarise(choice) for choice in (tree.choices if isinstance(tree, Alt) else (tree,))]
    chosen = [choose(summary.finds) for summary in summaries]
    return Shape(
        branches=tuple(map(_branch, chosen)) if all(chosen) else (),
        least=min(summary.least for summary in summaries),
        most=max(summary.most for summary in summaries),
        exact=_with_gaps(pattern, gaps, lambda gap: f"{{{gap.least},{gap.most}}}?"),
        loose=_with_gaps(pattern, gaps, lambda gap: f"{{{gap.least},}}?" if gap.least else "*?") if gaps else None,
        slack=min((gap.most - gap.least for gap in gaps), default=0),
    )


def summarise(tree: Tree) -> Summary:
    match tree:
        case Text(text):
            return Summary(len(text), len(text), frozenset((text,)))
        case Chars(members):
            return Summary(1, 1, members)
        case Cat(parts):
            return _sequence([summarise(part) for part in parts])
        case Alt(choices):
            return _either([summarise(choice) for choice in choices])
        case Repeat(inner, least, most):
            return _repeated(summarise(inner), least, most)
        case Opaque():
            return NOTHING_KNOWN


def choose(finds: Sequence[Find]) -> tuple[Find, ...]:
    """At most MOST_LINKS, the rarest, in their order; among them one near the start of the match if there is any.

    Single letters are looked for only when there is nothing better, and when there are several.
    """
    strong = [find for find in finds if _rarity(find.words) >= 1]
    if not strong and len(finds) < FEWEST_LETTERS:
        return ()
    finds = strong or finds
    ranked = sorted(range(len(finds)), key=lambda i: -_rarity(finds[i].words))
    chosen = set(ranked[:MOST_LINKS])
    narrow = [i for i in range(len(finds)) if finds[i].most - finds[i].least <= NARROW_LEAD]
    if narrow and not chosen.intersection(narrow):
        chosen = {narrow[0], *ranked[: MOST_LINKS - 1]}
    first_narrow = min(chosen.intersection(narrow), default=0)
    return tuple(finds[i] for i in sorted(chosen) if i >= first_narrow)


def _with_gaps(pattern: str, gaps: Sequence[Gap], quantifier: Callable[[Gap], str]) -> str:
    for gap in reversed(gaps):
        pattern = pattern[: gap.start] + quantifier(gap) + pattern[gap.end :]
    return pattern


def _branch(finds: Sequence[Find]) -> Branch:
    links = [Link(finds[0].words, 0)]
    for before, after in pairwise(finds):
        links.append(Link(after.words, after.most - before.least))
    return Branch(tuple(links), finds[0].least, finds[0].most)


def _sequence(parts: Sequence[Summary]) -> Summary:
    """Join exact parts into words as long as they stay few; each run of them that is worth it becomes a find."""
    finds: list[Find] = []
    least, most = 0, 0.0
    run, run_least, run_most = frozenset({""}), 0, 0.0
    exact: frozenset[str] | None = run
    for part in parts:
        joined = _product(run, part.exact)
        if joined is None:
            finds.extend(_finds(run, run_least, run_most))
            exact = None
            if part.exact is None:
                finds.extend(Find(f.words, least + f.least, most + f.most) for f in part.finds)
                run, run_least, run_most = frozenset({""}), least + part.least, most + part.most
            else:
                run, run_least, run_most = part.exact, least, most
        else:
            run = joined
        least += part.least
        most += part.most
    finds.extend(_finds(run, run_least, run_most))
    return Summary(least, most, run if exact is not None else None, tuple(finds))


def _product(run: frozenset[str], exact: frozenset[str] | None) -> frozenset[str] | None:
    """Every text of *run* followed by every text of *exact*; None when that cannot be listed."""
    if exact is None or len(run) * len(exact) > MOST_WORDS or min(map(len, run)) >= LONGEST_WORD:
        return None
    return frozenset(head + tail for head in run for tail in exact)


def _either(choices: Sequence[Summary]) -> Summary:
    least, most = min(c.least for c in choices), max(c.most for c in choices)
    exact: frozenset[str] | None = frozenset()
    for choice in choices:
        exact = None if exact is None or choice.exact is None else exact | choice.exact
    if exact is not None and len(exact) <= MOST_WORDS:
        return Summary(least, most, exact)
    best = [max(choice.finds, key=lambda find: _rarity(find.words), default=None) for choice in choices]
    found = [find for find in best if find is not None]
    words = frozenset[str]().union(*(find.words for find in found))
    if len(found) < len(best) or len(words) > MOST_WORDS:
        return Summary(least, most, None)
    return Summary(least, most, None, (Find(words, min(f.least for f in found), max(f.most for f in found)),))


def _repeated(inner: Summary, least: int, most: float) -> Summary:
    shortest = inner.least * least
    longest = inner.most * most if inner.most and most else 0.0
    if least == 0:
        optional = most == 1 and inner.exact is not None
        return Summary(0, longest, inner.exact | {""} if optional and inner.exact is not None else None)
    exact: frozenset[str] | None = frozenset({""})
    for _ in range(least):
        exact = None if exact is None else _product(exact, inner.exact)
    if exact is None:
        return Summary(shortest, longest, None, inner.finds)
    if least == most:
        return Summary(shortest, longest, exact)
    return Summary(shortest, longest, None, _finds(exact))


def _finds(words: frozenset[str] | None, least: int = 0, most: float = 0.0) -> tuple[Find, ...]:
    """A find of these words when looking for them is worth while."""
    if not words:
        return ()
    cut = {word[:LONGEST_WORD] for word in words}
    cut = {word for word in cut if not any(word[:size] in cut for size in range(len(word)))}
    return (Find(frozenset(cut), least, most),) if _rarity(frozenset(cut)) > 0 else ()


def _rarity(words: frozenset[str]) -> float:
    """How seldom ordinary text has one of the words: the shortest's length, less when they are many; 0: useless."""
    shortest = min(words, key=len)
    if not shortest or any(word.isspace() for word in words if len(word) == 1):
        return 0
    if any(word.isalnum() or word in COMMON for word in words if len(word) == 1):
        return 0.5 / len(words)
    return max(1, len(shortest) - math.log2(len(words)) / 4)
