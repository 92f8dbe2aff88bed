"""`command`: the structure of a command line: which program runs, with what, and what it would do.

Looks at one node at a time; every field of the mapping must hold for the same node. Knows no parser and no fact's
meaning. Invariant: text that is only printed, stored or searched for is never looked at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gw.model.decision import Span
from gw.model.problem import closest
from gw.model.shell import FACTS, Node, NodeRole
from gw.model.subject import Subject
from gw.policy.matchers.base import NOTHING, Context, Key, Keys, Matcher
from gw.policy.matchers.path import Paths, read_paths
from gw.policy.source import Node as Yaml

Test = Callable[[Node], bool]

WORD_LISTS: Final = ("program", "pipes_into", "piped_from", "wrappers", "language")
SWITCHES: Final = ("privileged", "background", "recursive")
PATHS: Final = ("reads", "writes", "deletes", "redirects")
FIELDS: Final = (*WORD_LISTS, *SWITCHES, *PATHS, "prefix", "args", "flags", "facts", "fetches", "inline_code")


@dataclass(frozen=True, slots=True)
class Command:
    """Every test must hold for one and the same node."""

    tests: tuple[Test, ...]
    keys: Keys

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        if subject.command is None:
            return None
        tests = self.tests
        spans = [
            node.span
            for node in subject.command.nodes
            if (node.role is NodeRole.RUNS or node.role is NodeRole.INLINE) and all(test(node) for test in tests)
        ]
        return tuple(dict.fromkeys(spans)) if spans else None


def compile_command(node: Yaml, context: Context) -> Matcher:
    fields = context.fields(node, FIELDS)
    if not fields:
        return context.problem(node, "command.empty", f"expected at least one of {', '.join(FIELDS)}")
    tests: list[Test] = []
    keys: list[frozenset[Key]] = []
    for name, child in fields.items():
        compiled = _COMPILERS[name](name, child, context)
        if compiled is None:
            return NOTHING
        test, key = compiled
        tests.append(test)
        if key:
            keys.append(key)
    return Command(tuple(tests), min(keys, key=len) if keys else None)


Compiled = tuple[Test, frozenset[Key]]


def _word_list(name: str, node: Yaml, context: Context) -> Compiled | None:
    words = frozenset(context.words(node))
    if not words:
        context.problem(node, "command.empty", f"`{name}` needs at least one name")
        return None
    if name == "wrappers":
        return lambda n: not words.isdisjoint(n.wrappers), frozenset()
    keys: frozenset[Key] = frozenset(("program", word) for word in words) if name == "program" else frozenset()
    return lambda n: getattr(n, name) in words, keys


def _facts(name: str, node: Yaml, context: Context) -> Compiled | None:
    words = frozenset(context.words(node))
    for word in sorted(words - FACTS.keys()):
        near = closest(word, FACTS)
        context.problem(
            node, "fact.unknown", f"no fact named {word!r}", hint=f"did you mean {near[0]}?" if near else ""
        )
        return None
    return lambda n: not words.isdisjoint(n.facts), frozenset(("fact", word) for word in words)


def _switch(name: str, node: Yaml, context: Context) -> Compiled | None:
    if not isinstance(node.value, bool):
        context.problem(node, "value.type", f"expected true or false, found {node.word}")
        return None
    wanted = node.value
    return lambda n: getattr(n, name) is wanted, frozenset((("fact", name),)) if wanted else frozenset()


def _groups(node: Yaml, context: Context) -> tuple[frozenset[str], ...]:
    """Each element is a word or a list of alternatives."""
    return tuple(frozenset(context.words(element)) for element in node.elements())


def _flags(_name: str, node: Yaml, context: Context) -> Compiled | None:
    groups = _groups(node, context)
    return lambda n: all(not group.isdisjoint(n.flags) for group in groups), frozenset()


def _args(_name: str, node: Yaml, context: Context) -> Compiled | None:
    groups = _groups(node, context)
    return lambda n: all(not group.isdisjoint(n.argv[1:]) for group in groups), frozenset()


def _prefix(_name: str, node: Yaml, context: Context) -> Compiled | None:
    groups = _groups(node, context)
    if not groups or not all(groups):
        context.problem(node, "prefix.empty", "a prefix needs a program and no empty alternatives")
        return None

    def test(n: Node) -> bool:
        words: Sequence[str] = (n.program or "", *n.argv[1 : len(groups)])
        return len(words) == len(groups) and all(w in group for w, group in zip(words, groups, strict=True))

    return test, frozenset(("program", word) for word in groups[0])


def _paths(name: str, node: Yaml, context: Context) -> Compiled | None:
    keys: frozenset[Key] = frozenset((("fact", name),)) if name != "redirects" else frozenset()
    if isinstance(node.value, bool):
        wanted = node.value
        return lambda n: bool(getattr(n, name)) is wanted, keys if wanted else frozenset()
    recursive = node.get("recursive") if not isinstance(node.value, str | tuple) else None
    if recursive is not None and not isinstance(recursive.value, bool):
        context.problem(recursive, "value.type", f"expected true or false, found {recursive.word}")
        return None
    places: Paths | None = None
    if recursive is None or any(node.get(key) is not None for key in ("under", "glob", "name")):
        places = read_paths(node, context, ("recursive",))
        if places is None:
            return None

    def test(n: Node) -> bool:
        found = getattr(n, name)
        if not found or (recursive is not None and n.recursive is not recursive.value):
            return False
        return places is None or any(path in places for path in found)

    return test, keys


def _fetches(_name: str, node: Yaml, context: Context) -> Compiled | None:
    key: frozenset[Key] = frozenset((("fact", "fetches"),))
    if isinstance(node.value, bool):
        wanted = node.value
        return lambda n: bool(n.fetches) is wanted, key if wanted else frozenset()
    parts = context.words(node)
    return lambda n: any(part in name for name in n.fetches for part in parts), key


def _inline_code(_name: str, node: Yaml, context: Context) -> Compiled | None:
    key: frozenset[Key] = frozenset((("fact", "inline_code"),))
    if isinstance(node.value, bool):
        wanted = node.value
        return lambda n: (n.inline_code is not None) is wanted, key if wanted else frozenset()
    parts = context.words(node)
    return lambda n: n.inline_code is not None and any(part in n.inline_code for part in parts), key


_COMPILERS: Final[dict[str, Callable[[str, Yaml, Context], Compiled | None]]] = {
    **dict.fromkeys(WORD_LISTS, _word_list),
    **dict.fromkeys(SWITCHES, _switch),
    **dict.fromkeys(PATHS, _paths),
    "prefix": _prefix,
    "args": _args,
    "flags": _flags,
    "facts": _facts,
    "fetches": _fetches,
    "inline_code": _inline_code,
}
