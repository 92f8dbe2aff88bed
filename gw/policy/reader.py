"""Nodes to typed values by the schema table, collecting every problem.

Knows the kinds of value, not what a policy means. Invariant: a field with a problem is absent from the result, so
nothing half-read goes on.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gw.model.decision import Verdict
from gw.model.problem import Problem, closest
from gw.policy.compiled import Example
from gw.policy.conditions import FIELDS
from gw.policy.matchers import MATCHERS
from gw.policy.schema import SECTIONS, Field, Kind
from gw.policy.source import Node, plain

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.\-/]{0,127}\Z")
_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)\Z")
_UNIT_MS: Final = MappingProxyType({"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000})


class Entry(NamedTuple):
    """One mapping read by one section's rows; `extra` holds the children that are not rows but were permitted."""

    node: Node
    path: str
    values: Mapping[str, Any] = {}
    extra: Mapping[str, Node] = {}

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def at(self, name: str) -> Node:
        """The node of a field, for messages; the entry itself when the field is absent."""
        return self.node.get(name) or self.node


class Reader:
    """Reads entries; `problems` grows."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def entry(self, node: Node, section: str, path: str, extra: frozenset[str] = frozenset()) -> Entry:
        if not isinstance(node.value, Mapping):
            self._report(node, path, "value.type", f"expected a mapping, found {node.word}")
            return Entry(node, path)
        rows = {row.name: row for row in SECTIONS[section]}
        values: dict[str, Any] = {}
        others: dict[str, Node] = {}
        for key, child in node.value.items():
            if key in extra:
                others[key] = child
            elif (row := rows.get(key)) is None:
                self._unknown(node, key, path, (*rows, *extra))
            elif (value := self._value(child, row, f"{path}.{key}" if path else key)) is not None:
                values[key] = value
        for row in rows.values():
            if row.required and row.name not in node.value:
                self._report(node, path, "key.missing", f"`{row.name}` is missing", hint=row.doc)
        return Entry(node, path, values, others)

    def _value(self, node: Node, row: Field, path: str) -> Any:
        if row.kind is Kind.NODE:
            return node
        if row.kind is Kind.ENTRY:
            return self.entry(node, row.section, path)
        if row.kind is Kind.ENTRIES:
            return self._entries(node, row, path)
        if row.kind is Kind.TABLE:
            return self._table(node, path, lambda child, at: self.entry(child, row.section, at))
        try:
            return _READERS[row.kind](node, row)
        except _BadError as bad:
            self._report(bad.node, path, bad.code, str(bad), hint=bad.hint)
            return None

    def _entries(self, node: Node, row: Field, path: str) -> tuple[Entry, ...] | None:
        if not isinstance(node.value, tuple):
            self._report(node, path, "value.type", f"expected a list, found {node.word}")
            return None
        extra = frozenset(MATCHERS) if row.section == "rule" else frozenset()
        return tuple(
            self.entry(child, row.section, f"{path}[{index}]", extra) for index, child in enumerate(node.value)
        )

    def _table(self, node: Node, path: str, read: Callable[[Node, str], Entry]) -> dict[str, Entry] | None:
        if not isinstance(node.value, Mapping):
            self._report(node, path, "value.type", f"expected a mapping, found {node.word}")
            return None
        return {key: read(child, f"{path}.{key}") for key, child in node.value.items()}

    def _unknown(self, node: Node, key: str, path: str, allowed: tuple[str, ...]) -> None:
        line, column = node.keys[key]
        near = closest(key, allowed)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(allowed)}"
        self.problems.append(Problem(node.file, line, column, "key.unknown", f"unknown key {key!r}", path, hint))

    def _report(self, node: Node, path: str, code: str, message: str, hint: str = "") -> None:
        self.problems.append(node.problem(code, message, path=path, hint=hint))


class _BadError(Exception):
    def __init__(self, node: Node, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.node, self.code, self.hint = node, code, hint


def _text(node: Node, row: Field) -> str:
    if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
        raise _BadError(node, "value.type", f"expected text, found {node.word}", "quote it")
    return str(node.value)


def _name(node: Node, row: Field) -> str:
    name = _text(node, row)
    if not _NAME.match(name[:129]):
        hint = "lower-case letters, digits, `.`, `-`, `_`, `/`; at most 128"
        raise _BadError(node, "value.name", f"{name[:40]!r} is no usable id", hint)
    return name


def _number(node: Node, row: Field) -> int:
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        raise _BadError(node, "value.type", f"expected a whole number, found {node.word}")
    if not row.low <= node.value <= row.high:
        raise _BadError(node, "value.range", f"{node.value} is not within {row.low}..{row.high}")
    return node.value


def _flag(node: Node, row: Field) -> bool:
    if not isinstance(node.value, bool):
        raise _BadError(node, "value.type", f"expected true or false, found {node.word}")
    return node.value


def _choose(node: Node, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        near = closest(value, choices)
        hint = f"did you mean {near[0]}?" if near else "one of " + ", ".join(choices)
        raise _BadError(node, "value.choice", f"{value!r} is not possible here", hint)
    return value


def _choice(node: Node, row: Field) -> str:
    return _choose(node, _text(node, row), row.choices)


def _choices(node: Node, row: Field) -> tuple[str, ...]:
    return tuple(_choose(element, _text(element, row), row.choices) for element in node.elements())


def _words(node: Node, row: Field) -> tuple[str, ...]:
    return tuple(_text(element, row) for element in node.elements())


def _verdict(node: Node, row: Field) -> Verdict:
    return Verdict.parse(_choose(node, _text(node, row), ("allow", "review", "block")))


def _duration(node: Node, row: Field) -> int:
    text = _text(node, row)
    found = _DURATION.match(text[:16])
    if found is None:
        raise _BadError(node, "value.duration", f"{text[:16]!r} is no duration", "for example 1400ms, 30s, 15m, 7d")
    return int(found[1]) * _UNIT_MS[found[2]]


def _date(node: Node, row: Field) -> int:
    text = _text(node, row)
    try:
        day = datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC)
        if len(text) != 10:
            raise ValueError(text)
        return int((day + timedelta(days=1)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise _BadError(node, "value.date", f"{text[:16]!r} is no date", "for example 2027-01-31") from error


def _mapping(node: Node) -> Mapping[str, Node]:
    if not isinstance(node.value, Mapping):
        raise _BadError(node, "value.type", f"expected a mapping, found {node.word}")
    return node.value


def _lists(node: Node, row: Field) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Name -> (appends, words)."""
    found = {}
    for name, child in _mapping(node).items():
        appended = child.get("append")
        found[name] = (appended is not None, _words(appended or child, row))
    return found


