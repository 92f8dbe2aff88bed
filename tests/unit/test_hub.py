"""gw/hub: what is bounded says so when full, what waits has a deadline, what must run is restarted."""

import gc
import logging
import threading
import time
import weakref

import gevent
import pytest

from gw import hub
from gw.errors import Expired, Overloaded
from gw.observe.health import LoopSample
from tests.support.waiting import until


def test_the_clock_is_the_systems() -> None:
    clock = hub.SystemClock()
    assert abs(clock.now_ms() - time.time() * 1000) < 5000
    assert clock.monotonic() <= clock.monotonic()


def test_a_spawned_function_runs_with_its_arguments() -> None:
    seen: list[object] = []
    hub.spawn(lambda a, b: seen.append((a, b)), 1, b=2).join(30)
    assert seen == [(1, 2)]


def test_a_crash_in_a_greenlet_is_logged_and_ends_there(caplog: pytest.LogCaptureFixture) -> None:
    def boom() -> None:
        raise ValueError("private")

    hub.spawn(boom).join(30)
    assert [record.message for record in caplog.records] == ["greenlet.crashed"]


# --- crew ------------------------------------------------------------------------------------------------------------


def test_a_crew_keeps_its_greenlets_for_the_next_jobs() -> None:
    crew = hub.Crew(most_idle=2)
    seen: list[tuple[str, int]] = []

    def job(name: str, *, stay_s: float = 0) -> None:
        hub.sleep(stay_s)
        seen.append((name, id(gevent.getcurrent())))

    for name in "abc":
        crew.spawn(job, name, stay_s=0.001)
    assert seen == []  # a job never runs before its asker has done its turn
    until(lambda: len(seen) == 3, "the first jobs")
    for name in "de":
        crew.spawn(job, name)
    until(lambda: len(seen) == 5, "the other jobs")
    assert [name for name, _ in seen] == list("abcde")
    at_work = {worker for _, worker in seen[:3]}
    assert len(at_work) == 3  # one that waits keeps nobody waiting
    assert {worker for _, worker in seen[3:]} <= at_work


