"""`all`, `any`, `not`: matchers made of matchers.

Invariant: `keys` of a combination never hides a subject the combination would match.
"""

from dataclasses import dataclass

from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import WHOLE, All, Context, Key, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class AnyOf:
    matchers: tuple[Matcher, ...]

    @property
    def keys(self) -> Keys:
        union: set[Key] = set()
        for matcher in self.matchers:
            if matcher.keys is None:
                return None
            union |= matcher.keys
        return frozenset(union)

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        for matcher in self.matchers:
            found = matcher.match(subject)
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Not:
    matcher: Matcher
    keys: Keys = None

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        return WHOLE if self.matcher.match(subject) is None else None


def compile_all(node: Node, context: Context) -> Matcher:
    return All(_children(node, context))


def compile_any(node: Node, context: Context) -> Matcher:
    return AnyOf(_children(node, context))


def compile_not(node: Node, context: Context) -> Matcher:
    return Not(context.compile(node))


def _children(node: Node, context: Context) -> tuple[Matcher, ...]:
    if not isinstance(node.value, tuple) or not node.value:
        context.problem(node, "value.type", f"expected a list of matchers, found {node.word}")
        return ()
    return tuple(context.compile(child) for child in node.value)
