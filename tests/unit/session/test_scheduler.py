"""The scheduler's rules one by one: modes, order, bounds, cancelling, fairness."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from gw.errors import Overloaded
from gw.session.queueing import Settings
from gw.session.scheduler import (
    Abort,
    Admission,
    Cancel,
    Effect,
    Item,
    Lose,
    Scheduler,
    Settle,
    Start,
    Wake,
)

S = "s1"


class Bench:
    """A scheduler, a clock, and what it said."""

    def __init__(self, **bounds: int) -> None:
        numbers = count(1)
        self.scheduler = Scheduler(lambda: f"new{next(numbers)}", **bounds)
        self.now = 0
        self.said: list[Effect] = []

    def send(self, name: str, mode: str = "steer", session: str = S, **facts: Any) -> Admission:
        queue = {name: facts.pop(name) for name in ("debounce_ms", "cap", "drop") if name in facts}
        settings = Settings(mode, **{"debounce_ms": 0, **queue})
        admission = self.scheduler.submit(session, Item(name, f"text {name}", **facts), settings, self.now)
        self.said += admission.effects
        return admission

    def finish(self, run_id: str, session: str = S) -> None:
        self.said += self.scheduler.finished(session, run_id, self.now)

    def runs(self) -> list[tuple[str, ...]]:
        return [tuple(item.id for item in e.run.items) for e in self.said if isinstance(e, Start)]

    def ids(self, kind: type) -> list[str]:
        return [e.item.id for e in self.said if isinstance(e, kind)]  # type: ignore[attr-defined]


def test_an_idle_session_runs_at_once_under_the_requests_id() -> None:
    bench = Bench()
    assert bench.send("r1").state == "run"
    run = bench.scheduler.active_run(S)
    assert run is not None
    assert (run.id, run.prompt) == ("r1", "text r1")


def test_steer_goes_into_the_active_run_in_order() -> None:
    bench = Bench()
    bench.send("r1")
    bench.scheduler.set_steerable(S, "r1", True)
    assert [bench.send(name).state for name in ("m2", "m3")] == ["steered", "steered"]
    assert [item.id for item in bench.scheduler.take_steered(S, "r1")] == ["m2", "m3"]
    assert bench.ids(Settle) == ["m2", "m3"]
    bench.finish("r1")
    assert bench.runs() == [("r1",)]


def test_a_run_that_cannot_be_steered_makes_them_wait_each_its_own_turn() -> None:
    bench = Bench()
    for name in ("r1", "m2", "m3"):
        bench.send(name)
    for run_id in ("r1", "new1", "new2"):
        bench.finish(run_id)
    assert bench.runs() == [("r1",), ("m2",), ("m3",)]


def test_what_a_run_never_took_runs_next_and_first() -> None:
    bench = Bench()
    bench.send("r1")
    bench.scheduler.set_steerable(S, "r1", True)
    bench.send("m2")
    bench.send("m3", "followup")
    bench.finish("r1")
    bench.finish("new1")
    assert bench.runs() == [("r1",), ("m2",), ("m3",)]


def test_collect_joins_what_came_in_the_quiet_window() -> None:
    bench = Bench()
    for name in ("r1", "m2", "m3"):
        bench.send(name, "collect", debounce_ms=500)
    bench.finish("r1")
    assert bench.said[-1] == Wake(S, 500)
    bench.now = 499
    bench.said += bench.scheduler.wake(S, bench.now)
    assert bench.runs() == [("r1",)]
    bench.now = 500
    bench.said += bench.scheduler.wake(S, bench.now)
    assert bench.runs()[1:] == [("m2", "m3")]


def test_collect_goes_one_by_one_once_conversations_mix() -> None:
    bench = Bench()
    bench.send("r1")
    for name, context in (("m2", "A"), ("m3", "A"), ("m4", "B")):
        bench.send(name, "collect", context=context)
    for run_id in ("r1", "new1", "new2"):
        bench.finish(run_id)
    assert bench.runs() == [("r1",), ("m2",), ("m3",), ("m4",)]


def test_collect_leaves_out_what_may_not_join() -> None:
    bench = Bench()
    bench.send("r1")
    for name, joins in (("m2", True), ("m3", False), ("m4", True)):
        bench.send(name, "collect", joins=joins)
    for run_id in ("r1", "new1", "new2"):
        bench.finish(run_id)
    assert bench.runs() == [("r1",), ("m2",), ("m3",), ("m4",)]


def test_interrupt_aborts_and_runs_the_newest() -> None:
    bench = Bench()
    bench.send("r1")
    assert bench.send("m2", "interrupt").interrupted
    assert bench.send("m3", "interrupt").interrupted
    assert [e.run_id for e in bench.said if isinstance(e, Abort)] == ["r1"]
    assert bench.ids(Cancel) == ["m2"]
    bench.finish("r1")
    assert bench.runs() == [("r1",), ("m3",)]


def test_a_reset_command_does_not_wait() -> None:
    bench = Bench()
    bench.send("r1")
    bench.send("m2", "followup")
    assert bench.send("new", "followup", reset=True).state == "run"
    bench.finish("r1")
    bench.finish("new")
    assert bench.runs() == [("r1",), ("new",), ("m2",)]


def test_heartbeats_never_wait() -> None:
    bench = Bench()
    bench.send("r1")
    assert bench.send("beat", heartbeat=True).state == "dropped"
    assert bench.scheduler.pending == 0


def test_sessions_do_not_wait_for_each_other() -> None:
    bench = Bench()
    bench.send("r1", "followup")
    assert bench.send("m1", "followup", session="s2").state == "run"


@pytest.mark.parametrize(
    "drop, runs, lost, note",
    [
        ("old", [("m3",), ("m4",)], ["m2"], ""),
        ("summarize", [("m3",), ("m4",)], ["m2"], "[Queue overflow] Dropped 1 message"),
    ],
)
def test_overflow_drops_the_oldest(drop: str, runs: list[tuple[str]], lost: list[str], note: str) -> None:
    bench = Bench()
    for name in ("r1", "m2", "m3", "m4"):
        bench.send(name, "followup", cap=2, drop=drop)
    for run_id in ("r1", "new1", "new2"):
        bench.finish(run_id)
    assert bench.runs()[1:] == runs
    assert bench.ids(Lose) == lost
    prompts = [e.run.prompt for e in bench.said if isinstance(e, Start)]
    assert prompts[1].startswith(note or "text m3")
    assert prompts[2] == "text m4"


def test_overflow_may_refuse_the_newcomer() -> None:
    bench = Bench()
    for name in ("r1", "m2"):
        bench.send(name, "followup", cap=1, drop="new")
    with pytest.raises(Overloaded, match="session queue"):
        bench.send("m3", "followup", cap=1, drop="new")
    bench.finish("r1")
    assert bench.runs() == [("r1",), ("m2",)]


def test_all_sessions_together_are_bounded() -> None:
    bench = Bench(max_pending=2, max_runs=1)
    for session in ("a", "b", "c"):
        bench.send(session, session=session)
    assert bench.scheduler.pending == 2
    with pytest.raises(Overloaded, match="sessions"):
        bench.send("d", session="d")


def test_slots_go_to_who_waited_longest() -> None:
    bench = Bench(max_runs=1)
    for name in ("a1", "b1", "c1"):
        bench.send(name, session=name[0])
    bench.send("a2", "followup", session="a")
    bench.finish("a1", "a")
    bench.finish("b1", "b")
    bench.finish("c1", "c")
    assert bench.runs() == [("a1",), ("b1",), ("c1",), ("a2",)]


def test_cancel_reaches_what_waits_and_what_runs() -> None:
    bench = Bench()
    for name in ("r1", "m2", "m3"):
        bench.send(name, "followup", owner="me")
    ids, effects = bench.scheduler.cancel(S, "m2", lambda owner: owner == "me", 0)
    assert (ids, effects) == (["m2"], [Cancel(S, Item("m2", "text m2", owner="me"), "rpc")])
    ids, effects = bench.scheduler.cancel(S, None, lambda owner: True, 0)
    assert ids == ["m3", "r1"]
    assert [type(effect) for effect in effects] == [Cancel, Abort]
    assert bench.scheduler.cancel(S, "r1", lambda owner: True, 0) == ([], [])
    bench.finish("r1")
    assert not bench.scheduler.is_busy(S)


@pytest.mark.parametrize("who", [lambda owner: owner == "other", lambda owner: False])
def test_what_is_not_yours_is_not_cancelled(who: Callable[[str], bool]) -> None:
    bench = Bench()
    bench.send("r1", owner="me")
    bench.send("m2", owner="me")
    assert bench.scheduler.cancel(S, None, who, 0) == ([], [])


def test_draining_takes_everything_that_waits() -> None:
    bench = Bench()
    for name in ("r1", "m2", "m3"):
        bench.send(name, "followup")
    assert [item.id for item in bench.scheduler.drain(S)] == ["m2", "m3"]
    bench.finish("r1")
    assert bench.runs() == [("r1",)]
    assert (bench.scheduler.pending, bench.scheduler.running, bench.scheduler.sessions()) == (0, 0, [])


def test_unknown_runs_and_sessions_change_nothing() -> None:
    bench = Bench()
    bench.send("r1")
    scheduler = bench.scheduler
    assert scheduler.finished(S, "other", 0) == []
    assert scheduler.finished("none", "r1", 0) == []
    assert scheduler.wake("none", 0) == []
    assert scheduler.cancel("none", None, lambda owner: True, 0) == ([], [])
    assert scheduler.drain("none") == []
    assert scheduler.take_steered("none", "r1") == []
    scheduler.set_steerable("none", "r1", True)
    assert scheduler.waiting("none") == []
    assert scheduler.active_run("none") is None


def test_a_run_or_message_is_found_by_its_id() -> None:
    bench = Bench()
    bench.send("r1")
    bench.send("m2", "followup")
    assert [bench.scheduler.find(name) for name in ("r1", "m2", "x")] == [S, S, None]
