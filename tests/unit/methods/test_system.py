"""health, status and system.info: shapes, what low scopes do not see, and that nothing is invented."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gw.methods.system import HEALTH_CACHE_S, REDACTED, System
from gw.observe.health import Health
from tests.support import openclaw
from tests.unit.methods.plain import SERVER, FixedClock, ask

ADMIN = ("operator.admin",)


class Sessions:
    def count(self) -> int:
        return 7

    def recent(self, limit: int) -> Sequence[tuple[str, int]]:
        return [("agent:main:main", 1_699_999_999_000), ("agent:main:later", 1_700_000_000_500)][:limit]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def health() -> Health:
    made = Health(1_699_999_990_000)
    made.started()
    return made


@pytest.fixture
def system(clock: FixedClock, health: Health) -> System:
    return System(clock, health, SERVER, Sessions(), lambda: {"policy": {"name": "default"}})


def test_health_counts_sessions_and_shows_the_path_to_admins_only(system: System) -> None:
    plain = json.loads(ask(system, "health"))
    assert plain["ok"] is True
    assert plain["sessions"] == {
        "path": REDACTED,
        "count": 7,
        "recent": [
            {"key": "agent:main:main", "updatedAt": 1_699_999_999_000, "age": 1000},
            {"key": "agent:main:later", "updatedAt": 1_700_000_000_500, "age": 0},
        ],
    }
    assert plain["agents"][0]["heartbeat"]["enabled"] is False
    assert json.loads(ask(system, "health", scopes=ADMIN))["sessions"]["path"] == str(SERVER.state)


def test_health_is_encoded_once_a_second(system: System, clock: FixedClock) -> None:
    first = ask(system, "health")
    assert ask(system, "health") is first
    clock.ms += int(HEALTH_CACHE_S * 1000)
    assert ask(system, "health") is not first


def test_health_is_not_ok_while_something_fails(system: System, health: Health) -> None:
    health.note("store", failing=True)
    assert "ok" not in system.health_snapshot()
    assert ask(system, "status")["failing"] == ["store"]


def test_status_carries_our_own_block_and_this_process(system: System) -> None:
    status = ask(system, "status", {"includeChannelSummary": False})
    assert status["clawgate"] == {"policy": {"name": "default"}}
    assert status["processMemory"]["rssBytes"] > 1_000_000
    assert status["sessions"]["byAgent"][0]["path"] == REDACTED
    assert (status["sessions"]["count"], status["uptimeMs"]) == (7, 10_000)


def test_system_info_describes_this_machine(system: System, tmp_path: Any) -> None:
    info = ask(system, "system.info")
    assert info["cpuCount"] >= 1 and info["memoryTotalBytes"] > info["memoryFreeBytes"] > 0
    assert "diskTotalBytes" not in info, "the state folder of this test does not exist"
    clock = FixedClock()
    there = System(clock, Health(0), SERVER._replace(state=tmp_path), Sessions(), dict)
    assert ask(there, "system.info")["diskTotalBytes"] > 0


def test_there_is_no_heartbeat_and_no_update(system: System) -> None:
    assert ask(system, "last-heartbeat") is None
    assert ask(system, "update.status")["updateAvailable"] is None


@pytest.mark.openclaw
def test_answers_fit_the_published_schema(system: System) -> None:
    assert openclaw.problems("SystemInfoResult", ask(system, "system.info")) == []
    assert openclaw.problems("UpdateStatusResult", ask(system, "update.status")) == []
    snapshot = {
        "presence": [],
        "health": json.loads(ask(system, "health")),
        "stateVersion": {"presence": 0, "health": 0},
        "uptimeMs": 1,
    }
    assert openclaw.problems("Snapshot", snapshot) == []
