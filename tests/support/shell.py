"""Command facts made by hand, for tests of what reads them; the parser has its own tests."""

from collections.abc import Mapping
from typing import Any

from gw.model.action import Action, Part, PartKind
from gw.model.decision import Span
from gw.model.shell import CommandFacts, Node, NodeRole
from gw.model.subject import Subject, View


def node(text: str, start: int = 0, role: NodeRole = NodeRole.RUNS, **fields: Any) -> Node:
    """One simple command of plain words."""
    argv = tuple(text.split())
    flags = frozenset(word for word in argv[1:] if word.startswith("-"))
    operands = tuple(word for word in argv[1:] if not word.startswith("-"))
    span = Span(start, start + len(text))
    return Node(role, argv[0] if argv else None, argv, flags, operands, span, **fields)


def subject(
    text: str,
    *nodes: Node,
    signals: frozenset[str] = frozenset(),
    hits: Mapping[int, tuple[Span, ...]] | None = None,
    **action: Any,
) -> Subject:
    """A command subject; by default of one node that is the whole line."""
    part = Part(PartKind.COMMAND, "/command", text)
    facts = CommandFacts(nodes or (node(text),), signals)
    whole = Action("a", "test", (part,), "0" * 64, len(text), **action)
    return Subject(whole, part, 0, (View("raw", text),), facts, {}, hits or {})


def part_subject(kind: PartKind, value: str, signals: Mapping[str, int] | None = None, **action: Any) -> Subject:
    """A subject of any other kind of part."""
    part = Part(kind, "/x", value)
    return Subject(
        Action("a", "test", (part,), "0" * 64, len(value), **action),
        part,
        0,
        (View("raw", value),),
        None,
        signals or {},
    )
