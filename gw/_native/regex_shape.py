"""Works out what every match of a pattern must contain: fixed words in a known order, at known distances.

Knows nothing of texts. Invariant: each match of the pattern has, for one of its branches, one word of every link in
order, the first at most `lead_most` behind the start of the match and each further one at most `reach` behind the one
before.
"""

import math
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Final, NamedTuple

from gw._native.regex_tree import Alt, Cat, Chars, Gap, Opaque, Repeat, Text, Tree, read
from gw._native.shapes import Branch, Length, Link, Shape

MOST_WORDS: Final = 64  # of one link
MOST_LINKS: Final = 4  # of one branch; more would find no fewer candidates
LONGEST_WORD: Final = 12  # compared at first; the engine compares the rest
FEWEST_LETTERS: Final = 3  # single letters in a row that tell enough together
COMMON: Final = ".,'-_/:"  # signs that are as frequent as letters
NARROW_LEAD: Final = 32  # places where a match may start, for one place of its first word


EMPTY: Final = Length(0)


class Find(NamedTuple):
    """A set of words one of which must occur, starting between *least* and *most* characters into the text."""

    words: frozenset[str]
    least: int = 0
    most: Length = EMPTY
    reach: Length = EMPTY  # from the start of the find before, at most; what both stand behind does not count


class Summary(NamedTuple):
    """What holds for every text that a tree matches."""

    least: int  # length
    most: Length
    exact: frozenset[str] | None  # all such texts, when they are few
    parts: tuple[Find, ...] = ()  # what to look for, in order, when they are many

    @property
    def finds(self) -> tuple[Find, ...]:
        return self.parts if self.exact is None else _finds(self.exact)


NO_BOUND: Final = Length(math.inf)
NOTHING_KNOWN: Final = Summary(0, NO_BOUND, None)
WHITE_SPACE: Final = frozenset("\t\n\f\r ")


def shape(pattern: str) -> Shape:
    tree, gaps = read(pattern)
    while isinstance(tree, Cat) and len(tree.parts) == 1:  # (?:a|b) has two branches, like a|b
        tree = tree.parts[0]
    summaries = [summarise(choice) for choice in (tree.choices if isinstance(tree, Alt) else (tree,))]
    chosen = [choose(summary.finds) for summary in summaries]
    return Shape(
        branches=tuple(map(_branch, chosen)) if all(chosen) else (),
        least=min(summary.least for summary in summaries),
        most=reduce(Length.or_more, (summary.most for summary in summaries)),
        exact=_with_gaps(pattern, gaps, lambda gap: f"{{{gap.least},{gap.most}}}?"),
        loose=_with_gaps(pattern, gaps, lambda gap: f"{{{gap.least},}}?" if gap.least else "*?") if gaps else None,
        slack=min((gap.most - gap.least for gap in gaps), default=0),
    )


def summarise(tree: Tree) -> Summary:
    match tree:
        case Text(text):
            return Summary(len(text), Length(len(text)), frozenset((text,)))
        case Chars(members):
            return Summary(1, Length(1), members)
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
    ranked = sorted(range(len(finds)), key=lambda i: -_rarity(finds[i].words))
    strong = [i for i in ranked if _rarity(finds[i].words) >= 1]
    if not strong and len(finds) < FEWEST_LETTERS:
        return ()
    ranked = strong or ranked
    chosen = set(ranked[:MOST_LINKS])
    narrow = [i for i in sorted(ranked) if finds[i].most.chars - finds[i].least <= NARROW_LEAD]
    if narrow and not chosen.intersection(narrow):
        chosen = {narrow[0], *ranked[: MOST_LINKS - 1]}
    first = min(chosen.intersection(narrow), default=min(chosen))
    places = [i for i in sorted(chosen) if i >= first]
    # A distance is the sum of those between, whatever was not chosen.
    between = [reduce(Length.plus, (find.reach for find in finds[a + 1 : b + 1])) for a, b in pairwise(places)]
    return tuple(finds[i]._replace(reach=reach) for i, reach in zip(places, [EMPTY, *between], strict=True))


def _with_gaps(pattern: str, gaps: Sequence[Gap], quantifier: Callable[[Gap], str]) -> str:
    for gap in reversed(gaps):
        pattern = pattern[: gap.start] + quantifier(gap) + pattern[gap.end :]
    return pattern


