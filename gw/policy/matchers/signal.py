"""`signal`: something the text views or the shell parser noticed (`shell.unparsed`, `hidden-characters`).

Forms: a name, a list of names (any of them), or `{name: at-least}`.
"""

from dataclasses import dataclass

from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import WHOLE, Context, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class Signal:
    """Any of (name, count at least)."""

    wanted: tuple[tuple[str, int], ...]

    @property
    def keys(self) -> Keys:
        return frozenset(("signal", name) for name, _ in self.wanted)

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        for name, at_least in self.wanted:
            if subject.signals.get(name, 0) >= at_least:
                return WHOLE
            if subject.command is not None and at_least <= 1 and name in subject.command.signals:
                return WHOLE
        return None


def compile_signal(node: Node, context: Context) -> Matcher:
    if not isinstance(node.value, dict | tuple | str) and not list(node.items()):
        return context.problem(node, "value.type", f"expected a signal's name, found {node.word}")
    wanted = []
    for name, count in node.items():
        if not isinstance(count.value, int) or isinstance(count.value, bool) or count.value < 1:
            return context.problem(count, "value.type", f"expected how often at least, from 1; found {count.word}")
        wanted.append((name, count.value))
    return Signal(tuple(wanted) or tuple((name, 1) for name in context.words(node)))
