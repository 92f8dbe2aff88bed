"""A short run of the fuzzers under the sanitizers, and the tools themselves."""

import io
import json

import pytest

from tests.fuzz import sanitized
from tests.fuzz.mutate import Mutator
from tests.fuzz.runner import follow, fuzz
from tests.fuzz.targets import TARGETS, Target

SECONDS = 15


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_short_run_finds_nothing() -> None:
    """Includes the build with the sanitizers, about a minute when a source has changed."""
    if not sanitized.libraries():
        pytest.skip("needs gcc with the sanitizers' runtime")
    report = fuzz(count=10_000_000, seconds=SECONDS)
    assert report.problem == ""
    assert report.done > 1000


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_seeds_agree_with_the_slow_twins(target: Target) -> None:
    """Past crashes stay in the corpus, so each is tried in every run."""
    for data in target.seeds:
        target.run(data)
        target.compare(data)


def test_the_same_seed_gives_the_same_inputs() -> None:
    def first(seed: int) -> list[bytes]:
        mutator = Mutator([b"abc", b"defgh"], [b"word"], seed)
        return [mutator.next() for _ in range(200)]

    assert first(1) == first(1) != first(2)
    assert len(set(first(1))) > 100


def test_a_difference_from_the_twin_is_reported() -> None:
    lines = [json.dumps({"done": 5, "resident": 10}), json.dumps({"failed": "envelope", "input": "7b", "error": "no"})]
    report = follow(lines, 100, 10, None)
    assert report.problem.startswith("envelope on input 7b")
    assert report.done == 5


def test_growth_is_reported() -> None:
    show = io.StringIO()
    lines = [json.dumps({"done": done, "resident": done << 20}) for done in (10, 30, 60, 99)]
    assert "memory grew" in follow(lines, 100, 1000, show).problem
    assert "99 of 100" in show.getvalue()


def test_a_dead_engine_is_reported_with_its_input() -> None:
    report = fuzz(count=10, seconds=5, targets=["no-such-target"], is_sanitized=False)
    assert "died with 1" in report.problem
