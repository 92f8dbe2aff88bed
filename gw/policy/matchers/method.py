"""`method`: the gateway method or event a request names; `*` is a wildcard (`config.*`)."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import WHOLE, Context, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class Method:
    names: frozenset[str]
    globs: tuple[str, ...] = ()

    @property
    def keys(self) -> Keys:
        return None if self.globs else frozenset(("method", name) for name in self.names)

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        method = subject.action.method
        return WHOLE if method in self.names or any(fnmatchcase(method, glob) for glob in self.globs) else None


def compile_method(node: Node, context: Context) -> Matcher:
    words = context.words(node)
    return Method(frozenset(w for w in words if "*" not in w), tuple(w for w in words if "*" in w))
