"""What comes with clawgate: clean, its own examples and scenarios hold, and every rule is shown from both sides."""

from pathlib import Path

import pytest

from gw.cli.policy.checking import check
from gw.defender.tester import Coverage, check_examples, run_scenario
from gw.policy.loader import load, read_tests, shipped

SETS = [shipped() / "default", *sorted((shipped() / "profiles").glob("*.yaml"))]
# What takes more text than a page holds.
UNREACHABLE = {
    ("prompt.behaviour.many-encodings", "hit"),
    ("port.prompt.size", "hit"),
}


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_there_is_nothing_to_say_but_advice(path: Path) -> None:
    policy, problems = check([path])
    assert policy is not None
    assert [str(problem) for problem in problems if problem.severity != "advice"] == []


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_every_scenario_passes(path: Path) -> None:
    policy, _ = load([path])
    tests, problems = read_tests([path])
    assert problems == []
    outcomes = [one for test in (*policy.tests, *tests) for one in run_scenario(policy, test, Coverage())]
    assert [f"{one.name}: {one.message}" for one in outcomes if not one.passed] == []


def test_every_rule_is_shown_to_hit_and_to_stay_silent() -> None:
    missing: set[tuple[str, str]] = set()
    for path in (shipped() / "default", shipped() / "profiles" / "port-1.7.yaml"):
        policy, _ = load([path])
        coverage = Coverage()
        list(check_examples(policy, coverage))
        for test in (*policy.tests, *read_tests([path])[0]):
            list(run_scenario(policy, test, coverage))
        missing |= set(coverage.missing(policy))
    assert missing - UNREACHABLE == set()
