"""`pattern`: a linear-time regular expression over the text views; for commands, over what runs.

Hits were found by one scan of all patterns of a target; this only looks them up. Invariant: text that a command merely
prints, stores or searches for does not match unless the rule says `on_data: true`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gw import limits
from gw.model.decision import Span
from gw.model.shell import CommandFacts, NodeRole
from gw.model.subject import Subject
from gw.policy.matchers.base import Context, Keys, Matcher
from gw.policy.source import Node


@dataclass(frozen=True, slots=True)
class Pattern:
    """Any of the patterns."""

    indexes: tuple[int, ...]
    on_data: bool = False

    @property
    def keys(self) -> Keys:
        return frozenset(self.indexes)

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        for index in self.indexes:
            spans = subject.hits.get(index)
            if spans is None:
                continue
            if subject.command is not None and not self.on_data:
                found = tuple(running(spans, subject.command))
                # Past the limit nobody looked, and what stands there may run.
                spans = found or (spans[-1:] if len(spans) > limits.MAX_PATTERN_SPANS else ())
            if spans:
                return spans
        return None


def running(spans: Iterable[Span], command: CommandFacts) -> Iterable[Span]:
    """Those spans that begin in something that runs: the innermost node around the first character decides."""
    for span in spans:
        around = [node for node in command.nodes if node.span.start <= span.start < node.span.end]
        if not around:
            # Between nodes (operators, redirects): it counts unless it reaches nothing that runs.
            around = [node for node in command.nodes if node.span.start < span.end and span.start < node.span.end]
        if not around and "shell.unparsed" not in command.signals:
            continue
        role = min(around, key=lambda node: node.span.end - node.span.start).role if around else NodeRole.RUNS
        if role in (NodeRole.RUNS, NodeRole.INLINE):
            yield span


def compile_pattern(node: Node, context: Context) -> Matcher:
    regexes = context.words(node)
    if not regexes or not all(regexes):
        return context.problem(node, "pattern.empty", "an empty pattern matches everything")
    return Pattern(tuple(context.add_pattern(regex, node) for regex in regexes), context.on_data)
