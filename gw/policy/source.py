"""Policy text to a tree of nodes that know where they stand in their file.

Knows nothing of what keys mean (schema.py) or of files on disk (loader.py). Invariant: parsing is bounded (size, depth,
nodes, aliases) and has no surprises: only `true`/`false` are booleans, only plain digits are numbers, nothing is a
date, a key never appears twice, and tags are refused.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import yaml

from gw.model.problem import Problem

MAX_BYTES: Final = 1024 * 1024  # the largest shipped pack is under a tenth of it
MAX_DEPTH: Final = 24
MAX_NODES: Final = 200_000  # counted with every alias expanded, which is what bounds an alias bomb
MAX_ALIASES: Final = 256

_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{1,9})?\Z")  # scalars over 64 characters never reach it
_LOADER: Final[type[Any]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Position(NamedTuple):
    """Counts from 1."""

    line: int
    column: int


Value = str | int | float | bool | None | tuple["Node", ...] | Mapping[str, "Node"]


class Node(NamedTuple):
    """A scalar, a list (tuple of nodes) or a mapping (its keys' positions are in `keys`)."""

    value: Value
    file: str
    line: int
    column: int
    keys: Mapping[str, Position] = {}

    @property
    def word(self) -> str:
        """What a message calls this kind of value."""
        match self.value:
            case bool():
                return "true/false"
            case str():
                return "text"
            case int() | float():
                return "a number"
            case tuple():
                return "a list"
            case None:
                return "nothing"
            case _:
                return "a mapping"

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """Children of a mapping; nothing for any other kind."""
        return iter(self.value.items()) if isinstance(self.value, Mapping) else iter(())

    def get(self, key: str) -> "Node | None":
        return self.value.get(key) if isinstance(self.value, Mapping) else None

    def elements(self) -> tuple["Node", ...]:
        """A list's elements; a scalar or mapping counts as a list of one, so that `x: a` may stand for `x: [a]`."""
        return self.value if isinstance(self.value, tuple) else (self,)

    def problem(self, code: str, message: str, *, path: str = "", hint: str = "", severity: str = "error") -> Problem:
        return Problem(self.file, self.line, self.column, code, message, path, hint, severity)


def plain(node: Node) -> Any:
    """The node as ordinary Python values."""
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    if isinstance(node.value, Mapping):
        return {key: plain(child) for key, child in node.value.items()}
    return node.value


def parse(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Return the document's root, or None with the problems that stopped it. Duplicate keys are only reported."""
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > MAX_BYTES:
        problem = Problem(file, 0, 0, "source.size", f"file of {size_bytes} bytes; at most {MAX_BYTES} are read")
        return None, [problem]
    reader = _Reader(file)
    try:
        root = reader.document(yaml.parse(text, Loader=_LOADER))
    except _RefusedError as refused:
        return None, [*reader.problems, refused.problem]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        message = " ".join(str(part) for part in (error.context, error.problem) if part)
        return None, [*reader.problems, Problem(file, line, column, "source.syntax", message)]
    except yaml.YAMLError as error:
        return None, [Problem(file, 0, 0, "source.syntax", " ".join(str(error).split()))]
    return root, reader.problems


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Reader:
    """Builds nodes from parser events; one per document."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._count = 0
        self._aliases = 0
        self._anchors: dict[str, tuple[Node, int]] = {}  # with how many nodes each stands for
        self._events: Iterator[Any] = iter(())

    def document(self, events: Iterator[Any]) -> Node | None:
        self._events = events
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._refuse(event, "source.documents", "a second document in one file")
                root = self._node(next(events), 0)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._refuse(event, "source.depth", f"nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None and event.tag != "!":
            raise self._refuse(event, "source.tag", f"tags such as {event.tag} are not allowed")
        before = self._count
        self._spend(event, 1)
        if isinstance(event, yaml.ScalarEvent):
            node = self._make(event, _scalar(event.value, plain=event.implicit[0] and not event.style))
        elif isinstance(event, yaml.SequenceStartEvent):
            children = []
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                children.append(self._node(inner, depth + 1))
            node = self._make(event, tuple(children))
        else:
            node = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._count - before)
        return node

    def _mapping(self, start: Any, depth: int) -> Node:
        children: dict[str, Node] = {}
        keys: dict[str, Position] = {}
        event: Any = next(self._events)
        while not isinstance(event, yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refuse(event, "source.key", "a key must be plain text")
            key = str(event.value)
            mark: Any = event.start_mark
            child = self._node(next(self._events), depth + 1)
            if key in keys:
                message = f"key {key!r} appears twice; first at line {keys[key].line}"
                self.problems.append(Problem(self._file, mark.line + 1, mark.column + 1, "source.duplicate", message))
            else:
                children[key] = child
                keys[key] = Position(mark.line + 1, mark.column + 1)
            event = next(self._events)
        return self._make(start, MappingProxyType(children), MappingProxyType(keys))

    def _alias(self, event: Any) -> Node:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise self._refuse(event, "source.alias", f"more than {MAX_ALIASES} aliases")
        if event.anchor not in self._anchors:  # also refuses an alias inside its own anchor
            raise self._refuse(event, "source.alias", f"alias *{event.anchor} has no finished anchor before it")
        node, size = self._anchors[event.anchor]
        self._spend(event, size)
        return node

    def _spend(self, event: Any, nodes: int) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            raise self._refuse(event, "source.nodes", f"more than {MAX_NODES} values, aliases expanded")

    def _make(self, event: Any, value: Value, keys: Mapping[str, Position] = MappingProxyType({})) -> Node:
        return Node(value, self._file, event.start_mark.line + 1, event.start_mark.column + 1, keys)

    def _refuse(self, event: Any, code: str, message: str) -> _RefusedError:
        mark = event.start_mark
        return _RefusedError(Problem(self._file, mark.line + 1, mark.column + 1, code, message))


def _scalar(text: str, *, plain: bool) -> Value:
    if not plain:
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "~", "null"):
        return None
    if len(text) <= 64 and (found := _NUMBER.match(text)) and not _leading_zero(text):
        return float(text) if found.group(1) else int(text)
    return text


def _leading_zero(text: str) -> bool:
    digits = text.lstrip("+-")
    return len(digits) > 1 and digits[0] == "0" and digits[1] != "."
