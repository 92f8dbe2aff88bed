"""`size`: how many characters a part has: `{over: 32000}`."""

from dataclasses import dataclass

from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.matchers.base import WHOLE, Context, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class Size:
    over: int
    keys: Keys = None

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        return WHOLE if len(subject.part.value) > self.over else None


def compile_size(node: Node, context: Context) -> Matcher:
    over = context.fields(node, ("over",)).get("over")
    if over is None or isinstance(over.value, bool) or not isinstance(over.value, int) or over.value < 0:
        return context.problem(node, "size.empty", "expected `over`, a number of characters")
    return Size(over.value)
