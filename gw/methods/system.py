"""How the gateway and its machine are: health, status, system.info and their small relatives.

Must not know sockets or policies; what others count arrives as callables. Invariant: no figure is invented: what this
gateway does not have (plugins, heartbeats, tasks) is answered as absent in the shape clients accept.
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from gw.methods.router import Call, rpc
from gw.observe.health import Health
from gw.observe.rss import read_memory
from gw.ports import Clock, Json
from gw.wire import json
from gw.wire.methods import ADMIN

RECENT_SESSIONS = 5
HEALTH_CACHE_S = 1.0
REDACTED = "[redacted]"
TASK_STATES = ("queued", "running", "succeeded", "failed", "timed_out", "cancelled", "lost")
TASK_RUNTIMES = ("subagent", "acp", "cli", "cron")
TASK_FAULTS = (
    "stale_queued",
    "stale_running",
    "lost",
    "delivery_failed",
    "missing_cleanup",
    "inconsistent_timestamps",
)


class ServerFacts(NamedTuple):
    """Facts about this process that clients may see."""

    version: str
    boot_id: str
    host: str
    port: int
    state: Path


class SessionOverview(Protocol):
    def count(self) -> int: ...

    def recent(self, limit: int) -> Sequence[tuple[str, int]]:
        """Keys and last update (ms), newest first."""


class System:
    """`posture` gives clawgate's own block of `status`: policy, decisions, connections."""

    def __init__(
        self,
        clock: Clock,
        health: Health,
        server: ServerFacts,
        sessions: SessionOverview,
        posture: Callable[[], Mapping[str, Json]],
        default_agent: str = "main",
    ) -> None:
        self._clock = clock
        self._health = health
        self._server = server
        self._sessions = sessions
        self._posture = posture
        self._agent = default_agent
        self.heartbeat: Callable[[], Json] = lambda: None  # how the last one went
        self._cached: dict[bool, json.Encoded] = {}
        self._cached_until = 0.0

    # --- health ---------------------------------------------------------------------------------------------

    def health_snapshot(self, *, paths: bool = False) -> dict[str, Json]:
        """`health` as the method answers it and the event carries it; the state's path only for admins."""
        now_ms = self._clock.now_ms()
        sessions = self._session_facts(now_ms, str(self._server.state) if paths else REDACTED)
        snapshot: dict[str, Json] = {
            "ts": now_ms,
            "durationMs": 0,
            "plugins": {"loaded": [], "errors": [], "unavailable": []},
            "channels": {},
            "channelOrder": [],
            "channelLabels": {},
            "heartbeatSeconds": 0,
            "defaultAgentId": self._agent,
            "agents": [
                {"agentId": self._agent, "isDefault": True, "heartbeat": NO_HEARTBEAT, "sessions": sessions},
            ],
            "sessions": sessions,
            "eventLoop": self._health.loop_shape(),
        }
        if self._health.is_ready:  # the published shape has `ok: true` or no `ok`
            snapshot["ok"] = True
        return snapshot

    @rpc("health", inline=True)
    def health(self, call: Call) -> Json:
        now = self._clock.monotonic()
        if now >= self._cached_until:
            self._cached.clear()
            self._cached_until = now + HEALTH_CACHE_S
        admin = ADMIN in call.info.scopes
        encoded = self._cached.get(admin)
        if encoded is None:
            encoded = self._cached[admin] = json.Encoded(json.dumps(self.health_snapshot(paths=admin)))
        return encoded

    def _session_facts(self, now_ms: int, path: str) -> dict[str, Json]:
        recent = [
            {"key": key, "updatedAt": updated_ms, "age": max(0, now_ms - updated_ms)}
            for key, updated_ms in self._sessions.recent(RECENT_SESSIONS)
        ]
        return {"path": path, "count": self._sessions.count(), "recent": recent}

    # --- status ---------------------------------------------------------------------------------------------

    @rpc("status", inline=True)
    def status(self, call: Call) -> Json:
        now_ms = self._clock.now_ms()
        facts = self._session_facts(now_ms, str(self._server.state) if ADMIN in call.info.scopes else REDACTED)
        agent = {"agentId": self._agent, "enabled": False, "every": "off", "everyMs": None}
        return {
            "runtimeVersion": self._server.version,
            "heartbeat": {"defaultAgentId": self._agent, "agents": [agent]},
            "channelSummary": [],
            "queuedSystemEvents": [],
            "degradedSecretOwners": [],
            "degradedPlugins": [],
            "tasks": {
                "total": 0,
                "active": 0,
                "terminal": 0,
                "failures": 0,
                "byStatus": dict.fromkeys(TASK_STATES, 0),
                "byRuntime": dict.fromkeys(TASK_RUNTIMES, 0),
            },
            "taskAudit": {"total": 0, "warnings": 0, "errors": 0, "byCode": dict.fromkeys(TASK_FAULTS, 0)},
            "sessions": {
                "paths": [],
                "count": facts["count"],
                "defaults": {"model": None, "contextTokens": None},
                "recent": [],
                "byAgent": [{"agentId": self._agent, **facts, "recent": []}],
            },
            "eventLoop": self._health.loop_shape(),
            "processMemory": self._memory_shape(),
            "pid": os.getpid(),
            "uptimeMs": self._health.uptime_ms(now_ms),
            "failing": self._health.failing,
            "clawgate": dict(self._posture()),
        }

    def _memory_shape(self) -> dict[str, int]:
        memory = read_memory()
        # Clients read V8's figures; a Python process has no such heap of its own.
        return {
            "rssBytes": memory.rss_bytes,
            "heapUsedBytes": 0,
            "heapTotalBytes": 0,
            "externalBytes": 0,
            "arrayBuffersBytes": 0,
        }

    # --- the machine ----------------------------------------------------------------------------------------

    @rpc("system.info")
    def info(self, call: Call) -> Json:
        system = os.uname()
        answer: dict[str, Json] = {
            "machineName": system.nodename,
            "hostname": system.nodename,
            "platform": system.sysname.lower(),
            "release": system.release,
            "arch": {"x86_64": "x64", "aarch64": "arm64"}.get(system.machine, system.machine),
            "osLabel": f"{system.sysname} {system.release}",
            "port": self._server.port,
            # The field's name is upstream's; this gateway runs on Python.
            "nodeVersion": f"python {platform.python_version()}",
            "pid": os.getpid(),
            "processInstanceId": self._server.boot_id,
            "uptimeMs": self._health.uptime_ms(self._clock.now_ms()),
            "cpuCount": os.cpu_count() or 1,
            "loadAverage": list(os.getloadavg()),
            **memory_of_machine(),
            "defaultAgentUtilityModel": {"status": "unavailable"},
        }
        try:
            disk = os.statvfs(self._server.state)
        except OSError:
            return answer
        return answer | {
            "diskTotalBytes": disk.f_blocks * disk.f_frsize,
            "diskAvailableBytes": disk.f_bavail * disk.f_frsize,
        }

    @rpc("last-heartbeat", inline=True)
    def last_heartbeat(self, call: Call) -> Json:
        return self.heartbeat()

    @rpc("update.status", inline=True)
    def update_status(self, call: Call) -> Json:
        """Updates come by the system's package manager; the gateway itself never looks for one."""
        return {
            "sentinel": None,
            "updateAvailable": None,
            "effectiveChannel": "stable",
            "schedule": {"channel": "stable", "autoEnabled": False},
        }


NO_HEARTBEAT: Mapping[str, Json] = {
    "enabled": False,
    "every": "off",
    "everyMs": None,
    "prompt": "",
    "target": "none",
    "ackMaxChars": 0,
}


def memory_of_machine() -> dict[str, int]:
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "memoryTotalBytes": page * os.sysconf("SC_PHYS_PAGES"),
        "memoryFreeBytes": page * os.sysconf("SC_AVPHYS_PAGES"),
    }
