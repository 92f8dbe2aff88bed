"""When a job is due: once, at intervals, or by a cron expression in a time zone.

Pure: the time comes in. Invariant: `next_run` is strictly later than the time it is asked for, the same for the same
question, and None only when there will never be another; an hour that a clock change leaves out is not left out by a
job, and one that comes twice counts once.

Source: openclaw/ROUTING.md section 11; the fields are those of crontab(5), with seconds in front when there are six.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gw.errors import InvalidRequest
from gw.ports import Json

STAGGER_MS: Final = 300_000  # jobs on the full hour begin within these five minutes
LEAST_EVERY_MS: Final = 1000
HORIZON_YEARS: Final = 12  # past the longest wait there is: 29 February on a certain weekday of the week is OR-ed
MONTHS: Final = dict(zip("jan feb mar apr may jun jul aug sep oct nov dec".split(), range(1, 13), strict=True))
DAYS: Final = dict(zip("sun mon tue wed thu fri sat".split(), range(7), strict=True))
# Field -> lowest, highest, names. 7 is Sunday too.
FIELDS: Final[tuple[tuple[str, int, int, Mapping[str, int]], ...]] = (
    ("second", 0, 59, {}),
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, MONTHS),
    ("day of week", 0, 7, DAYS),
)
_DURATION: Final = re.compile(r"(\d{1,6})(ms|s|m|h|d)?")
_UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LAST: Final = 32  # `L` as a day of the month


class Cron(NamedTuple):
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    any_day: bool  # day of month is free
    any_weekday: bool
    on_the_hour: bool

    def on(self, day: datetime) -> bool:
        """Whether the job runs on this day. Where both days are given, either will do (crontab(5))."""
        if day.month not in self.months:
            return False
        is_last = LAST in self.days and (day + timedelta(days=1)).day == 1
        by_date = day.day in self.days or is_last
        by_weekday = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday


def check(schedule: Mapping[str, Json]) -> None:
    """Raises InvalidRequest for a schedule that cannot be kept."""
    kind = schedule["kind"]
    if kind == "at":
        moment(schedule["at"])
    elif kind == "every":
        if schedule["everyMs"] < LEAST_EVERY_MS:
            raise InvalidRequest(f"schedule.everyMs must be at least {LEAST_EVERY_MS}")
    elif kind == "cron":
        zone(schedule.get("tz"))
        if _next_cron(parse(schedule["expr"]), zone(schedule.get("tz")), 0) is None:
            raise InvalidRequest(f'cron expression "{schedule["expr"][:80]}" names no day that exists')
    else:
        raise InvalidRequest(f"schedules of kind {kind} run a program, which this gateway does not do")


def next_run(schedule: Mapping[str, Json], after_ms: int, *, made_at_ms: int, job_id: str = "") -> int | None:
    """The first time later than `after_ms`; None: never. An `at` in the past is due at once, by whoever asks first."""
    kind = schedule["kind"]
    if kind == "at":
        return moment(schedule["at"])
    if kind == "every":
        every, anchor = int(schedule["everyMs"]), int(schedule.get("anchorMs", made_at_ms))
        return anchor if after_ms < anchor else anchor + ((after_ms - anchor) // every + 1) * every
    cron = parse(schedule["expr"])
    offset = stagger(schedule, cron, job_id)
    found = _next_cron(cron, zone(schedule.get("tz")), after_ms - offset)
    return None if found is None else found + offset


def stagger(schedule: Mapping[str, Json], cron: Cron, job_id: str) -> int:
    """How much later than its minute a job begins: by its id, so that it is the same each time."""
    most = schedule.get("staggerMs")
    if most is None:
        most = STAGGER_MS if cron.on_the_hour else 0
    if not most:
        return 0
    return int.from_bytes(sha256(job_id.encode()).digest()[:6], "big") % int(most)


def duration_ms(text: str) -> int:
    """`30m`, `1h`; a number alone is minutes. Raises InvalidRequest."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise InvalidRequest(f'"{text[:40]}" is no duration (use 30m or 1h)')
    return int(found[1]) * _UNIT_MS[found[2] or "m"]


def moment(text: str) -> int:
    """Milliseconds of an ISO 8601 time; without an offset it is UTC. Raises InvalidRequest."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidRequest(f'"{text[:60]}" is no time (use 2026-01-31T09:00:00Z)') from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def zone(name: str | None) -> ZoneInfo:
    """Raises InvalidRequest."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        raise InvalidRequest(f'"{str(name)[:60]}" is no time zone (use a name such as Europe/Berlin)') from None


@lru_cache(maxsize=512)
def parse(expression: str) -> Cron:
    """Five fields, or six with seconds in front. Raises InvalidRequest saying which field is wrong."""
    fields = expression.split()
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise InvalidRequest(f"a cron expression has 5 or 6 fields, this one has {len(expression.split())}")
    values = [frozenset(_values(text, *row)) for text, row in zip(fields, FIELDS, strict=True)]
    weekdays = frozenset(day % 7 for day in values[5])
    seconds, minutes, hours, days, months, _ = values
    return Cron(
        seconds,
        minutes,
        hours,
        days,
        months,
        weekdays,
        any_day=fields[3] in "*?",
        any_weekday=fields[5] in "*?",
        on_the_hour=len(expression.split()) == 5 and fields[1] == "0" and "*" in fields[2],
    )


def _values(text: str, field: str, low: int, high: int, names: Mapping[str, int]) -> Iterator[int]:
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        if field == "day of month" and part.upper() == "L":
            yield LAST
            continue
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, end = low, high - (field == "day of week")
        else:
            start = _number(first, field, names)
            end = _number(last, field, names) if dash else (high if slash else start)
        step = _number(step_text, field, {}) if slash else 1
        if not (low <= start <= end <= high) or not 1 <= step <= high:
            raise InvalidRequest(f'"{part[:40]}" is no {field} (from {low} to {high})')
        yield from range(start, end + 1, step)


def _number(text: str, field: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise InvalidRequest(f'"{text[:40]}" is no {field}')
    return int(text)


def _next_cron(cron: Cron, tz: ZoneInfo, after_ms: int) -> int | None:
    """The next local time that matches, as an instant."""
    local = datetime.fromtimestamp(after_ms / 1000, tz).replace(tzinfo=None)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(HORIZON_YEARS * 366):
        if cron.on(day):
            for time in _times(cron, max(day, local - timedelta(hours=2))):  # a clock may have been set back
                # fold 0: of an hour that comes twice the first; one that is left out lands right behind the gap.
                found = int(time.replace(tzinfo=tz).timestamp() * 1000)
                if found > after_ms:
                    return found
        day += timedelta(days=1)
    return None


def _times(cron: Cron, begin: datetime) -> Iterator[datetime]:
    """The times of a day, from the hour of `begin`."""
    day = begin.replace(microsecond=0)
    for hour in sorted(hour for hour in cron.hours if hour >= begin.hour):
        for minute in sorted(cron.minutes):
            for second in sorted(cron.seconds):
                yield day.replace(hour=hour, minute=minute, second=second)
