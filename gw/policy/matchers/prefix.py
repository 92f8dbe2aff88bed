"""`prefix`: the first words of a running command, word by word; a list element may be a list of alternatives.

Sees only nodes that run, after unwrapping and unquoting. Invariant: it never compares text, only whole words, so
`git statusx` is not `git status`, and what follows a `;` is another node.
"""

from dataclasses import dataclass

from gw.model.decision import Span
from gw.model.shell import NodeRole
from gw.model.subject import Subject
from gw.policy.matchers.base import Context, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class Prefix:
    words: tuple[frozenset[str], ...]

    @property
    def keys(self) -> Keys:
        return frozenset(("program", name) for name in self.words[0])

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        if subject.command is None:
            return None
        spans = []
        for node in subject.command.nodes:
            if node.role is not NodeRole.RUNS or node.program not in self.words[0] or len(node.argv) < len(self.words):
                continue
            if all(word in allowed for word, allowed in zip(node.argv[1:], self.words[1:], strict=False)):
                spans.append(node.span)
        return tuple(spans) or None


def compile_prefix(node: Node, context: Context) -> Matcher:
    if isinstance(node.value, str):
        words = tuple(frozenset((word,)) for word in node.value.split())
    else:
        words = tuple(frozenset(context.words(element)) for element in node.elements())
    if not words or not all(words):
        return context.problem(node, "prefix.empty", "a prefix needs a program and no empty alternatives")
    return Prefix(words)
