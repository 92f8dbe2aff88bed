from gw.defender.replay import Before, compare, judged_by
from gw.defender.rows import to_action
from gw.model.decision import Verdict
from tests.support.policies import policy_of

ALLOW, REVIEW, BLOCK = Verdict
OLD = "deny: [{id: d.rm, target: command, prefix: [rm]}]"
NEW = """
score:
  - {id: s.rm, target: command, prefix: [rm], points: 40}
  - {id: s.dd, target: command, prefix: [dd], points: 90}
"""


def before(name: str, command: str | None, verdict: Verdict, *rules: str, day: str = "2026-01-01") -> Before:
    action = None if command is None else to_action({"command": command}, mode="test")
    return Before(name, day, verdict, rules, action)


def test_only_differences_are_told_grouped_by_the_rule_that_makes_them() -> None:
    found = compare(
        [
            before("a", "rm x", BLOCK, "d.rm"),
            before("b", "rm y", BLOCK, "d.rm", day="2026-01-02"),
            before("c", "ls", ALLOW),
            before("d", None, ALLOW),
            before("e", "dd x", ALLOW),
            before("f", "ls", BLOCK, "d.ls"),
            before("g", "rm z", REVIEW, "s.rm"),
        ],
        policy_of(NEW),
    )
    assert (found.judged, found.skipped, len(found.changes)) == (6, 1, 4)
    groups = [(cause, old.word, new.word, dict(days)) for cause, old, new, days in found.grouped()]
    assert groups == [
        ("s.rm", "block", "review", {"2026-01-01": 1, "2026-01-02": 1}),
        ("s.dd", "allow", "block", {"2026-01-01": 1}),
        ("without d.ls", "block", "allow", {"2026-01-01": 1}),
    ]
    assert [change.before.decision_id for change in found.released] == ["f"]


def test_thresholds_alone_may_be_the_cause() -> None:
    found = compare([before("a", "rm x", ALLOW, "s.rm")], policy_of(NEW))
    assert found.changes[0].cause == "s.rm"
    found = compare([before("a", "ls", REVIEW)], policy_of(NEW))
    assert found.changes[0].cause == "thresholds"


def test_one_policy_against_another() -> None:
    actions = [("x", "today", to_action({"command": line}, mode="test")) for line in ("rm x", "dd x", "ls")]
    found = compare(judged_by(policy_of(OLD), actions), policy_of(NEW))
    assert [(change.before.verdict, change.after) for change in found.changes] == [(BLOCK, REVIEW), (ALLOW, BLOCK)]
