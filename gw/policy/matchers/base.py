"""What a matcher is, and what its compiler is given.

Knows no kind of matcher; those are files beside this one, listed in `gw.policy.matchers.MATCHERS`. Invariant: compiling
never raises: what is wrong is appended to the context's problems and the result is `NOTHING`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gw.model.decision import Span
from gw.model.problem import Problem, closest
from gw.model.subject import Subject
from gw.policy.source import Node

# What must be present in a subject before a rule is tried at all: the global index of a pattern that hit, or
# ("program", base name), ("fact", name), ("signal", name), ("tool", id), ("method", name).
Key = int | tuple[str, str]
Keys = frozenset[Key] | None  # any one of them suffices; None: the rule is tried on every subject of its target

WHOLE: tuple[Span, ...] = ()  # a match that points at nothing in particular


class Target(StrEnum):
    """What a rule looks at."""

    PROMPT = "prompt"  # text from users and channels
    COMMAND = "command"  # a shell command line
    TOOL_CALL = "tool_call"  # any part of a tool call: name, paths, URLs, data, command
    TOOL_OUTPUT = "tool_output"  # text from tools, web pages and files on its way to the agent
    OUTBOUND = "outbound"  # text on its way out
    RPC = "rpc"  # any part of a gateway request that is not a tool call


class Matcher(Protocol):
    """Looks at one subject. Holds no state that changes."""

    @property
    def keys(self) -> Keys: ...

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        """Spans of the hits in the part's original text, `WHOLE` when there is no place to point at, None: no match."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Never matches; stands where a broken matcher was."""

    keys: Keys = frozenset()

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        return None


NOTHING = Nothing()


@dataclass(slots=True)
class Patterns:
    """Every pattern of a policy set, once; `rows[i]` is (targets, regex) of global pattern index i."""

    rows: list[tuple[frozenset[Target], str]] = field(default_factory=list)
    places: list[Node] = field(default_factory=list)
    _known: dict[tuple[frozenset[Target], str], int] = field(default_factory=dict)

    def add(self, targets: frozenset[Target], regex: str, place: Node) -> int:
        row = (targets, regex)
        index = self._known.get(row)
        if index is None:
            index = self._known[row] = len(self.rows)
            self.rows.append(row)
            self.places.append(place)
        return index


@dataclass(slots=True)
class Context:
    """Handed to every compiler of one rule. `path` is where the rule stands, like `deny[2]`."""

    targets: frozenset[Target]
    patterns: Patterns
    lists: Mapping[str, tuple[str, ...]]
    problems: list[Problem]
    path: str = ""
    on_data: bool = False  # also look at text that does not run
    compilers: Mapping[str, "Compiler"] = field(default_factory=dict)  # the MATCHERS table
    rule_id: str = ""

    def add_pattern(self, regex: str, place: Node) -> int:
        """Register a pattern for this rule's targets; its spans will be in `subject.hits[index]`."""
        return self.patterns.add(self.targets, regex, place)

    def problem(self, node: Node, code: str, message: str, *, hint: str = "", severity: str = "error") -> Matcher:
        """Report; returns NOTHING so that a compiler can `return context.problem(...)`."""
        self.problems.append(node.problem(code, message, path=self.path, hint=hint, severity=severity))
        return NOTHING

    def words(self, node: Node) -> tuple[str, ...]:
        """A text, a list of texts, or `{list: name}`; numbers count as text. Problems are reported."""
        found: list[str] = []
        for element in node.elements():
            if isinstance(element.value, Mapping):
                found.extend(self._named_list(element))
            elif isinstance(element.value, bool) or element.value is None or isinstance(element.value, tuple):
                self.problem(element, "value.type", f"expected text, found {element.word}", hint="quote it")
            else:
                found.append(str(element.value))
        return tuple(found)

    def fields(self, node: Node, allowed: Sequence[str]) -> dict[str, Node]:
        """Children of a mapping; keys outside *allowed* are reported with the nearest allowed one."""
        if not isinstance(node.value, Mapping):
            self.problem(node, "value.type", f"expected a mapping of {', '.join(allowed)}, found {node.word}")
            return {}
        known = {}
        for key, child in node.value.items():
            if key in allowed:
                known[key] = child
            else:
                self.unknown(node, key, allowed)
        return known

    def unknown(self, node: Node, key: str, allowed: Sequence[str]) -> None:
        """Report an unknown key of the mapping *node*, at the key itself."""
        line, column = node.keys.get(key, (node.line, node.column))
        near = closest(key, allowed)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(allowed)}"
        self.problems.append(Problem(node.file, line, column, "key.unknown", f"unknown key {key!r}", self.path, hint))

    def compile(self, node: Node) -> Matcher:
        """Compile a mapping of matchers (`{tool: exec, path: {...}}`); several keys mean all of them."""
        matchers = [self.compilers[key](child, self) for key, child in self.fields(node, tuple(self.compilers)).items()]
        if not matchers:
            hint = "one of " + ", ".join(self.compilers)
            return self.problem(node, "rule.matcher", "no matcher", hint=hint)
        return matchers[0] if len(matchers) == 1 else All(tuple(matchers))

    def _named_list(self, node: Node) -> tuple[str, ...]:
        name = self.fields(node, ("list",)).get("list")
        if name is None:
            return ()
        if str(name.value) not in self.lists:
            near = closest(str(name.value), self.lists)
            hint = f"did you mean {near[0]}?" if near else "declare it under lists:"
            self.problem(name, "list.unknown", f"no list named {name.value!r}", hint=hint)
            return ()
        return self.lists[str(name.value)]


Compiler = Callable[[Node, Context], Matcher]


@dataclass(frozen=True, slots=True)
class All:
    """Every matcher must match; the spans of the first that has any are returned."""

    matchers: tuple[Matcher, ...]

    @property
    def keys(self) -> Keys:
        """Of the matcher that promises the fewest candidates."""
        known = [matcher.keys for matcher in self.matchers if matcher.keys is not None]
        return min(known, key=len) if known else None

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        spans: tuple[Span, ...] = WHOLE
        for matcher in self.matchers:
            found = matcher.match(subject)
            if found is None:
                return None
            spans = spans or found
        return spans
