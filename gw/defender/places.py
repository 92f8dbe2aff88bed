"""A carrier's pointers as a tree, so that a request is walked once and only where it has something.

Knows no method and no verdict. Invariant: what is found is found in the order of the pointers, whatever the order of
names in the request; what one pointer has taken, no later one finds.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter

from gw.model.action import PartKind
from gw.ports import Json

# A value at one of the pointers: the pointer's number and kind, the place as a pointer without stars, the value.
Found = tuple[int, PartKind, str, Json]


class Place:
    """One step of the pointers."""

    __slots__ = ("below", "each", "kind", "rest", "row")

    def __init__(self) -> None:
        self.row = 0
        self.kind: PartKind | None = None  # of a value that stands here
        self.rest: tuple[int, PartKind] | None = None  # row and kind of the texts below that no other row names
        self.below: dict[str | int, Place] = {}
        self.each: Place | None = None  # below every name or number that is not in `below`


def planted(pointers: Sequence[tuple[PartKind, str]]) -> Place:
    """The tree of *pointers*. `*` stands for every element of a list or mapping, a last `**` for every text below.

    A pointer must come before those that stand above it.
    """
    root = Place()
    for row, (kind, pointer) in enumerate(pointers):
        place = root
        for name in pointer.split("/")[1:]:
            if name == "**":
                place.rest = row, kind
                break
            if name == "*":
                place.each = place = place.each or Place()
            else:
                place = place.below.setdefault(name, Place())
        else:
            place.row, place.kind = row, kind
    return root


def find(root: Place, value: Json) -> list[Found]:
    """Everything in *value* that the pointers name, in their order."""
    found: list[Found] = []
    _walk(root, "", value, None, found)
    if len(found) > 1:
        found.sort(key=itemgetter(0))
    return found


def _walk(place: Place, where: str, node: Json, rest: tuple[int, PartKind] | None, found: list[Found]) -> None:
    if place.kind is not None:
        found.append((place.row, place.kind, where, node))
        if not place.below and place.each is None:
            return
        rest = None
    elif place.rest is not None:
        rest = place.rest
    if isinstance(node, str):
        if rest is not None:
            found.append((*rest, where, node))
        return
    for name, child in _children(node):
        below = place.below.get(name, place.each)
        if below is not None:
            _walk(below, f"{where}/{escape(name)}", child, rest, found)
        elif rest is not None:
            _read_rest(rest, f"{where}/{escape(name)}", child, found)


def _read_rest(rest: tuple[int, PartKind], where: str, value: Json, found: list[Found]) -> None:
    """Every text below, in order; without recursion, since what is nested here may be nested deep."""
    stack = [(where, value)]
    while stack:
        at, node = stack.pop()
        if isinstance(node, str):
            found.append((*rest, at, node))
        else:
            stack.extend([(f"{at}/{escape(name)}", child) for name, child in reversed([*_children(node)])])


def _children(node: Json) -> Iterable[tuple[str | int, Json]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def escape(name: str | int) -> str | int:
    """RFC 6901 section 3."""
    if isinstance(name, str) and ("~" in name or "/" in name):
        return name.replace("~", "~0").replace("/", "~1")
    return name
