"""`text`: words near words, in any order, whatever their case: `{near: [[ignore, forget], [rules]], within: 6}`.

Each group becomes one pattern of the target's scan; this only measures distances between hits. Invariant: linear in the
number of hits, and a word never matches inside another word.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import Context, Keys, Matcher
from gw.policy.source import Node

WITHIN: Final = 6  # words between the groups, unless the rule says otherwise
MAX_WITHIN: Final = 50
_WORD_CHARACTERS: Final = 24  # hits further apart than `within` words of this length are not looked at
_META: Final = frozenset("\\.+*?()|[]{}^$")


@dataclass(frozen=True, slots=True)
class Near:
    """Every group has a hit at most `within` words from one and the same hit of the first group."""

    groups: tuple[int, ...]  # pattern indexes
    within: int

    @property
    def keys(self) -> Keys:
        return frozenset(self.groups[:1])

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        hits = []
        for index in self.groups:
            spans = subject.hits.get(index)
            if not spans:
                return None
            hits.append(sorted(spans))
        for anchor in hits[0]:
            chosen = [anchor]
            for others in hits[1:]:
                other = self._nearest(anchor, others, subject.part.value)
                if other is None:
                    break
                chosen.append(other)
            else:
                return (Span(min(span.start for span in chosen), max(span.end for span in chosen)),)
        return None

    def _nearest(self, anchor: Span, others: Sequence[Span], text: str) -> Span | None:
        """The hit just before or just after, when few enough words lie between."""
        at = bisect_left(others, anchor)
        for other in others[max(0, at - 1) : at + 1]:
            start, end = (anchor.end, other.start) if other >= anchor else (other.end, anchor.start)
            if end - start > (self.within + 1) * _WORD_CHARACTERS:
                continue
            if len(text[start:end].split()) <= self.within:
                return other
        return None


def compile_text(node: Node, context: Context) -> Matcher:
    fields = context.fields(node, ("near", "within"))
    if "near" not in fields:
        return context.problem(node, "text.empty", "expected `near`, a list of groups of words")
    within: object = WITHIN
    if (limit := fields.get("within")) is not None:
        within = limit.value
    if not isinstance(within, int) or isinstance(within, bool) or not 0 <= within <= MAX_WITHIN:
        return context.problem(fields["within"], "value.range", f"`within` counts words, from 0 to {MAX_WITHIN}")
    groups = []
    for group in fields["near"].elements():
        words = [word for word in context.words(group) if word.strip()]
        if not words:
            return context.problem(group, "text.group", "an empty group of words is never near anything")
        groups.append(context.add_pattern(_pattern(words), group))
    if len(groups) < 2:
        hint = "use `pattern` for words on their own"
        return context.problem(fields["near"], "text.groups", "`near` needs two groups or more", hint=hint)
    return Near(tuple(groups), within)


def _pattern(words: Sequence[str]) -> str:
    r"""Any of the words or phrases, as a whole; blanks match any blanks."""
    return r"(?i)(?:^|[^\pL\pN_])(?:" + "|".join(map(_escape, words)) + r")(?:$|[^\pL\pN_])"


def _escape(phrase: str) -> str:
    return r"\s+".join("".join("\\" + c if c in _META else c for c in word) for word in phrase.split())
