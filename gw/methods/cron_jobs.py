"""The jobs of this gateway: what they are, when they are due, and how their runs ended; on disk after every change.

Knows schedules and records, not what a run does. Invariant: a job runs once at a time; a time that passed while nobody
ran is made up for by one run, however many there were; what was running when the process ended counts as an error.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final
from uuid import uuid4

from gw.access.pairing import RecordFile
from gw.errors import GwError, InvalidRequest, Overloaded
from gw.ports import Clock, Json
from gw.routing import schedule

Job = dict[str, Json]

MOST_JOBS: Final = 500
KEPT_RUNS: Final = 500
SHOWN_CHARS: Final = 300  # of what a run answered or why it failed
FORMAT: Final = 1
# After so many failures in a row, a job waits at least so long.
BACKOFF_MS: Final = (30_000, 60_000, 300_000, 900_000, 3_600_000)
RUNS_TURNS: Final = frozenset({"systemEvent", "agentTurn"})


class CronJobs:
    def __init__(self, file: RecordFile, clock: Clock, new_id: Callable[[], str] = lambda: str(uuid4())) -> None:
        self._file = file
        self._clock = clock
        self._new_id = new_id
        self._jobs: dict[str, Job] = {}
        self.runs: deque[Job] = deque(maxlen=KEPT_RUNS)  # oldest first
        self.revision = 0
        self._restore(file.load())

    def __len__(self) -> int:
        return len(self._jobs)

    def all(self) -> list[Job]:
        return list(self._jobs.values())

    def find(self, job_id: str) -> Job:
        """Raises InvalidRequest (CRON_JOB_NOT_FOUND)."""
        job = self._jobs.get(job_id)
        if job is None:
            details = {"code": "CRON_JOB_NOT_FOUND", "jobId": job_id}
            raise InvalidRequest(f"cron job not found: {job_id[:80]}", details=details)
        return job

    def declared(self, key: str | None) -> Job | None:
        return next((job for job in self.all() if key and job.get("declarationKey") == key), None)

    def next_wake_ms(self) -> int | None:
        return min((job["state"]["nextRunAtMs"] for job in self.all() if "nextRunAtMs" in job["state"]), default=None)

    # --- changing ---------------------------------------------------------------------------------------------

    def add(self, params: Mapping[str, Json]) -> Job:
        """Raises InvalidRequest for a job that this gateway does not run, Overloaded when there are too many."""
        check(params)
        if len(self._jobs) >= MOST_JOBS:
            raise Overloaded("cron-jobs", retry_after_ms=60_000)
        now = self._clock.now_ms()
        job: Job = {
            **{name: value for name, value in params.items() if value is not None},
            "id": self._new_id(),
            "enabled": params.get("enabled", True),
            "createdAtMs": now,
            "updatedAtMs": now,
            "state": {},
        }
        self._jobs[job["id"]] = job
        self._plan(job, now)
        self._save()
        return job

    def update(self, job_id: str, patch: Mapping[str, Json]) -> Job:
        """Raises InvalidRequest."""
        job = self.find(job_id)
        changed = {**job, **{name: value for name, value in patch.items() if name != "payload"}}
        if patch.get("payload"):
            given: Mapping[str, Json] = patch["payload"]
            base = job["payload"] if given.get("kind", job["payload"]["kind"]) == job["payload"]["kind"] else {}
            changed["payload"] = {name: value for name, value in {**base, **given}.items() if value is not None}
        changed = {name: value for name, value in changed.items() if value is not None}
        check(changed)
        now = self._clock.now_ms()
        changed["updatedAtMs"] = now
        if not {"schedule", "enabled"}.isdisjoint(patch):
            changed["state"] = {name: value for name, value in job["state"].items() if name != "consecutiveErrors"}
            self._plan(changed, now)
        self._jobs[job_id] = changed
        self._save()
        return changed

    def remove(self, job_id: str) -> bool:
        if self._jobs.pop(job_id, None) is None:
            return False
        self._save()
        return True

    # --- running ----------------------------------------------------------------------------------------------

    def due(self) -> list[Job]:
        """Jobs whose time has come and that do not run, the longest overdue first."""
        now = self._clock.now_ms()
        ready = [
            job
            for job in self.all()
            if job["state"].get("nextRunAtMs", now + 1) <= now and "runningAtMs" not in job["state"]
        ]
        return sorted(ready, key=lambda job: int(job["state"]["nextRunAtMs"]))

    def begin(self, job: Job) -> str:
        """Note on disk that a run starts; returns its id. Raises StoreError, Overloaded: it does not, and stays due."""
        now, before = self._clock.now_ms(), dict(job["state"])
        run_id = f"cron:{job['id']}:{before.get('nextRunAtMs', now)}"
        job["state"]["runningAtMs"] = now
        self._plan(job, now)
        try:
            self._save()
        except GwError:
            job["state"] = before
            raise
        return run_id

    def finished(self, job_id: str, run_id: str, status: str, said: str, **facts: Json) -> Job:
        """Note how a run ended (`status`: ok | error | skipped); returns its entry in the log."""
        now = self._clock.now_ms()
        entry: Job = {"ts": now, "jobId": job_id, "action": "finished", "status": status, "runId": run_id, **facts}
        if said:
            entry["summary" if status == "ok" else "error"] = said[:SHOWN_CHARS]
        job = self._jobs.get(job_id)
        if job is not None:
            began = job["state"].pop("runningAtMs", now)
            entry |= {"runAtMs": began, "durationMs": now - began, "jobName": job["name"]}
            self._note(job, entry, now)
            if "nextRunAtMs" in job["state"]:
                entry["nextRunAtMs"] = job["state"]["nextRunAtMs"]
        self.runs.append(entry)
        self._save()
        return entry

    def _note(self, job: Job, entry: Job, now: int) -> None:
        state = job["state"]
        status = entry["status"]
        errors = state.get("consecutiveErrors", 0) + 1 if status == "error" else 0
        state |= {"lastRunAtMs": entry["runAtMs"], "lastRunStatus": status, "lastStatus": status}
        state |= {"lastDurationMs": entry["durationMs"], "consecutiveErrors": errors}
        state.pop("lastError", None)
        if "error" in entry:
            state["lastError"] = entry["error"]
        if errors and "nextRunAtMs" in state:
            state["nextRunAtMs"] = max(state["nextRunAtMs"], now + BACKOFF_MS[min(errors, len(BACKOFF_MS)) - 1])
        if job["schedule"]["kind"] == "at":
            if status == "ok" and job.get("deleteAfterRun") is not False:
                del self._jobs[job["id"]]
            job["enabled"] = False

    def _plan(self, job: Job, now: int) -> None:
        """Set the next run. What an `at` names is due once, also when it has passed."""
        state = job["state"]
        state.pop("nextRunAtMs", None)
        if not job["enabled"] or (job["schedule"]["kind"] == "at" and "runningAtMs" in state):
            return
        found = schedule.next_run(job["schedule"], now, made_at_ms=job["createdAtMs"], job_id=job["id"])
        if found is not None:
            state["nextRunAtMs"] = found

    # --- records ----------------------------------------------------------------------------------------------

    def _save(self) -> None:
        self.revision += 1
        self._file.save({"version": FORMAT, "jobs": self.all(), "runs": list(self.runs)})

    def _restore(self, records: Json | None) -> None:
        """Raises ValueError, KeyError or TypeError for records this version cannot read."""
        if records is None:
            return
        if records["version"] != FORMAT:
            raise ValueError(f"cron records of version {records['version']}, this is version {FORMAT}")
        self._jobs = {job["id"]: job for job in records["jobs"]}
        self.runs.extend(records["runs"])
        for job in self.all():
            if "runningAtMs" in job["state"]:
                self.finished(job["id"], f"cron:{job['id']}", "error", "interrupted by a restart of the gateway")


def check(params: Mapping[str, Json]) -> None:
    """Raises InvalidRequest for what this gateway does not run."""
    schedule.check(params["schedule"])
    payload: Mapping[str, Json] = params["payload"]
    if payload["kind"] not in RUNS_TURNS:
        raise InvalidRequest(f"payloads of kind {payload['kind']} run a program, which this gateway does not do")
    if params.get("trigger") is not None:
        raise InvalidRequest("triggers run a script, which this gateway does not do")
    if (params.get("delivery") or {}).get("mode") == "webhook":
        raise InvalidRequest("delivery to a webhook is not served; use a channel")
    if params["sessionTarget"] == "current" and not params.get("sessionKey"):
        raise InvalidRequest('sessionTarget "current" needs a sessionKey')
