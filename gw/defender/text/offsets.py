"""The way back from a view's characters to the original text.

Knows nothing of why a text was rewritten. Invariant: positions never decrease and stay inside the original.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload


class Edit(NamedTuple):
    """Replace `start..end` of a text."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Offsets(Sequence[int]):
    """Piecewise: character i of the view, from `at[k]` on, stands for the original range `start[k]..end[k]`.

    Pieces of equal length on both sides map one to one; others proportionally, as a decoded run does.
    """

    at: Sequence[int]
    start: Sequence[int]
    end: Sequence[int]
    size: int  # characters of the view
    inner: "Sequence[int] | None" = None  # when the original is itself a view

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...

    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.size))]
        if not 0 <= index < self.size:
            raise IndexError(index)
        piece = bisect_right(self.at, index) - 1
        start, end = self.start[piece], self.end[piece]
        length = (self.at[piece + 1] if piece + 1 < len(self.at) else self.size) - self.at[piece]
        position = start + (index - self.at[piece]) * (end - start) // length
        return position if self.inner is None else self.inner[position]

    @classmethod
    def of(cls, pieces: Iterable[tuple[int, int, int]], size: int, inner: "Sequence[int] | None" = None) -> "Offsets":
        """From (at, start, end) triples in order; pieces without characters are dropped."""
        at, start, end = array("I"), array("I"), array("I")
        for piece_at, piece_start, piece_end in pieces:
            if at and at[-1] == piece_at:
                at.pop(), start.pop(), end.pop()
            if piece_at < size:
                at.append(piece_at)
                start.append(piece_start)
                end.append(piece_end)
        return cls(at, start, end, size, inner)


def rewrite(text: str, edits: Iterable[Edit], inner: Sequence[int] | None = None) -> tuple[str, Offsets]:
    """Apply edits in order of their start; one that overlaps an earlier one is skipped. `inner` maps *text* back."""
    out: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    size = position = 0
    for start, end, replacement in edits:
        if start < position:
            continue
        if start > position:
            pieces.append((size, position, start))
            out.append(text[position:start])
            size += start - position
        if replacement:
            pieces.append((size, start, end))
            out.append(replacement)
            size += len(replacement)
        position = end
    if position < len(text):
        pieces.append((size, position, len(text)))
        out.append(text[position:])
        size += len(text) - position
    return "".join(out), Offsets.of(pieces, size, inner)
