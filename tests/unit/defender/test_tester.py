import pytest

from gw.defender.tester import Coverage, Outcome, check_examples, run_scenario
from tests.support.policies import policy_of


def examples(*documents: str) -> dict[str, str]:
    return {outcome.name: outcome.message for outcome in check_examples(policy_of(*documents))}


def failed(*documents: str) -> list[str]:
    return [name for name, message in examples(*documents).items() if message]


@pytest.mark.parametrize(
    ("rule", "failing"),
    [
        ("target: command, prefix: [rm], hit: ['rm x', 'sudo rm x'], miss: [ls]", []),
        ("target: command, prefix: [rm], hit: [ls]", ["a.b hit ls"]),
        ("target: command, prefix: [rm], miss: ['ls; rm x']", ["a.b miss ls; rm x"]),
        ("target: command, prefix: [rm], stage: shadow, hit: [rm x]", []),
        ("target: command, prefix: [rm], level: 2, hit: [rm x]", []),
        ("target: tool_call, tool: write, hit: {tool: write, path: /x}, miss: {tool: read, path: /x}", []),
        ("target: tool_call, tool: write, hit: {tool: read, path: /x}", ["a.b hit {'tool': 'read', 'path': '/x'}"]),
        ("target: command, prefix: [rm], when: {channel: irc}, hit: [rm x]", []),
        ("target: command, prefix: [rm], when: {channel: 'irc*', tool: exec}, hit: [rm x]", []),
        ("target: command, prefix: [rm], hit: {prompt: 3}", ["a.b hit {'prompt': 3}"]),
        ("target: command, guard: none, miss: [rm x]", []),
        ("target: command, guard: none, hit: [rm x]", ["a.b hit rm x"]),
    ],
)
def test_examples_of_a_rule(rule: str, failing: list[str]) -> None:
    assert failed(f"score: [{{id: a.b, {rule}}}]") == failing


@pytest.mark.parametrize("target", ["prompt", "tool_output", "command", "outbound", "tool_call", "rpc"])
def test_a_text_is_put_to_the_rules_own_target(target: str) -> None:
    assert failed(f"score: [{{id: a.b, target: {target}, pattern: 'evil', hit: [so evil], miss: [so good]}}]") == []


def test_every_target_of_a_rule_must_hold() -> None:
    rule = (
        "score: [{id: a.b, target: [prompt, rpc], pattern: evil, when: {provenance: user}, hit: [evil], miss: [good]}]"
    )
    assert failed(rule) == []
    (message,) = examples(rule.replace("hit: [evil], miss: [good]", "miss: [evil]")).values()
    assert message == "a.b matches this miss example as prompt, rpc"


def test_an_example_that_could_not_be_read_to_the_end_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gw.defender.engine.MAX_SCANNED_BYTES", 3)
    (message,) = examples("score: [{id: a.b, target: command, prefix: [rm], miss: [ls -l]}]").values()
    assert message == "not read to the end: engine.oversized 5 characters, 3 read"


ALLOW = """
allow:
  - {id: x.git, prefix: [git, log], hit: ['git log | head'], miss: ['git log; rm x', 'git log > /etc/passwd', 'head x']}
  - {id: x.head, prefix: [head]}
"""


def test_an_allow_rule_hits_when_the_whole_line_is_covered_with_its_help() -> None:
    assert failed(ALLOW) == []


def scenario(text: str, policy: str) -> list[Outcome]:
    one = policy_of(policy + "\ntests:\n  - " + text)
    return list(run_scenario(one, one.tests[0], Coverage()))


POLICY = """
bonus: {tool: {exec: 20}, channel: {discord: 10}}
score: [{id: a.ls, target: command, prefix: [ls], points: 30}]
"""


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{verdict: review, would: review, enforced: review, score: 50}", ""),
        ("{verdict_at_least: review, verdict_at_most: review, score_at_least: 50, score_at_most: 50}", ""),
        ("{hits: [a.ls, bonus.tool], not_hits: [other]}", ""),
        ("{verdict: allow}", "verdict: expected allow, got review"),
        ("{verdict_at_least: block}", "verdict_at_least: expected block, got review"),
        ("{verdict_at_most: allow}", "verdict_at_most: expected allow, got review"),
        ("{score_at_most: 10}", "score_at_most: expected 10, got 50"),
        ("{hits: [nope]}", "hits: expected nope, got a.ls, bonus.tool"),
        ("{not_hits: [a.ls], score: 1}", "score: expected 1, got 50; not_hits: expected a.ls, got a.ls, bonus.tool"),
    ],
)
def test_what_is_expected(expect: str, message: str) -> None:
    (outcome,) = scenario(f"{{name: n, action: {{tool: exec, command: ls}}, expect: {expect}}}", POLICY)
    assert sorted(outcome.message.split("; ")) == sorted(message.split("; "))
    assert outcome.passed is (message == "")


def test_a_matrix_is_every_combination() -> None:
    outcomes = scenario(
        "{name: n, for: {channel: [discord, irc], chat: [direct, group]}, action: {tool: exec, command: ls},"
        " expect: {score: 60}}",
        POLICY,
    )
    assert [(outcome.name, outcome.passed) for outcome in outcomes] == [
        ("n [channel=discord] [chat=direct]", True),
        ("n [channel=discord] [chat=group]", True),
        ("n [channel=irc] [chat=direct]", False),
        ("n [channel=irc] [chat=group]", False),
    ]


def test_several_actions_are_judged_in_order_and_the_last_counts() -> None:
    (outcome,) = scenario(
        "{name: n, repeat: 3, action: [{command: ls}, {command: id}], expect: {verdict: allow, score: 0}}", POLICY
    )
    assert outcome.passed and "a.ls" in outcome.rules


@pytest.mark.parametrize("action", ["{}", "text", "{command: 3}"])
def test_an_action_that_is_none_fails_its_case(action: str) -> None:
    (outcome,) = scenario(f"{{name: n, action: {action}, expect: {{score: 0}}}}", POLICY)
    assert not outcome.passed and outcome.message


def test_a_scenario_whose_beginning_is_not_understood_fails() -> None:
    (outcome,) = scenario("{name: n, given: {moon: full}, action: {command: ls}, expect: {score: 30}}", POLICY)
    assert outcome.message.startswith("`given: moon` is not understood; host and intel are")


def test_a_huge_matrix_is_refused() -> None:
    many = ", ".join(map(str, range(30)))
    outcomes = scenario(
        f"{{name: n, for: {{a: [{many}], b: [{many}], c: [{many}]}}, action: {{tool: x}}, expect: {{score: 0}}}}", ""
    )
    assert outcomes[-1].message == "more than 10000 cases"


def test_coverage_needs_a_hit_and_a_miss_for_every_rule() -> None:
    policy = policy_of(
        """
        score:
          - {id: a.both, target: command, prefix: [a], hit: [a], miss: [b]}
          - {id: a.hit, target: command, prefix: [b], hit: [b]}
          - {id: a.wrong, target: command, prefix: [c], hit: [d]}
        tests:
          - {name: n, action: {command: c}, expect: {hits: [a.wrong], not_hits: [a.hit]}}
        """
    )
    coverage = Coverage()
    list(check_examples(policy, coverage))
    assert coverage.missing(policy) == [("a.hit", "miss"), ("a.wrong", "hit"), ("a.wrong", "miss")]
    list(run_scenario(policy, policy.tests[0], coverage))
    assert coverage.missing(policy) == [("a.wrong", "miss")]