def _branch(finds: Sequence[Find]) -> Branch:
    return Branch(tuple(Link(find.words, find.reach) for find in finds), finds[0].least, finds[0].most)


def _sequence(parts: Sequence[Summary]) -> Summary:
    row = _Row()
    for part in parts:
        row.add(part)
    row.end_run()
    least, most = row.here
    return Summary(least, most, row.run if row.is_exact else None, tuple(row.finds))


class _Row:
    """Joins exact parts into words as long as they stay few; each run of them that is worth it becomes a find."""

    def __init__(self) -> None:
        self.finds: list[Find] = []
        self.here = (0, EMPTY)  # how far the parts so far reach, at least and at most
        self.since = EMPTY  # how far they reach from the start of the last find, at most
        self.is_exact = True
        self.run = frozenset({""})  # texts of the exact parts joined so far, which began at run_start
        self.run_start, self.run_since, self.run_length = self.here, self.since, EMPTY

    def add(self, part: Summary) -> None:
        joined = _product(self.run, part.exact)
        if joined is not None:
            self.run = joined
        else:
            self.end_run()
            self.is_exact = False
            if part.exact is not None:
                self.begin_run(part.exact)
            else:
                self.adopt(part.finds)
        least, most = self.here
        self.here = (least + part.least, most.plus(part.most))
        self.since = self.since.plus(part.most)
        self.run_length = self.run_length.plus(part.most)
        if part.exact is None:
            self.begin_run(frozenset({""}))

    def begin_run(self, run: frozenset[str]) -> None:
        self.run, self.run_start, self.run_since, self.run_length = run, self.here, self.since, EMPTY

    def end_run(self) -> None:
        for find in _finds(self.run):
            self.finds.append(Find(find.words, *self.run_start, self.run_since))
            self.since = self.run_length

    def adopt(self, finds: Sequence[Find]) -> None:
        """Take over what a part that begins here has found in itself."""
        least, most = self.here
        for i, find in enumerate(finds):
            reach = find.reach if i else self.since.plus(find.most)
            self.finds.append(Find(find.words, least + find.least, most.plus(find.most), reach))
        if finds:
            self.since = Length(-finds[-1].least)


def _product(run: frozenset[str], exact: frozenset[str] | None) -> frozenset[str] | None:
    """Every text of *run* followed by every text of *exact*; None when that cannot be listed."""
    if exact is None or len(run) * len(exact) > MOST_WORDS or min(map(len, run)) >= LONGEST_WORD:
        return None
    return frozenset(head + tail for head in run for tail in exact)


def _either(choices: Sequence[Summary]) -> Summary:
    least, most = min(c.least for c in choices), reduce(Length.or_more, (c.most for c in choices))
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
    furthest = reduce(Length.or_more, (find.most for find in found))
    return Summary(least, most, None, (Find(words, min(find.least for find in found), furthest),))


def _repeated(inner: Summary, least: int, most: float) -> Summary:
    shortest = inner.least * least
    if most < math.inf or inner.most == EMPTY:
        longest = inner.most.times(int(most)) if 0 < most < math.inf else EMPTY
    else:
        longest = Length(0, 1) if inner.exact is not None and inner.exact <= WHITE_SPACE else NO_BOUND
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


def _finds(words: frozenset[str] | None) -> tuple[Find, ...]:
    """A find of these words at the very start, when looking for them is worth while."""
    if not words:
        return ()
    cut = {word[:LONGEST_WORD] for word in words}
    cut = {word for word in cut if not any(word[:size] in cut for size in range(len(word)))}
    return (Find(frozenset(cut)),) if _rarity(frozenset(cut)) > 0 else ()


def _rarity(words: frozenset[str]) -> float:
    """How seldom ordinary text has one of the words: the shortest's length, less when they are many; 0: useless."""
    shortest = min(words, key=len)
    if not shortest or any(word.isspace() for word in words if len(word) == 1):
        return 0
    if any(word.isalnum() or word in COMMON for word in words if len(word) == 1):
        return 0.5 / len(words)
    return max(1, len(shortest) - math.log2(len(words)) / 4)
