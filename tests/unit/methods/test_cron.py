"""The cron.* methods, the runs they lead to, and wake-ups."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw import hub
from gw.methods.cron import AT_ONCE, Cron
from gw.methods.cron_jobs import CronJobs
from gw.methods.errands import Errands
from gw.methods.heartbeats import PROMPT, Heartbeats
from tests.support import openclaw
from tests.support.chats import Chats, Memory, direct
from tests.support.scripted_runner import Fail, Say, ScriptedRunner, Wait
from tests.support.sessions import FakeClient, House, house
from tests.support.waiting import until

MAIN = "agent:main:main"


@pytest.fixture
def runner() -> ScriptedRunner:
    scripts = {"fail": [Fail("no luck", "unknown")], "slow": [Wait(0.1), Say("done")], PROMPT: [Say("NO_REPLY")]}
    return ScriptedRunner(scripts, steerable=False)


class Lab:
    def __init__(self, home: House, every: dict[str, int] | None = None) -> None:
        self.home = home
        self.chats = Chats(home, {"channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"]}}})
        talk, defender = home.talk, self.chats.defender
        errands = Errands(talk.desk, talk.turns, self.chats.outlet, defender.judge, defender.told.append)
        self.file = Memory()
        self.jobs = CronJobs(self.file, home.clock)
        self.beats = Heartbeats(errands, home.clock, every or {}, lambda agent: f"agent:{agent}:main")
        self.cron = Cron(self.jobs, errands, self.beats, talk.desk, home.bus, hub.Greenlets(), "cron.json")
        home.router.attach(self.cron)
        self.client: FakeClient = home.client()

    def add(self, **fields: Any) -> Any:
        return self.client.call("cron.add", **self.job(**fields))

    def job(self, **fields: Any) -> dict[str, Any]:
        return {
            "name": "check",
            "schedule": {"kind": "every", "everyMs": 60_000},
            "sessionTarget": "isolated",
            "wakeMode": "now",
            "payload": {"kind": "agentTurn", "message": "look"},
            **fields,
        }

    def due(self) -> None:
        """An hour passes, and what is due runs to its end."""
        self.home.clock.ms += 3_600_000
        self.cron.tick()
        until(lambda: all("runningAtMs" not in job["state"] for job in self.jobs.all()), "runs to end")
        self.home.idle()


@pytest.fixture
def lab(tmp_path: Path, runner: ScriptedRunner) -> Iterator[Lab]:
    with house(tmp_path / "s.json", runner) as home:
        yield Lab(home)


def test_a_job_runs_in_a_session_of_its_own(lab: Lab, runner: ScriptedRunner) -> None:
    job = lab.add()
    lab.due()
    (turn,) = runner.turns
    assert turn.session_key.startswith(f"agent:main:cron:{job['id']}:run:")
    assert turn.prompt == "look"
    (entry,) = lab.client.call("cron.runs")["entries"]
    assert (entry["status"], entry["summary"], entry["jobName"]) == ("ok", "echo: look", "check")
    shown = lab.client.call("cron.get", id=job["id"])
    assert shown["lastRunStatus"] == "ok"
    actions = [payload["action"] for event, payload in lab.client.events if event == "cron"]
    assert actions == ["added", "started", "finished"]


def test_a_run_that_cannot_be_noted_stays_due_and_takes_nobodys_place(lab: Lab, runner: ScriptedRunner) -> None:
    lab.add()
    lab.home.clock.ms += 3_600_000
    lab.file.is_full = True
    for _ in range(AT_ONCE + 1):
        lab.cron.tick()
    assert runner.turns == []
    lab.file.is_full = False
    lab.due()
    assert len(runner.turns) == 1


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"sessionTarget": "main", "payload": {"kind": "systemEvent", "text": "x"}}, MAIN),
        ({"sessionTarget": "session:notes"}, "agent:main:notes"),
        ({"sessionTarget": "current", "sessionKey": "desk"}, "agent:main:desk"),
    ],
)
def test_where_a_job_runs(lab: Lab, runner: ScriptedRunner, fields: dict[str, Any], key: str) -> None:
    lab.add(**fields)
    lab.due()
    assert [turn.session_key for turn in runner.turns] == [key]


def test_failures_and_refusals_are_noted(lab: Lab) -> None:
    lab.add(name="fails", payload={"kind": "agentTurn", "message": "fail"})
    lab.add(name="stopped", payload={"kind": "agentTurn", "message": "something forbidden"})
    lab.due()
    found = {entry["jobName"]: entry for entry in lab.client.call("cron.runs", status="error")["entries"]}
    assert found["fails"]["error"] == "no luck"
    assert found["stopped"]["error"].startswith("blocked by clawgate")
    assert lab.client.call("cron.runs", status="ok")["entries"] == []


@pytest.mark.parametrize(
    ("delivery", "chat_id"),
    [
        ({"mode": "announce"}, "17"),
        ({"mode": "announce", "channel": "telegram", "to": "99"}, "99"),
        ({"mode": "none"}, None),
    ],
)
def test_answers_go_where_they_should(lab: Lab, delivery: dict[str, Any], chat_id: str | None) -> None:
    lab.chats.hear(direct("hello"))
    lab.home.idle()
    lab.add(delivery=delivery)
    lab.due()
    told = [out.chat_id for out in lab.chats.account.sent if out.text == "echo: look"]
    assert told == ([chat_id] if chat_id else [])


def test_so_many_at_once(lab: Lab, runner: ScriptedRunner) -> None:
    for number in range(AT_ONCE + 2):
        lab.add(name=f"job{number}", payload={"kind": "agentTurn", "message": "slow"})
    lab.home.clock.ms += 3_600_000
    lab.cron.tick()
    until(lambda: len(runner.turns) == AT_ONCE, "the first to start")
    lab.cron.tick()
    hub.sleep(0)
    assert len(runner.turns) == AT_ONCE
    until(lambda: lab.cron._running == 0, "the first to end")
    lab.cron.tick()
    until(lambda: len(runner.turns) == AT_ONCE + 2, "the rest to start")
    until(lambda: lab.cron._running == 0, "all to end")


def test_run_by_hand(lab: Lab, runner: ScriptedRunner) -> None:
    job = lab.add(enabled=False, payload={"kind": "agentTurn", "message": "slow"})
    assert lab.client.call("cron.run", id=job["id"], mode="due")["reason"] == "not-due"
    assert lab.client.call("cron.run", id=job["id"], mode="if-enabled")["reason"] == "disabled"
    started = lab.client.call("cron.run", jobId=job["id"])
    assert started["enqueued"] is True
    assert lab.client.call("cron.run", id=job["id"])["reason"] == "already-running"
    lab.due()
    assert len(runner.turns) == 1
    assert lab.client.call("cron.runs", id=job["id"], runId=started["runId"])["total"] == 1


def test_listing(lab: Lab) -> None:
    for number in range(3):
        lab.add(name=f"job{number}", enabled=number > 0)
    answer = lab.client.call("cron.list", limit=1, sortBy="name", sortDir="desc")
    assert [job["name"] for job in answer["jobs"]] == ["job2"]
    assert (answer["total"], answer["hasMore"], answer["nextOffset"]) == (2, True, 1)
    assert lab.client.call("cron.list", includeDisabled=True)["total"] == 3
    assert lab.client.call("cron.list", enabled="disabled")["total"] == 1
    assert lab.client.call("cron.list", query="JOB1")["total"] == 1
    assert lab.client.call("cron.list", scheduleKind="at")["total"] == 0
    assert lab.client.call("cron.list", lastRunStatus="unknown")["total"] == 2
    assert lab.client.call("cron.status")["jobs"] == 3


def test_declared_jobs_are_made_once(lab: Lab) -> None:
    first = lab.add(declarationKey="k")
    assert first["created"] is True
    again = lab.add(declarationKey="k", name="other")
    assert (again["created"], again["job"]["name"], again["job"]["id"]) == (False, "other", first["job"]["id"])


def test_update_and_remove(lab: Lab) -> None:
    job = lab.add()
    assert lab.client.call("cron.update", id=job["id"], patch={"name": "new"})["name"] == "new"
    assert lab.client.call("cron.remove", id=job["id"]) == {"ok": True, "removed": True}
    assert lab.client.call("cron.remove", id=job["id"]) == {"ok": True, "removed": False}
    assert lab.client.error("cron.update", id=job["id"], patch={})["details"]["code"] == "CRON_JOB_NOT_FOUND"


def test_a_job_for_an_agent_that_is_not_there(lab: Lab) -> None:
    assert "not found" in lab.client.error("cron.add", **lab.job(agentId="ghost"))["message"]
    assert len(lab.jobs) == 0


def test_wake(lab: Lab, runner: ScriptedRunner) -> None:
    assert lab.client.call("wake", mode="now", text="the door rang") == {"ok": True}
    until(lambda: bool(runner.turns), "the agent to be asked")
    lab.home.idle()
    assert runner.turns[0].prompt.startswith("the door rang")
    assert runner.turns[0].session_key == MAIN


def test_an_event_for_the_next_heartbeat(tmp_path: Path, runner: ScriptedRunner) -> None:
    with house(tmp_path / "s.json", runner) as home:
        lab = Lab(home, {"main": 3_000_000})
        lab.client.call("wake", mode="next-heartbeat", text="one")
        lab.add(sessionTarget="main", wakeMode="next-heartbeat", payload={"kind": "systemEvent", "text": "two"})
        lab.cron.tick()
        assert runner.turns == []
        lab.home.clock.ms += 60_000
        lab.cron.tick()
        until(lambda: len(lab.jobs.runs) == 1, "the job")
        lab.due()
        assert runner.turns[0].prompt == f"one\n\ntwo\n\n{PROMPT}"
        assert lab.client.call("set-heartbeats", enabled=False) == {"ok": True, "enabled": False}
        assert not lab.beats.has_cadence("main")
        assert "true or false" in lab.client.error("set-heartbeats", enabled="x")["message"]


@pytest.mark.openclaw
def test_answers_fit_the_published_schema(lab: Lab) -> None:
    job = lab.add()
    lab.due()
    assert openclaw.problems("CronJob", lab.client.call("cron.get", id=job["id"])) == []
    for entry in lab.client.call("cron.runs")["entries"]:
        assert openclaw.problems("CronRunLogEntry", entry) == []