def test_a_crew_survives_a_job_that_crashes(caplog: pytest.LogCaptureFixture) -> None:
    crew = hub.Crew()
    seen: list[int] = []
    for job in (lambda _: 1 // 0, seen.append, seen.append):
        crew.spawn(job, 1)
        hub.sleep(0.005)
    assert seen == [1, 1]
    assert [record.message for record in caplog.records] == ["greenlet.crashed"]


def test_a_crew_at_rest_holds_nothing_of_its_last_jobs() -> None:
    crew = hub.Crew()
    given = hub.Latch()
    left = weakref.ref(given)
    crew.spawn(lambda latch: None, given)
    hub.sleep(0.005)
    del given
    gc.collect()
    assert left() is None


def test_a_crews_job_runs_at_once_where_a_callback_of_the_loop_asks_and_may_wait() -> None:
    crew = hub.Crew()
    seen: list[str] = []

    def job(name: str) -> None:
        seen.append(name)
        hub.sleep(0.001)
        seen.append(f"{name} again")

    def callback() -> None:
        crew.spawn(seen.append, "in turn")
        for name in "ab":
            crew.spawn_now(job, name)
        seen.append("the callback goes on")

    for _ in range(2):  # with greenlets that are new, and with those of before
        gevent.get_hub().loop.run_callback(callback)
        until(lambda: len(seen) == 6, "the jobs")
        assert seen == ["a", "b", "the callback goes on", "in turn", "a again", "b again"]
        seen.clear()


def test_elsewhere_it_waits_for_its_turn_and_the_asker_goes_on() -> None:
    crew = hub.Crew()
    seen: list[str] = []
    crew.spawn_now(seen.append, "job")
    seen.append("asker")
    hub.sleep(0)
    assert seen == ["asker", "job"]


def test_a_crash_of_such_a_job_ends_there(caplog: pytest.LogCaptureFixture) -> None:
    crew = hub.Crew()
    seen: list[str] = []

    def callback() -> None:
        crew.spawn_now(lambda: 1 // 0)
        seen.append("went on")

    gevent.get_hub().loop.run_callback(callback)
    hub.sleep(0)
    assert seen == ["went on"] and [record.message for record in caplog.records] == ["greenlet.crashed"]


# --- deadlines -------------------------------------------------------------------------------------------------------


def test_a_deadline_counts_from_its_start_also_where_the_wait_comes_late() -> None:
    began = time.monotonic()
    with pytest.raises(Expired), hub.Deadline(0.05, "look-up"):
        while time.monotonic() < began + 0.04:
            pass
        hub.sleep(60)
    assert time.monotonic() - began < 30


def test_a_deadline_raises_our_error() -> None:
    with pytest.raises(Expired, match=r"look-up took longer than 0.01 s"), hub.Deadline(0.01, "look-up"):
        hub.sleep(1)


def test_a_deadline_that_is_met_leaves_nothing_behind() -> None:
    with hub.Deadline(0.01, "quick"):
        pass
    hub.sleep(0.03)


def test_the_inner_deadline_does_not_hide_the_outer() -> None:
    with pytest.raises(Expired, match="outer"), hub.Deadline(0.01, "outer"), hub.Deadline(1, "inner"):
        hub.sleep(2)


# --- queue and gate --------------------------------------------------------------------------------------------------


def test_a_queue_keeps_order_and_refuses_when_full() -> None:
    queue: hub.BoundedQueue[int] = hub.BoundedQueue(2, "letters")
    queue.put(1)
    queue.put(2)
    with pytest.raises(Overloaded) as full:
        queue.put(3)
    assert full.value.where == "letters"
    assert len(queue) == 2
    assert [queue.get(30), queue.get(1)] == [1, 2]
    with pytest.raises(Expired, match="letters"):
        queue.get(0.01)


def test_a_gate_lets_in_its_capacity_then_queues_then_refuses() -> None:
    gate = hub.Gate(capacity=1, queue=1, timeout_s=5, where="evaluation")
    order: list[str] = []

    leave = hub.Latch()

    def enter(name: str) -> None:
        with gate.admit():
            order.append(name)
            leave.wait(30)

    first = hub.spawn(enter, "first")
    second = hub.spawn(enter, "second")
    until(lambda: gate.waiting == 1, "the second to wait")
    assert order == ["first"]
    with pytest.raises(Overloaded, match="evaluation"):
        enter("third")
    leave.set()
    first.join(30)
    second.join(30)
    assert (order, gate.waiting) == (["first", "second"], 0)


def test_waiting_at_a_gate_has_a_deadline() -> None:
    gate = hub.Gate(capacity=1, queue=5, timeout_s=0.01, where="evaluation")
    with gate.admit():
        task = gevent.spawn(lambda: gate.admit().__enter__())
        with pytest.raises(Overloaded):
            task.get(timeout=30)
    assert gate.waiting == 0
    with gate.admit():
        pass


def test_a_failure_inside_frees_the_place() -> None:
    gate = hub.Gate(capacity=1, queue=0, timeout_s=1, where="evaluation")
    with pytest.raises(ZeroDivisionError), gate.admit():
        raise ZeroDivisionError
    with gate.admit():
        pass


# --- pools -----------------------------------------------------------------------------------------------------------


def test_a_pool_runs_jobs_beside_the_hub() -> None:
    pool = hub.OffloadPool("files", workers=2, queue=2)
    ticks: list[int] = []
    ticker = gevent.spawn(lambda: [ticks.append(n) or gevent.sleep(0.005) for n in range(1000)])

    def add_after_ticks(a: int, b: int) -> int:
        ends = time.monotonic() + 10
        while len(ticks) < 5 and time.monotonic() < ends:
            time.sleep(0.005)
        return a + b

    assert pool.run(add_after_ticks, 1, b=2) == 3
    assert len(ticks) >= 5
    ticker.kill()
    pool.close()


def test_a_jobs_error_reaches_its_caller_and_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    pool = hub.OffloadPool("files", workers=1, queue=0)
    with pytest.raises(ZeroDivisionError):
        pool.run(lambda: 1 // 0)
    pool.close()
    assert capsys.readouterr().err == ""


def test_a_full_pool_refuses_at_once() -> None:
    pool = hub.OffloadPool("store", workers=1, queue=1)
    release = threading.Event()
    tasks = [hub.spawn(pool.run, release.wait, 10) for _ in range(2)]
    until(lambda: pool.running == 2, "one job to run and one to wait")
    with pytest.raises(Overloaded, match="store"):
        pool.run(time.sleep, 0)
    assert pool.running == 2, "refused while both are still there"
    release.set()
    for task in tasks:
        task.join(30)
    assert pool.running == 0
    pool.run(time.sleep, 0)
    pool.close()


def test_the_store_pool_runs_one_job_at_a_time() -> None:
    pool = hub.OffloadPool("store", workers=1, queue=8)
    inside = 0
    most = 0

    def job() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.005)
        inside -= 1

    tasks = [hub.spawn(pool.run, job) for _ in range(5)]
    for task in tasks:
        task.join(30)
    pool.close()
    assert most == 1


# --- supervisor ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restart", "fails", "runs"),
    [
        (hub.Restart.ALWAYS, True, 3),
        (hub.Restart.ALWAYS, False, 3),
        (hub.Restart.ON_ERROR, True, 3),
        (hub.Restart.ON_ERROR, False, 1),
        (hub.Restart.NEVER, True, 1),
        (hub.Restart.NEVER, False, 1),
    ],
)
def test_restart_policy(
    restart: hub.Restart, fails: bool, runs: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub, "RESTART_FIRST_S", 0.002)
    caplog.set_level(logging.WARNING)
    count = 0

    def run() -> None:
        nonlocal count
        count += 1
        if count >= 3:
            hub.sleep(60)
        if fails:
            raise ValueError

    supervisor = hub.Supervisor()
    supervisor.start("task", run, restart)
    until(lambda: count == runs, f"{runs} runs")
    hub.sleep(0.05)
    assert count == runs
    assert supervisor.running() == (["task"] if runs == 3 else [])
    assert supervisor.stop(1) == []
    assert ("task.crashed" in caplog.text) == fails


def test_tasks_stop_in_reverse_order() -> None:
    stopped: list[str] = []

    def run(name: str) -> None:
        try:
            hub.sleep(60)
        finally:
            stopped.append(name)

    supervisor = hub.Supervisor()
    for name in ("log", "store", "listener"):
        supervisor.start(name, lambda name=name: run(name))
    hub.sleep(0)
    assert supervisor.stop(1) == []
    assert stopped == ["listener", "store", "log"]
    assert supervisor.running() == []


def test_a_task_that_will_not_stop_is_named(caplog: pytest.LogCaptureFixture) -> None:
    def stubborn() -> None:
        while True:
            try:
                hub.sleep(0.05)
            except BaseException:
                hub.sleep(0.2)
                return

    supervisor = hub.Supervisor()
    supervisor.start("stubborn", stubborn)
    hub.sleep(0)
    assert supervisor.stop(0.01) == ["stubborn"]
    assert "task.stuck" in caplog.text
    hub.sleep(0.25)


def test_a_name_is_used_once() -> None:
    supervisor = hub.Supervisor()
    supervisor.start("probe", lambda: hub.sleep(60))
    with pytest.raises(ValueError, match="probe"):
        supervisor.start("probe", lambda: None)
    supervisor.stop(1)
    supervisor.start("probe", lambda: None, hub.Restart.NEVER)
    supervisor.stop(1)


def test_the_probe_sees_a_blocked_loop() -> None:
    samples: list[LoopSample] = []
    probe = gevent.spawn(hub.probe_lag, samples.append, 0.01)
    until(lambda: any(sample.delay_ms < 20 for sample in samples), "a sample of a free loop")
    seen = len(samples)
    time.sleep(0.1)
    until(lambda: any(sample.delay_ms >= 80 for sample in samples[seen:]), "a sample of the blocked loop")
    probe.kill()
    assert all(sample.interval_ms >= 9 for sample in samples)


def test_greenlets_start_now_and_later() -> None:
    tasks, seen, both = hub.Greenlets(), [], hub.Latch()

    def note(word: str) -> None:
        seen.append(word)
        if len(seen) == 2:
            both.set()

    tasks.after(0.01, note, "later")
    tasks.spawn(note, "now")
    assert both.wait(30)
    assert seen == ["now", "later"]


def test_a_latch_holds_until_it_is_set() -> None:
    latch = hub.Greenlets().latch()
    assert not latch.wait(0.001)
    latch.set()
    assert latch.wait(0)


def test_one_task_is_ended_and_started_anew():
    supervisor = hub.Supervisor()
    supervisor.start("a", lambda: hub.sleep(60))
    supervisor.start("b", lambda: hub.sleep(60))
    hub.sleep(0)
    assert supervisor.end("a", 1.0)
    assert supervisor.running() == ["b"]
    assert supervisor.end("nothing", 1.0)
    supervisor.start("a", lambda: hub.sleep(60))
    assert set(supervisor.running()) == {"a", "b"}
    assert supervisor.stop(1.0) == []
