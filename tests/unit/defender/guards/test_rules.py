from collections.abc import Iterable

import pytest

from gw.defender.guards.rules import RuleGuard, is_covered
from gw.model.decision import Finding, Span, Verdict
from gw.model.shell import NodeRole
from gw.model.subject import Subject
from gw.policy.targets import keys_of
from tests.support.policies import FakeClock, policy_of
from tests.support.shell import node, subject

ALLOW = """
allow:
  - {id: x.git, prefix: [git, [status, log]]}
  - {id: x.head, prefix: [[head, cat]]}
  - {id: x.shadow, prefix: [nc], stage: shadow}
  - {id: x.chat, prefix: [say], when: {channel: irc}}
write_paths: [/dev/null, '/tmp/*']
score:
  - {id: s.git, target: command, prefix: [git], group: shell}
  - {id: s.other, target: command, prefix: [git], group: other}
  - {id: s.exec, target: tool_call, tool: exec, points: 1}
deny:
  - {id: d.log, target: command, prefix: [git, log, danger]}
"""


def covered(line: Subject) -> bool:
    return is_covered(line, keys_of(line), policy_of(ALLOW))


def run(line: Subject, *documents: str) -> list[Finding]:
    return list(RuleGuard(FakeClock()).inspect(line.action, [line], policy_of(*documents)))


def rules(findings: Iterable[Finding]) -> list[str]:
    return sorted(finding.rule for finding in findings)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (subject("git status"), True),
        (subject("git log | head", node("git log"), node("head", 10)), True),
        (subject("git log | tail -3", node("git log"), node("tail -n 3", 10, piped_from="git")), True),
        (subject("git push | wc", node("git push"), node("wc", 11, piped_from="git")), False),
        (subject("git log | tail f", node("git log"), node("tail f", 10, piped_from="git")), False),
        (subject("git log | wc > f", node("git log"), node("wc", 10, piped_from="git", writes=("f",))), False),
        (subject("tail; wc", node("tail"), node("wc", 6)), False),
        (subject("x | wc", node("wc", 4, piped_from="x")), False),
        (subject("git push"), False),
        (subject("git log; rm x", node("git log"), node("rm x", 9)), False),
        (subject("git log # rm", node("git log"), node("# rm", 8, NodeRole.COMMENT)), True),
        (subject("git log 'rm'", node("git log rm"), node("rm", 9, NodeRole.DATA)), True),
        (subject("git log > f", node("git log", writes=("/etc/passwd",))), False),
        (subject("git log > f", node("git log", writes=("/tmp/x", "/dev/null"))), True),
        (subject("git log > f", node("git log", writes=("/tmp/../etc/x",))), False),
        (subject("git log", signals=frozenset(("shell.unparsed",))), False),
        (subject("git log", node("git log", inline_code="x")), False),
        (subject("git log x", node("git log"), node("x", 8, NodeRole.INLINE)), False),
        (subject("# only", node("# only", 0, NodeRole.COMMENT)), False),
        (subject("nc h"), False),
        (subject("say x"), False),
        (subject("say x", channel="irc"), True),
    ],
)
def test_a_line_is_covered_only_when_everything_that_runs_is(line: Subject, expected: bool) -> None:
    assert covered(line) is expected


def test_a_covered_line_skips_score_rules_of_group_shell_alone() -> None:
    assert rules(run(subject("git status", tool="exec"), ALLOW)) == ["s.exec", "s.other"]
    assert rules(run(subject("git push", tool="exec"), ALLOW)) == ["s.exec", "s.git", "s.other"]


def test_allow_never_hides_a_deny_rule() -> None:
    (found,) = [finding for finding in run(subject("git log danger"), ALLOW) if finding.rule == "d.log"]
    assert found.floor is Verdict.BLOCK
    assert found.span == Span(0, 14)


RULES = """
score:
  - {id: a.one, target: command, prefix: [systemctl, restart]}
exceptions:
  - id: e.web
    rules: [a.one]
    when: {agent: builder, prefix: [systemctl, restart, web]}
"""


@pytest.mark.parametrize(
    ("line", "agent", "found"),
    [
        (subject("systemctl restart web", agent_id="builder"), "builder", ["exception.e.web"]),
        (subject("systemctl restart web", agent_id="other"), "other", ["a.one"]),
        (subject("systemctl restart db", agent_id="builder"), "builder", ["a.one"]),
        (
            subject(
                "systemctl restart web; systemctl restart db",
                node("systemctl restart web"),
                node("systemctl restart db", 23),
                agent_id="builder",
            ),
            "builder",
            ["a.one"],
        ),
    ],
)
def test_an_exception_excuses_its_rule_where_it_covers_every_hit(line: Subject, agent: str, found: list[str]) -> None:
    assert rules(run(line, RULES)) == found


@pytest.mark.parametrize(("until", "excused"), [("2023-11-14", True), ("2023-11-13", False)])
def test_an_exception_ends_with_its_last_day(until: str, excused: bool) -> None:
    # FakeClock stands at 2023-11-14T22:13:20Z.
    policy = RULES.replace("rules: [a.one]", f"rules: [a.one]\n    until: {until}").replace("agent: builder, ", "")
    assert rules(run(subject("systemctl restart web"), policy)) == (["exception.e.web"] if excused else ["a.one"])


def test_when_and_unless_of_a_rule() -> None:
    rule = "score: [{id: a.one, target: command, prefix: [ls], when: {channel: irc}, unless: [{sender: owner}]}]"
    assert rules(run(subject("ls"), rule)) == []
    assert rules(run(subject("ls", channel="irc"), rule)) == ["a.one"]
    assert rules(run(subject("ls", channel="irc", sender="owner"), rule)) == []


def test_a_rule_with_two_targets_is_found_once() -> None:
    rule = "score: [{id: a.one, target: [command, tool_call], prefix: [ls]}]"
    assert rules(run(subject("ls", tool="exec"), rule)) == ["a.one"]
