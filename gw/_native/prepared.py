"""Shapes of patterns, worked out when clawgate is built; a start then neither reads nor compiles these patterns.

Knows nothing of policies. Invariant: a cache and no more. What stands here equals what `regex_shape.shape` says, and
the engine has compiled it with the least memory it may ever be given. A pattern that is missing costs its own work.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from gw import DATA
from gw._native.patterns import LEAST_MEM, PatternError, PatternSet
from gw._native.shapes import Branch, Length, Link, Shape

FILE: Final = DATA / "patterns.jsonl"


class Prepared:
    """Shapes by pattern; each is read when it is asked for, and not kept."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rows = dict(line.rstrip("\n").split("\t", 1) for line in lines)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(map(json.loads, self._rows))

    def get(self, pattern: str) -> Shape | None:
        row = self._rows.get(_written(pattern))
        return None if row is None else _from_row(json.loads(row))


def prepare(patterns: Iterable[str], file: Path = FILE) -> int:
    """Write the shapes of those that need no more than the least memory; returns how many. Raises OSError."""
    from gw._native.regex_shape import shape

    usable = sorted({pattern for pattern in patterns if _is_small(pattern)})
    lines = [f"{_written(pattern)}\t{_written(_to_row(shape(pattern)))}\n" for pattern in usable]
    file.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def read(file: Path = FILE) -> Prepared:
    """Nothing is known when there is no such file, or when it is of another form."""
    try:
        with file.open(encoding="utf-8") as lines:
            return Prepared(lines)
    except (OSError, ValueError):
        return Prepared(())


def _written(value: str | list[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))  # without a tab or a line end


def _is_small(pattern: str) -> bool:
    try:
        PatternSet([pattern], max_mem=LEAST_MEM)
    except PatternError:
        return False
    return True


def _to_row(shape: Shape) -> list[Any]:
    branches = [
        [[[sorted(link.words), link.reach] for link in branch.links], branch.lead_least, branch.lead_most]
        for branch in shape.branches
    ]
    return [branches, *shape[1:]]


def _from_row(row: list[Any]) -> Shape:
    branches, least, most, *rest = row
    return Shape(
        tuple(
            Branch(tuple(Link(frozenset(words), Length(*reach)) for words, reach in links), lead, Length(*lead_most))
            for links, lead, lead_most in branches
        ),
        *(least, Length(*most)),
        *rest,
    )
