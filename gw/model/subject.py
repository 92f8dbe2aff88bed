"""One part of an action as matchers see it: its text views and, for commands, what the parser understood.

Built by the engine once per part, so that thirty rules do not normalise thirty times. Invariant: every span a matcher
returns is in the original text of the part.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gw.model.action import Action, Part
from gw.model.decision import Span
from gw.model.shell import CommandFacts

_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class View(NamedTuple):
    """A normalised form of a text. `offsets[i]` is the original index of character i; None means identity."""

    name: str  # raw, folded, joined, decoded
    text: str
    offsets: Sequence[int] | None = None

    def span(self, start: int, end: int) -> Span:
        if self.offsets is None or not self.offsets:
            return Span(start, end)
        last = len(self.offsets) - 1
        return Span(self.offsets[min(start, last)], self.offsets[min(max(end - 1, start), last)] + 1)


class Subject(NamedTuple):
    action: Action
    part: Part
    index: int  # type: ignore[assignment]  # of the part in action.parts; hides tuple.index, which nobody asks
    views: tuple[View, ...]  # the first is the original
    command: CommandFacts | None = None
    signals: Mapping[str, int] = _NOTHING  # e.g. {"hidden-characters": 12}
    # pattern index in the target's PatternSet -> spans; filled by one scan of all views
    hits: Mapping[int, tuple[Span, ...]] = _NOTHING
