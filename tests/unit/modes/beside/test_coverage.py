"""Executions against decisions, whoever saw them and in whatever order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.model.decision import Decision, PolicyRef, Verdict
from gw.modes.beside import coverage as module
from gw.modes.beside.coverage import METRIC, Coverage, Execution, Gap, Reason
from gw.observe.metrics import Metrics
from tests.support.policies import FakeClock


class Watch:
    def __init__(self) -> None:
        self.metrics = Metrics()
        self.told: list[Gap] = []
        self.coverage = Coverage(FakeClock(), self.metrics, self.told.append)

    def decide(self, enforced: Verdict, call: str = "t1", run: str = "r1") -> None:
        ref = PolicyRef("p", 1, "d")
        decision = Decision("dec_1", call, "tool.call", "d", enforced, enforced, enforced, 0, (), ref, "enforce", 1, 0)
        self.coverage.decided(run, call, decision)

    def run(self, call: str = "t1", run: str = "r1", **more: Any) -> Gap | None:
        return self.coverage.executed(Execution("plugin", "exec", run, call, "agent:main:main"), **more)


def test_an_execution_that_was_allowed_is_covered() -> None:
    watch = Watch()
    watch.decide(Verdict.ALLOW)
    assert watch.run() is None
    assert watch.coverage.status() == {"executions": 1, "unguarded": 0, "byTool": {}, "last": None}


@pytest.mark.parametrize(
    "enforced, away, reason",
    [
        (None, False, Reason.NO_DECISION),
        (None, True, Reason.AWAY),
        (Verdict.BLOCK, False, Reason.REFUSED),
        (Verdict.REVIEW, False, Reason.REFUSED),
        (Verdict.BLOCK, True, Reason.REFUSED),
    ],
)
def test_every_other_execution_is_raised(enforced: Verdict | None, away: bool, reason: Reason) -> None:
    watch = Watch()
    if enforced is not None:
        watch.decide(enforced)
    gap = watch.run(away=away)
    assert gap is not None and gap.reason is reason
    assert watch.told == [gap]
    assert watch.metrics.value(METRIC, reason.value) == 1
    status = watch.coverage.status()
    assert (status["unguarded"], status["byTool"], status["last"]) == (1, {"exec": 1}, gap.shape())
    assert gap.shape()["toolCallId"] == "t1"


def test_an_execution_counts_once_whoever_reports_it() -> None:
    watch = Watch()
    assert watch.run() is not None
    assert watch.run() is None
    assert watch.coverage.executions == 1


@pytest.mark.parametrize("allowed", [True, False])
def test_a_person_answers_for_a_held_call(allowed: bool) -> None:
    watch = Watch()
    watch.decide(Verdict.REVIEW)
    watch.coverage.answered("r1", "t1", allowed=allowed)
    assert watch.coverage.is_refused("r1", "t1") is not allowed
    assert (watch.run() is None) is allowed


def test_an_id_used_again_is_another_call() -> None:
    watch = Watch()
    watch.decide(Verdict.ALLOW)
    assert watch.run() is None
    watch.decide(Verdict.BLOCK)
    assert watch.run() is not None


def test_calls_of_different_runs_are_different() -> None:
    watch = Watch()
    watch.decide(Verdict.ALLOW, run="r1")
    assert watch.run(run="r2") is not None
    assert watch.coverage.is_decided("r1", "t1") and not watch.coverage.is_decided("r2", "t1")


def test_an_execution_without_an_id_is_never_covered() -> None:
    watch = Watch()
    watch.decide(Verdict.ALLOW, call="")
    assert watch.run(call="") is not None
    assert watch.run(call="") is not None


def test_what_an_earlier_process_decided_counts() -> None:
    records = [
        {"action": "t3", "at": 100, "enforced": "allow"},
        {"action": "t1", "at": 90, "enforced": "allow"},
        {"action": "t2", "at": 80, "enforced": "block"},
        {"action": "t1", "at": 70, "enforced": "block"},
    ]
    recalled = [module.recall_from(records, call, 95) for call in ("t1", "t2", "t3", "t4")]
    assert recalled == [True, False, None, None]  # t3: this process would know it itself
    coverage = Coverage(FakeClock(), Metrics(), recall=lambda call: module.recall_from(records, call, 95))
    gaps = [coverage.executed(Execution("plugin", "exec", "r", call)) for call in ("t1", "t2", "t3")]
    assert [gap and gap.reason for gap in gaps] == [None, Reason.REFUSED, Reason.NO_DECISION]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CALLS", 10)
    monkeypatch.setattr(module, "MOST_TOOLS", 2)
    watch = Watch()
    for number in range(30):
        watch.decide(Verdict.ALLOW, call=str(number))
    assert not watch.coverage.is_decided("r1", "0") and watch.coverage.is_decided("r1", "29")
    for tool in ("a", "b", "c"):
        watch.coverage.executed(Execution("sidecar", tool, "r", tool))
    assert watch.coverage.status()["byTool"] == {"a": 1, "b": 1}


@given(
    st.lists(
        st.tuples(st.sampled_from(["allow", "block", "yes", "no", "run"]), st.sampled_from(["1", "2"])), max_size=40
    )
)
def test_against_the_obvious_twin(steps: list[tuple[str, str]]) -> None:
    """The twin keeps the last word said about each call, and whether its run was counted since it was asked about."""
    watch = Watch()
    word: dict[str, bool] = {}
    counted: set[str] = set()
    expected = 0
    for what, call in steps:
        match what:
            case "allow" | "block":
                watch.decide(Verdict.ALLOW if what == "allow" else Verdict.BLOCK, call=call)
                word[call] = what == "allow"
                counted.discard(call)
            case "yes" | "no":
                watch.coverage.answered("r1", call, allowed=what == "yes")
                word[call] = what == "yes"
            case _:
                watch.run(call=call)
                if call not in counted:
                    counted.add(call)
                    expected += not word.get(call, False)
    assert watch.coverage.gaps == expected == len(watch.told)
