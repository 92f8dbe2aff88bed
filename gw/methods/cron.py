"""Timers: the cron.* methods, the runs they lead to, and wake-ups.

Knows jobs, errands and heartbeats. Invariant: a run is noted on disk before it starts and after it ends; at most
AT_ONCE run at the same time, the rest stay due.

Source: openclaw/ROUTING.md section 11, and the published CronJob shapes.
"""

import logging
from collections.abc import Mapping
from typing import Final

from gw.errors import GwError, InvalidRequest
from gw.methods.cron_jobs import CronJobs, Job
from gw.methods.errands import Errand, Errands, session_key
from gw.methods.events import EventBus
from gw.methods.heartbeats import Heartbeats
from gw.methods.outlet import Target
from gw.methods.router import Call, rpc
from gw.methods.session_desk import SessionDesk
from gw.ports import Json, Tasks
from gw.session import keys

logger = logging.getLogger(__name__)

AT_ONCE: Final = 8
PAGE: Final = 50
TIMEOUT_S: Final = 3600.0  # of a job that names none
SLACK_S: Final = 60.0  # past the run's own timeout before it counts as lost
# What the runner may be told.
RUNNER_FIELDS: Final = ("model", "thinking")


class Cron:
    def __init__(
        self,
        jobs: CronJobs,
        errands: Errands,
        heartbeats: Heartbeats,
        desk: SessionDesk,
        bus: EventBus,
        tasks: Tasks,
        path: str,
    ) -> None:
        self._jobs = jobs
        self._errands = errands
        self._heartbeats = heartbeats
        self._desk = desk
        self._bus = bus
        self._tasks = tasks
        self._path = path
        self._running = 0

    def tick(self) -> None:
        """Start what is due; called about once a second."""
        self._heartbeats.beat()
        for job in self._jobs.due()[: max(0, AT_ONCE - self._running)]:
            try:
                self._start(job)
            except GwError as error:
                logger.warning("cron.not_begun", extra={"job": job["id"], "error": type(error).__name__})

    # --- methods ----------------------------------------------------------------------------------------------

    @rpc("cron.add")
    def add(self, call: Call) -> Json:
        params = {name: value for name, value in call.params.items() if value is not None}
        self._key(params, "")
        known = self._jobs.declared(params.get("declarationKey"))
        if known is not None:
            job = self._jobs.update(known["id"], params)
            self._tell("updated", job)
            return {"created": False, "updated": True, "job": shown(job)}
        job = self._jobs.add(params)
        self._tell("added", job)
        return {"created": True, "job": shown(job)} if "declarationKey" in params else shown(job)

    @rpc("cron.update")
    def update(self, call: Call) -> Json:
        patch: Mapping[str, Json] = call.params["patch"]
        self._key({**self._jobs.find(_id(call)), **patch}, "")
        job = self._jobs.update(_id(call), patch)
        self._tell("updated", job)
        return shown(job)

    @rpc("cron.remove")
    def remove(self, call: Call) -> Json:
        removed = self._jobs.remove(_id(call))
        if removed:
            self._bus.publish("cron", {"jobId": _id(call), "action": "removed"})
        return {"ok": True, "removed": removed}

    @rpc("cron.get", inline=True)
    def get(self, call: Call) -> Json:
        return shown(self._jobs.find(_id(call)))

    @rpc("cron.list")
    def list(self, call: Call) -> Json:
        params = call.params
        wanted = [job for job in self._jobs.all() if _is_wanted(job, params)]
        by = params.get("sortBy", "nextRunAtMs")
        rows = sorted(map(shown, wanted), key=lambda job: _order(job, by), reverse=params.get("sortDir") == "desc")
        return {**_page("jobs", rows, params), "snapshotRevision": str(self._jobs.revision)}

    @rpc("cron.status", inline=True)
    def status(self, call: Call) -> Json:
        return {
            "enabled": True,
            "triggersEnabled": False,
            "storePath": self._path,
            "storage": "json",
            "jobs": len(self._jobs),
            "nextWakeAtMs": self._jobs.next_wake_ms(),
        }

    @rpc("cron.runs")
    def runs(self, call: Call) -> Json:
        params = call.params
        job_id = params.get("id") or params.get("jobId")
        status = params.get("status", "all")
        statuses = set(params.get("statuses") or (("ok", "error", "skipped") if status == "all" else (status,)))
        rows = [
            entry
            for entry in self._jobs.runs
            if job_id in (None, entry["jobId"])
            and params.get("runId") in (None, entry.get("runId"))
            and entry["status"] in statuses
        ]
        return _page("entries", rows if params.get("sortDir") == "asc" else rows[::-1], params)

    @rpc("cron.run")
    def run(self, call: Call) -> Json:
        job = self._jobs.find(_id(call))
        state, mode = job["state"], call.params.get("mode", "force")
        now = self._desk.clock.now_ms()
        if "runningAtMs" in state:
            return {"ok": True, "ran": False, "reason": "already-running"}
        if mode == "if-enabled" and not job["enabled"]:
            return {"ok": True, "ran": False, "reason": "disabled"}
        if mode == "due" and state.get("nextRunAtMs", now + 1) > now:
            return {"ok": True, "ran": False, "reason": "not-due"}
        return {"ok": True, "enqueued": True, "runId": self._start(job)}

    @rpc("wake")
    def wake(self, call: Call) -> Json:
        params = call.params
        key = session_key(self._desk, params.get("sessionKey"), params.get("agentId"))
        self._heartbeats.leave(key, params["text"])
        if params["mode"] == "now" or not self._heartbeats.has_cadence(self._desk.agent_of(key)):
            self._heartbeats.want(key)
            self._tasks.spawn(self._heartbeats.beat)
        return {"ok": True}

    @rpc("set-heartbeats", inline=True)
    def set_heartbeats(self, call: Call) -> Json:
        enabled = call.params.get("enabled")
        if not isinstance(enabled, bool):
            raise InvalidRequest("enabled must be true or false")
        self._heartbeats.enabled = enabled
        return {"ok": True, "enabled": enabled}

    # --- runs -------------------------------------------------------------------------------------------------

    def _start(self, job: Job) -> str:
        run_id = self._jobs.begin(job)
        self._running += 1
        self._tell("started", job, runId=run_id)
        self._tasks.spawn(self._carry, job, run_id)
        return run_id

    def _carry(self, job: Job, run_id: str) -> None:
        status, said = "error", "the run failed inside the gateway"
        facts: dict[str, Json] = {}
        try:
            status, said, facts = self._turn(job, run_id)
        except GwError as error:
            said = str(error)
        finally:
            self._running -= 1
            entry = self._jobs.finished(job["id"], run_id, status, said, **facts)
            self._bus.publish("cron", {**entry, "jobId": job["id"], "action": "finished"})

    def _turn(self, job: Job, run_id: str) -> tuple[str, str, dict[str, Json]]:
        """(status, what to show, facts of the log entry)."""
        payload, key = job["payload"], self._key(job, run_id)
        facts: dict[str, Json] = {"sessionKey": key, "deliveryStatus": "not-requested"}
        waits = payload["kind"] == "systemEvent" and job["wakeMode"] == "next-heartbeat"
        if waits and self._heartbeats.has_cadence(self._desk.agent_of(key)):
            self._heartbeats.leave(key, payload["text"])
            return "ok", "left for the next heartbeat", facts
        target = self._target(job, key)
        if target is not None:
            facts["deliveryStatus"] = "unknown"
        timeout_s = float(payload.get("timeoutSeconds") or TIMEOUT_S)
        params = {name: payload[name] for name in RUNNER_FIELDS if payload.get(name)}
        text = payload.get("text") or payload.get("message")
        self._errands.start(
            Errand(
                *("cron", job["name"], key, run_id, text),
                deliver=target,
                params={**params, "timeoutMs": int(timeout_s * 1000)},
            )
        )
        end = self._errands.wait(run_id, timeout_s + SLACK_S)
        if end is None:
            return "error", "the run did not end in time", facts
        return ("ok", end.text, facts) if end.status == "ok" else ("error", end.error or end.status, facts)

    def _key(self, job: Mapping[str, Json], run_id: str) -> str:
        """The session a job runs in. Raises InvalidRequest."""
        target, agent = job["sessionTarget"], job.get("agentId")
        if target.startswith("session:"):
            return session_key(self._desk, target.removeprefix("session:"), agent)
        if target == "current":
            return session_key(self._desk, job.get("sessionKey"), agent)
        if target == "isolated":
            owner = self._desk.agent_of(session_key(self._desk, None, agent))
            return keys.normalise(f"agent:{owner}:cron:{job.get('id', 'new')}:run:{run_id.rpartition(':')[2] or 'x'}")
        return session_key(self._desk, None, agent)

    def _target(self, job: Job, key: str) -> Target | None:
        delivery: Mapping[str, Json] = job.get("delivery") or {}
        if delivery.get("mode") != "announce":
            return None
        if delivery.get("channel", "last") == "last" or not delivery.get("to"):
            return self._errands.last_target(self._desk.main_key(key))
        account, thread = delivery.get("accountId") or "default", delivery.get("threadId") or ""
        return Target(delivery["channel"], account, str(delivery["to"]), str(thread))

    def _tell(self, action: str, job: Job, **facts: Json) -> None:
        self._bus.publish("cron", {"jobId": job["id"], "action": action, "job": shown(job), **facts})


