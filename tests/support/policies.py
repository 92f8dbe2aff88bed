"""Policies and pipelines for tests, from a few lines of YAML."""

from collections.abc import Sequence
from textwrap import dedent

from gw.defender.engine import Engine
from gw.defender.guards import make_guards
from gw.defender.guards.base import Guard, Services
from gw.defender.pipeline import Pipeline
from gw.model.problem import Problem
from gw.policy.compile import compile_policy
from gw.policy.compiled import CompiledPolicy
from gw.policy.handle import PolicyHandle
from gw.policy.source import parse
from gw.ports import DecisionSink

HEAD = "version: 1\nkind: policy\nid: test.policy\n"


class FakeClock:
    """ports.Clock that stands still until it is told otherwise; each reading may cost `step_s`."""

    def __init__(self, now_ms: int = 1_700_000_000_000, step_s: float = 0.0) -> None:
        self.ms = now_ms
        self.seconds = 0.0
        self.step_s = step_s

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        self.seconds += self.step_s
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        self.ms += int(seconds * 1000)


def compiled(*documents: str) -> tuple[CompiledPolicy | None, list[Problem]]:
    """Compile YAML texts in order; one that does not begin with `version` gets the usual head."""
    roots = []
    problems: list[Problem] = []
    for number, document in enumerate(documents):
        text = dedent(document).lstrip("\n")
        if not text.startswith("version"):
            text = HEAD.replace("test.policy", f"test.policy{number or ''}") + text
        root, found = parse(text, f"{number}.yaml")
        problems.extend(found)
        if root is not None:
            roots.append(root)
    policy, found = compile_policy(roots, digest="0" * 64)
    return (None if problems else policy), [*problems, *found]


def policy_of(*documents: str) -> CompiledPolicy:
    policy, problems = compiled(*documents)
    assert policy is not None, "\n".join(map(str, problems))
    return policy


def guards(clock: FakeClock | None = None) -> list[Guard]:
    return make_guards(Services(clock or FakeClock()))


def pipeline_of(*documents: str, sink: DecisionSink | None = None, only: Sequence[Guard] | None = None) -> Pipeline:
    clock = FakeClock()
    engine = Engine(guards(clock) if only is None else only)
    return Pipeline(PolicyHandle(policy_of(*documents)), engine, clock, sink=sink)
