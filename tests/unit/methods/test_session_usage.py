"""Usage: sums that agree with each other, ranges in time zones, one session's points and log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_runner import Fail, Say, ScriptedRunner, Tool
from tests.support.sessions import FakeClient, house

KEY = "agent:main:main"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FakeClient]:
    scripts = {"tools": [Tool("exec", {"command": "ls"}, "a"), Say("done")], "fail": [Fail("no")]}
    with house(tmp_path / "s.json", ScriptedRunner(scripts)) as home:
        client = home.client()
        for key, text in ((KEY, "one"), (KEY, "tools"), ("agent:main:telegram:group:-1", "two")):
            client.call("chat.send", sessionKey=key, message=text, idempotencyKey=text)
            home.idle()
        yield client


def test_totals_are_the_sum_of_their_parts(client: FakeClient) -> None:
    report = client.call("sessions.usage")
    totals = report["totals"]
    assert (totals["input"], totals["output"], totals["totalTokens"]) == (300, 30, 330)
    rows = {row["key"]: row for row in report["sessions"]}
    assert sum(row["usage"]["totalTokens"] for row in rows.values()) == 330
    assert rows[KEY]["usage"]["messageCounts"]["total"] == 4
    groups = report["aggregates"]
    for name in ("byModel", "byProvider", "byAgent", "byChannel"):
        assert sum(part["totals"]["totalTokens"] for part in groups[name]) == 330, name
    assert sum(day["totalTokens"] for day in groups["daily"]) == 330
    assert [part["channel"] for part in groups["byChannel"]] == ["webchat", "telegram"]


def test_a_range_leaves_out_what_is_older(client: FakeClient) -> None:
    report = client.call("sessions.usage", startDate="2020-01-01", endDate="2020-01-02")
    assert report["totals"]["totalTokens"] == 0
    assert (report["startDate"], report["endDate"]) == ("2020-01-01", "2020-01-02")


def test_one_session_by_key(client: FakeClient) -> None:
    report = client.call("sessions.usage", key="main", range="all", mode="specific", timeZone="Europe/Berlin")
    assert [row["key"] for row in report["sessions"]] == [KEY]
    assert report["startDate"] == "1970-01-01"
    assert client.error("sessions.usage", key="nope")["message"] == "session not found: nope"


def test_points_and_log_of_a_session(client: FakeClient) -> None:
    points = client.call("sessions.usage.timeseries", key=KEY)["points"]
    assert [point["cumulativeTokens"] for point in points] == [110, 220]
    logs = client.call("sessions.usage.logs", key=KEY, limit=3)["logs"]
    assert [(row["role"], row["content"]) for row in logs] == [
        ("assistant", "echo: one"),
        ("user", "tools"),
        ("assistant", "done"),
    ]
    assert client.error("sessions.usage.logs")["message"] == "key required"


@pytest.mark.parametrize(
    "params, message",
    [
        ({"mode": "specific", "timeZone": "Mars/Base"}, "unknown timeZone Mars/Base"),
        ({"startDate": "2026-13-01"}, "2026-13-01 is not a date"),
        ({"mode": "specific", "utcOffset": "UTC+15"}, "utcOffset UTC+15 is out of range"),
    ],
)
def test_bad_ranges_are_named(client: FakeClient, params: dict[str, str], message: str) -> None:
    assert client.error("sessions.usage", **params)["message"] == message
