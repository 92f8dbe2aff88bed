"""Schedules against a slow twin that walks every minute, and what clocks do twice a year."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw.errors import InvalidRequest
from gw.ports import Json
from gw.routing import schedule
from gw.routing.schedule import duration_ms, next_run


def ms(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def cron(expr: str, after: str, zone: str = "UTC", **more: Json) -> str | None:
    found = next_run({"kind": "cron", "expr": expr, "tz": zone, "staggerMs": 0, **more}, ms(after, zone), made_at_ms=0)
    return None if found is None else datetime.fromtimestamp(found / 1000, ZoneInfo(zone)).isoformat()[:19]


@pytest.mark.parametrize(
    ("expr", "after", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:00"),
        ("*/15 * * * *", "2026-01-01T00:14:59", "2026-01-01T00:15:00"),
        ("0 9 * * mon-fri", "2026-01-02T09:00:00", "2026-01-05T09:00:00"),
        ("0 9 1 * *", "2026-01-01T09:00:00", "2026-02-01T09:00:00"),
        ("0 9 13 * 5", "2026-02-01T00:00:00", "2026-02-06T09:00:00"),  # the 13th or a Friday
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 L * *", "2026-02-01T00:00:00", "2026-02-28T00:00:00"),
        ("0 0 * * 7", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("30 0 12 * * ?", "2026-01-01T00:00:00", "2026-01-01T12:00:30"),  # with seconds
        ("5/20 3 * jan,MAR *", "2026-01-31T03:45:00", "2026-03-01T03:05:00"),
        ("0 0 31 feb *", "2026-01-01T00:00:00", None),
    ],
)
def test_cron(expr: str, after: str, expected: str | None) -> None:
    assert cron(expr, after) == expected


@pytest.mark.parametrize(
    ("expr", "after", "expected"),
    [
        ("30 2 * * *", "2026-03-29T00:00:00", "2026-03-29T03:30:00"),  # 02:30 does not exist on this day
        ("30 2 * * *", "2026-10-25T00:00:00", "2026-10-25T02:30:00"),  # exists twice
        ("0 9 * * *", "2026-03-28T09:00:00", "2026-03-29T09:00:00"),
    ],
)
def test_clock_changes(expr: str, after: str, expected: str) -> None:
    assert cron(expr, after, "Europe/Berlin") == expected


def test_an_hour_that_comes_twice_counts_once() -> None:
    row = {"kind": "cron", "expr": "30 2 * * *", "tz": "Europe/Berlin", "staggerMs": 0}
    first = next_run(row, ms("2026-10-25T00:00:00", "Europe/Berlin"), made_at_ms=0)
    assert first is not None
    second = next_run(row, first, made_at_ms=0)
    assert second == ms("2026-10-26T02:30:00", "Europe/Berlin")


FIELD = st.sampled_from(["*", "*/7", "3", "10-20", "1,5"])


@settings(max_examples=60, deadline=None)
@given(
    FIELD,
    FIELD,
    st.sampled_from(["*", "1", "*/9", "10-20"]),
    st.sampled_from(["*", "1-6", "2,12"]),
    st.sampled_from(["*", "0", "1-5", "6,7"]),
    st.integers(0, 2**31),
)
def test_walks_like_a_clock(minute: str, hour: str, day: str, month: str, weekday: str, at_s: int) -> None:
    """The twin looks at every minute of the next days."""
    expression = f"{minute} {hour} {day} {month} {weekday}"
    parsed = schedule.parse(expression)
    time = datetime.fromtimestamp(at_s - at_s % 60, UTC)
    expected = None
    for _ in range(3 * 24 * 60):
        time += timedelta(minutes=1)
        if time.minute in parsed.minutes and time.hour in parsed.hours and parsed.on(time.replace(tzinfo=None)):
            expected = int(time.timestamp() * 1000)
            break
    found = next_run({"kind": "cron", "expr": expression, "staggerMs": 0}, at_s * 1000, made_at_ms=0)
    if expected is not None:
        assert found == expected
    else:
        assert found is not None
        assert found > int(time.timestamp() * 1000)


@given(st.integers(1000, 10**9), st.integers(0, 10**12), st.integers(0, 10**12))
def test_every_keeps_its_anchor(every: int, anchor: int, after: int) -> None:
    found = next_run({"kind": "every", "everyMs": every, "anchorMs": anchor}, after, made_at_ms=0)
    assert found is not None
    assert found > after or found == anchor
    assert (found - anchor) % every == 0
    assert found - after <= every or found == anchor


def test_every_begins_where_the_job_was_made() -> None:
    assert next_run({"kind": "every", "everyMs": 1000}, 5500, made_at_ms=200) == 6200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T09:00:00Z", ms("2026-01-31T09:00:00")),
        ("2026-01-31T09:00:00", ms("2026-01-31T09:00:00")),
        (" 2026-01-31T09:00:00+02:00 ", ms("2026-01-31T07:00:00")),
    ],
)
def test_at(text: str, expected: int) -> None:
    assert next_run({"kind": "at", "at": text}, 0, made_at_ms=0) == expected


def test_jobs_on_the_full_hour_are_spread_and_stay_where_they_are() -> None:
    row: dict[str, Json] = {"kind": "cron", "expr": "0 * * * *"}
    hour = ms("2026-01-01T01:00:00")
    found = [next_run(row, ms("2026-01-01T00:30:00"), made_at_ms=0, job_id=f"job{n}") for n in range(20)]
    assert all(one is not None and hour <= one < hour + schedule.STAGGER_MS for one in found)
    assert len(set(found)) > 10
    again = next_run(row, found[0] or 0, made_at_ms=0, job_id="job0")
    assert again == (found[0] or 0) + 3_600_000
    assert next_run({**row, "staggerMs": 0}, ms("2026-01-01T00:30:00"), made_at_ms=0, job_id="job0") == hour


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "at", "at": "tomorrow"}, "is no time"),
        ({"kind": "every", "everyMs": 10}, "at least"),
        ({"kind": "cron", "expr": "* * *"}, "5 or 6 fields"),
        ({"kind": "cron", "expr": "60 * * * *"}, "is no minute"),
        ({"kind": "cron", "expr": "* * * * moon"}, "is no day of week"),
        ({"kind": "cron", "expr": "5-1 * * * *"}, "is no minute"),
        ({"kind": "cron", "expr": "*/0 * * * *"}, "is no minute"),
        ({"kind": "cron", "expr": "0 0 31 2 *"}, "names no day"),
        ({"kind": "cron", "expr": "* * * * *", "tz": "Moon/Base"}, "no time zone"),
        ({"kind": "cron", "expr": "* * * * *", "tz": "../etc/passwd"}, "no time zone"),
        ({"kind": "on-exit", "command": "true"}, "run a program"),
    ],
)
def test_what_cannot_be_kept(row: dict[str, Json], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        schedule.check(row)


def test_what_can_be_kept() -> None:
    schedule.check({"kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Berlin"})
    schedule.check({"kind": "every", "everyMs": 1000})
    schedule.check({"kind": "at", "at": "2026-01-01"})


@pytest.mark.parametrize(
    ("text", "ms"), [("30m", 1_800_000), ("1h", 3_600_000), ("0m", 0), ("90s", 90_000), ("5", 300_000)]
)
def test_durations(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["soon", "", "-1m", "1w"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InvalidRequest):
        duration_ms(text)
