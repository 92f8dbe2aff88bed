"""Compiles one matcher from YAML, for the tests of the matchers."""

from gw.model.problem import Problem
from gw.policy.matchers import MATCHERS
from gw.policy.matchers.base import Context, Matcher, Patterns, Target
from gw.policy.source import parse


def build(text: str, *, on_data: bool = False) -> tuple[Matcher, Context]:
    """`build("prefix: [git]")`; the context holds patterns and problems."""
    root, problems = parse(text, "m.yaml")
    assert root is not None, problems
    context = Context(
        targets=frozenset((Target.COMMAND,)),
        patterns=Patterns(),
        lists={"safe": ("status", "log")},
        problems=[],
        compilers=MATCHERS,
        on_data=on_data,
    )
    return context.compile(root), context


def matcher(text: str, *, on_data: bool = False) -> Matcher:
    found, context = build(text, on_data=on_data)
    assert not context.problems, context.problems
    return found


def problems_of(text: str) -> list[Problem]:
    return build(text)[1].problems
