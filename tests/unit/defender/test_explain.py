import itertools

import pytest

from gw.defender.explain import explain
from gw.defender.rows import to_action
from gw.defender.tester import Bench
from tests.support.policies import policy_of

POLICY = """
bonus: {tool: {exec: 20}}
floors: {tool: {browser: review}}
deny: [{id: d.rm, target: command, prefix: [rm]}]
score:
  - {id: s.one, target: command, prefix: [[nc, ncat]], points: 30, group: net}
  - {id: s.two, target: command, prefix: [nc], points: 40, group: net}
  - {id: s.big, target: command, prefix: [dd], points: 30}
  - {id: s.same, target: command, prefix: [dd], points: 30}
overrides:
  - {when: {channel: irc}, risk: {review_at: 10}}
"""


def explained(policy: str = POLICY, **row: str):  # type: ignore[no-untyped-def]
    one = policy_of(policy)
    bench = Bench(one)
    ticks = itertools.count()
    return explain(to_action(row, mode="test"), one, bench.engine, bench.pipeline, lambda: next(ticks) / 1000)


@pytest.mark.parametrize(
    ("row", "verdict", "flip"),
    [
        ({"command": "ls"}, "allow", "35 more points would hold it for review (review_at 35, score 0)"),
        ({"command": "rm x"}, "block", "an exception for d.rm would make it allow"),
        ({"command": "nc h"}, "review", "an exception for s.two would make it allow"),
        ({"command": "dd x", "tool": "exec"}, "block", "no bonus for this tool would make it review"),
        ({"command": "dd x"}, "review", "an exception for s.big would make it allow"),
        ({"tool": "browser"}, "review", "no floor for this tool would make it allow"),
    ],
)
def test_the_smallest_change(row: dict[str, str], verdict: str, flip: str) -> None:
    found = explained(**row)
    assert (found.decision.verdict.word, found.flip) == (verdict, flip)


def test_two_rules_that_demand_the_same() -> None:
    policy = POLICY.replace("score:", "  - {id: d.all, target: command, prefix: [rm]}\nscore:").replace(
        "deny: [{id: d.rm, target: command, prefix: [rm]}]", "deny:\n  - {id: d.rm, target: command, prefix: [rm]}"
    )
    assert explained(policy, command="rm x").flip == "2 rules demand block each: d.all, d.rm"


def test_many_small_hits_point_at_the_threshold() -> None:
    rules = "\n".join(f"  - {{id: s.r{n}, target: command, prefix: [ls], points: 20}}" for n in range(3))
    assert explained("score:\n" + rules, command="ls").flip == "risk.review_at above 60 would make it allow"


def test_groups_overrides_and_stages() -> None:
    found = explained(command="nc h", channel="irc", tool="exec")
    assert found.groups == (("net", 40, ("s.two", "s.one")), ("bonus.tool", 20, ("bonus.tool",)))
    assert [override.change.risk for override in found.overrides] == [{"review_at": 10}]
    assert found.settings.risk.review_at == 10
    assert [stage.name for stage in found.stages][:2] == ["read", "guard rules"]
    assert all(stage.us > 0 for stage in found.stages)
