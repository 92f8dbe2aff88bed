import pytest

from gw.defender.tester import check_examples
from gw.policy.suggesting import Suggestion, suggest
from tests.support.policies import policy_of


def approved(*lines: str) -> list[tuple[str, list[str]]]:
    return [(line, line.split()) for line in lines]


@pytest.mark.parametrize(
    ("lines", "prefixes"),
    [
        (["systemctl restart web", "systemctl restart web"], [("systemctl", "restart", "web")]),
        (["systemctl restart web", "systemctl restart db"], [("systemctl", "restart")]),
        (["systemctl restart web", "systemctl stop web"], []),
        (["make deploy"], []),
        (["make", "make"], []),
        (["tar -x a", "tar -x b"], []),
        (["bash run.sh", "bash run.sh"], []),
        (["rm old new", "rm old new"], []),
        (["a b c d e f", "a b c d e g"], [("a", "b", "c", "d")]),
        (["x y", "p q r", "p q", "p q s", "x y z"], [("p", "q"), ("x", "y")]),
    ],
)
def test_only_what_was_approved_twice_and_as_narrow_as_that(lines: list[str], prefixes: list[tuple[str, ...]]) -> None:
    assert [one.prefix for one in suggest(approved(*lines))] == prefixes


def test_a_suggestion_is_a_rule_whose_examples_hold() -> None:
    one = Suggestion(("systemctl", "restart", "it's"), ("systemctl restart 'it'\"'\"'s'",))
    two = suggest(approved("make deploy web", "make deploy db"))[0]
    policy = policy_of("allow:\n" + two.rule)
    assert [outcome.message for outcome in check_examples(policy) if not outcome.passed] == []
    assert "'it''s'" in one.rule
