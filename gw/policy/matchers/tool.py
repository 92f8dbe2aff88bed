"""`tool`: the tool a call names; `*` is a wildcard (`github__*`).

Sees only the action's normalised tool id, never its arguments.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import WHOLE, Context, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class Tool:
    names: frozenset[str]
    globs: tuple[str, ...] = ()

    @property
    def keys(self) -> Keys:
        return None if self.globs else frozenset(("tool", name) for name in self.names)

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        tool = subject.action.tool
        if tool is None:
            return None
        return WHOLE if tool in self.names or any(fnmatchcase(tool, glob) for glob in self.globs) else None


def compile_tool(node: Node, context: Context) -> Matcher:
    words = tuple(word.lower() for word in context.words(node))
    return Tool(frozenset(w for w in words if "*" not in w), tuple(w for w in words if "*" in w))
