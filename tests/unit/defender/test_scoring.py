import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.defender.scoring import MAX_SCORE, fold
from gw.model.decision import Finding, Verdict
from gw.policy.compiled import Risk

ALLOW, REVIEW, BLOCK = Verdict

findings = st.builds(
    Finding,
    rule=st.sampled_from(["a", "b", "c"]),
    points=st.integers(0, 100),
    group=st.sampled_from(["", "g", "h"]),
    floor=st.sampled_from(list(Verdict)),
    live=st.booleans(),
)


@pytest.mark.parametrize(
    ("points", "verdict"),
    [([], ALLOW), ([34], ALLOW), ([35], REVIEW), ([64], REVIEW), ([65], BLOCK), ([90, 90], BLOCK)],
)
def test_thresholds(points: list[int], verdict: Verdict) -> None:
    score = fold([Finding(f"r{n}", p) for n, p in enumerate(points)], Risk())
    assert score.verdict is verdict
    assert score.score == min(MAX_SCORE, sum(points))


def test_the_strongest_hit_of_a_group_counts_once() -> None:
    rows = [Finding("a", 25, "g"), Finding("b", 45, "g"), Finding("c", 10, "h")]
    assert fold(rows, Risk()).score == 55


def test_a_rule_without_group_is_its_own_group() -> None:
    assert fold([Finding("a", 20), Finding("a", 20), Finding("b", 20)], Risk()).score == 40


def test_a_floor_raises_the_verdict_and_leaves_the_score() -> None:
    assert fold([Finding("a", 0, floor=REVIEW)], Risk())[:2] == (0, REVIEW)


def test_shadow_findings_count_in_would_alone() -> None:
    score = fold([Finding("a", 30), Finding("s", 80, live=False), Finding("f", floor=BLOCK, live=False)], Risk())
    assert score == (30, ALLOW, 100, BLOCK)


@given(st.lists(findings, max_size=8), findings)
def test_another_finding_never_lowers_anything(rows: list[Finding], extra: Finding) -> None:
    before, after = fold(rows, Risk()), fold([*rows, extra], Risk())
    assert all(new >= old for old, new in zip(before, after, strict=True))


@given(st.lists(findings, max_size=8), st.randoms())
def test_order_does_not_matter(rows: list[Finding], random: object) -> None:
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert fold(rows, Risk()) == fold(shuffled, Risk())


@given(st.lists(findings, max_size=8))
def test_would_is_never_below_the_verdict(rows: list[Finding]) -> None:
    score = fold(rows, Risk())
    assert score.would >= score.verdict
    assert score.would_score >= score.score
