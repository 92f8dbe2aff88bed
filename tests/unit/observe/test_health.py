"""Readiness by component, and the event loop's figures."""

from gw.observe.health import DEGRADED_LAG_MS, LOOP_SAMPLES, Health, LoopSample


def test_ready_means_started_and_nothing_failing() -> None:
    health = Health(started_at_ms=1000)
    assert (health.is_ready, health.failing) == (False, ["startup"])
    health.started()
    assert (health.is_ready, health.failing) == (True, [])
    health.note("store", failing=True)
    health.note("ledger", failing=True)
    assert (health.is_ready, health.failing) == (False, ["ledger", "store"])
    health.note("store", failing=False)
    health.note("ledger", failing=False)
    health.note("never-failed", failing=False)
    assert health.ready_shape(4000) == {
        "ready": True,
        "failing": [],
        "uptimeMs": 3000,
        "eventLoop": Health(0).loop_shape(),
    }


def test_a_clock_that_goes_back_gives_no_negative_uptime() -> None:
    assert Health(5000).uptime_ms(4000) == 0


def test_loop_figures_are_over_the_last_samples() -> None:
    health = Health(0)
    for n in range(LOOP_SAMPLES):
        health.sample_loop(LoopSample(9999.0, 1000.0, 0.0), n)
    for n in range(LOOP_SAMPLES):
        health.sample_loop(LoopSample(float(n), 1000.0, 250.0), n)
    assert health.loop_shape() == {
        "degraded": False,
        "degradedSinceMs": None,
        "reasons": [],
        "intervalMs": 1000.0,
        "delayP99Ms": 125.0,
        "delayMaxMs": 127.0,
        "utilization": 0.25,
        "cpuCoreRatio": 0.25,
    }


def test_a_late_timer_marks_the_loop_degraded_until_one_is_on_time() -> None:
    health = Health(0)
    late, fine = LoopSample(DEGRADED_LAG_MS, 1000.0, 1500.0), LoopSample(1.0, 1000.0, 0.0)
    health.sample_loop(late, 10)
    health.sample_loop(late, 20)
    shape = health.loop_shape()
    assert (shape["degraded"], shape["degradedSinceMs"], shape["reasons"]) == (True, 10, ["event_loop_delay"])
    assert (shape["utilization"], shape["cpuCoreRatio"]) == (1.0, 1.5)
    health.sample_loop(fine, 30)
    assert health.loop_shape()["degraded"] is False