def shown(job: Job) -> Job:
    """A job as answers show it: with the outcome of its last run beside its state."""
    state = job["state"]
    row = {**job, "state": dict(state)}
    for name, source in (
        ("nextRunAtMs",) * 2,
        ("lastRunAtMs",) * 2,
        ("lastRunStatus",) * 2,
        ("lastRunError", "lastError"),
    ):
        if source in state:
            row[name] = state[source]
    return row


def _id(call: Call) -> str:
    return str(call.params.get("id") or call.params["jobId"])


def _is_wanted(job: Job, params: Mapping[str, Json]) -> bool:
    shown_states = {"enabled": (True,), "disabled": (False,), "all": (True, False)}
    enabled = params.get("enabled") or ("all" if params.get("includeDisabled") else "enabled")
    text = " ".join(str(job.get(name, "")) for name in ("name", "displayName", "description")).lower()
    status = params.get("lastRunStatus", "all")
    return (
        job["enabled"] in shown_states[enabled]
        and params.get("scheduleKind", "all") in ("all", job["schedule"]["kind"])
        and status in ("all", job["state"].get("lastRunStatus", "unknown"))
        and params.get("trigger", "all") != "conditional"
        and params.get("agentId") in (None, job.get("agentId", "main"))
        and params.get("sessionKey") in (None, job.get("sessionKey"))
        and params.get("query", "").lower() in text
    )


def _order(job: Job, by: str) -> tuple[bool, Json]:
    """Jobs that have no such value go last."""
    return (by not in job, job.get(by, 0 if by != "name" else ""))


def _page(name: str, rows: "list[Job]", params: Mapping[str, Json]) -> dict[str, Json]:
    limit, offset = params.get("limit", PAGE), params.get("offset", 0)
    page = rows[offset : offset + limit]
    more = offset + len(page) < len(rows)
    return {
        name: page,
        "total": len(rows),
        "offset": offset,
        "limit": limit,
        "hasMore": more,
        "nextOffset": offset + len(page) if more else None,
    }