def _by_field(node: Node, read: Callable[[Node], Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, child in _mapping(node).items():
        _choose(child, name, tuple(FIELDS))
        found[name] = {value: read(one) for value, one in _mapping(child).items()}
    return found


def _verdicts(node: Node, row: Field) -> dict[str, dict[str, Verdict]]:
    return _by_field(node, lambda child: _verdict(child, row))


def _points(node: Node, row: Field) -> dict[str, dict[str, int]]:
    bounds = row._replace(low=0, high=100)
    return _by_field(node, lambda child: _number(child, bounds))


def _counts(node: Node, row: Field) -> dict[str, int]:
    bounds = row._replace(low=0, high=100)
    return {name: _number(child, bounds) for name, child in _mapping(node).items()}


def _examples(node: Node, row: Field) -> tuple[Example, ...]:
    found = []
    for element in node.elements():
        if isinstance(element.value, Mapping):
            found.append(Example(plain(element), element))
        else:
            found.append(Example(_text(element, row), element))
    return tuple(found)


_READERS: Final[Mapping[Kind, Callable[[Node, Field], Any]]] = MappingProxyType(
    {
        Kind.TEXT: _text,
        Kind.NAME: _name,
        Kind.NUMBER: _number,
        Kind.FLAG: _flag,
        Kind.CHOICE: _choice,
        Kind.CHOICES: _choices,
        Kind.WORDS: _words,
        Kind.VERDICT: _verdict,
        Kind.DURATION: _duration,
        Kind.DATE: _date,
        Kind.LISTS: _lists,
        Kind.VERDICTS: _verdicts,
        Kind.POINTS: _points,
        Kind.COUNTS: _counts,
        Kind.EXAMPLES: _examples,
    }
)
