"""Jobs: when they are due, how their runs are noted, and what a restart finds."""

from typing import Any

import pytest

from gw.errors import InvalidRequest, Overloaded
from gw.methods import cron_jobs
from gw.methods.cron_jobs import BACKOFF_MS, CronJobs, Job
from tests.support.chats import Memory

T0 = 1_790_000_000_000


class Clock:
    def __init__(self) -> None:
        self.ms = T0

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file() -> Memory:
    return Memory()


@pytest.fixture
def jobs(file: Memory, clock: Clock) -> CronJobs:
    return CronJobs(file, clock)


def job(**fields: Any) -> dict[str, Any]:
    return {
        "name": "check",
        "schedule": {"kind": "every", "everyMs": 60_000},
        "sessionTarget": "isolated",
        "wakeMode": "now",
        "payload": {"kind": "agentTurn", "message": "look"},
        **fields,
    }


def names(found: list[Job]) -> list[str]:
    return [one["name"] for one in found]


def test_a_job_runs_when_it_is_due_and_once_at_a_time(jobs: CronJobs, clock: Clock) -> None:
    made = jobs.add(job())
    assert jobs.due() == []
    assert jobs.next_wake_ms() == T0 + 60_000
    clock.ms += 60_000
    assert names(jobs.due()) == ["check"]
    run_id = jobs.begin(made)
    clock.ms += 90_000
    assert jobs.due() == []  # it still runs
    entry = jobs.finished(made["id"], run_id, "ok", "all quiet")
    assert (entry["summary"], entry["durationMs"]) == ("all quiet", 90_000)
    assert names(jobs.due()) == ["check"]  # the time that passed meanwhile is made up for once
    jobs.begin(made)
    jobs.finished(made["id"], "r2", "ok", "")
    assert jobs.due() == []


def test_missed_runs_are_made_up_for_by_one(file: Memory, clock: Clock) -> None:
    CronJobs(file, clock).add(job())
    clock.ms += 3_600_000
    later = CronJobs(file, clock)
    (made,) = later.due()
    later.finished(made["id"], later.begin(made), "ok", "")
    assert later.due() == []


def test_what_was_running_when_the_process_ended_is_an_error(file: Memory, clock: Clock) -> None:
    first = CronJobs(file, clock)
    first.begin(first.add(job()))
    later = CronJobs(file, clock)
    (made,) = later.all()
    assert made["state"]["lastStatus"] == "error"
    assert "restart" in made["state"]["lastError"]
    assert "runningAtMs" not in made["state"]
    assert [entry["status"] for entry in later.runs] == ["error"]


@pytest.mark.parametrize(("status", "keep", "left"), [("ok", None, 0), ("ok", False, 1), ("error", None, 1)])
def test_a_job_for_one_time(jobs: CronJobs, clock: Clock, status: str, keep: bool | None, left: int) -> None:
    fields = {} if keep is None else {"deleteAfterRun": keep}
    made = jobs.add(job(schedule={"kind": "at", "at": "2020-01-01T00:00:00Z"}, **fields))
    assert names(jobs.due()) == ["check"]  # a time that has passed is due at once
    jobs.finished(made["id"], jobs.begin(made), status, "why")
    assert jobs.due() == []
    assert len(jobs) == left
    assert all(not one["enabled"] for one in jobs.all())


def test_failures_wait_longer_and_longer(jobs: CronJobs, clock: Clock) -> None:
    made = jobs.add(job(schedule={"kind": "every", "everyMs": 1000}))
    for times in range(1, len(BACKOFF_MS) + 2):
        jobs.finished(made["id"], jobs.begin(made), "error", "no")
        assert made["state"]["consecutiveErrors"] == times
        assert made["state"]["nextRunAtMs"] - clock.ms >= BACKOFF_MS[min(times, len(BACKOFF_MS)) - 1]
    jobs.finished(made["id"], jobs.begin(made), "ok", "")
    assert made["state"]["nextRunAtMs"] - clock.ms <= 1000
    assert "lastError" not in made["state"]


def test_update_and_remove(jobs: CronJobs, clock: Clock) -> None:
    made = jobs.add(job(description="x"))
    clock.ms += 5
    changed = jobs.update(made["id"], {"enabled": False, "description": None, "payload": {"message": "see"}})
    assert (changed["enabled"], "description" in changed, changed["payload"]["message"]) == (False, False, "see")
    assert jobs.next_wake_ms() is None
    assert jobs.update(made["id"], {"enabled": True})["state"]["nextRunAtMs"] > clock.ms
    assert jobs.remove(made["id"])
    assert not jobs.remove(made["id"])
    with pytest.raises(InvalidRequest, match="not found") as caught:
        jobs.find(made["id"])
    assert caught.value.details == {"code": "CRON_JOB_NOT_FOUND", "jobId": made["id"]}


def test_a_broken_patch_changes_nothing(jobs: CronJobs) -> None:
    made = jobs.add(job())
    with pytest.raises(InvalidRequest):
        jobs.update(made["id"], {"schedule": {"kind": "cron", "expr": "never"}})
    assert jobs.find(made["id"])["schedule"]["kind"] == "every"


def test_declared_jobs_are_found_by_their_key(jobs: CronJobs) -> None:
    made = jobs.add(job(declarationKey="k"))
    assert jobs.declared("k") is made
    assert jobs.declared("other") is jobs.declared(None) is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"payload": {"kind": "command", "argv": ["true"]}}, "run a program"),
        ({"trigger": {"script": "x"}}, "run a script"),
        ({"delivery": {"mode": "webhook", "to": "https://x.example"}}, "not served"),
        ({"sessionTarget": "current"}, "needs a sessionKey"),
        ({"schedule": {"kind": "stream", "command": ["x"]}}, "run a program"),
    ],
)
def test_what_is_not_run_is_refused(jobs: CronJobs, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        jobs.add(job(**fields))
    assert len(jobs) == 0


def test_bounds(jobs: CronJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cron_jobs, "MOST_JOBS", 1)
    jobs.add(job())
    with pytest.raises(Overloaded):
        jobs.add(job())


def test_records_of_a_later_version_are_refused(file: Memory, clock: Clock) -> None:
    file.records = {"version": 2}
    with pytest.raises(ValueError, match="version 2"):
        CronJobs(file, clock)
