"""What sessions cost: tokens, cost and counts, summed over messages and over days.

Pure arithmetic over transcript messages. Invariant: a sum is the sum of its parts: totals equal the sessions', and the
sessions' equal their days'.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final, NamedTuple

from gw.errors import InvalidRequest
from gw.ports import Json
from gw.session import transcript
from gw.session.transcript import Numbered

RANGES: Final[Mapping[str, int]] = {"7d": 7, "30d": 30, "90d": 90, "1y": 365}
DEFAULT_RANGE: Final = "30d"
FIELDS: Final = ("input", "output", "cacheRead", "cacheWrite", "totalTokens")


class Span(NamedTuple):
    """Days from first to last, both included, in one time zone."""

    first: date
    last: date
    zone: tzinfo

    def holds(self, at_ms: int) -> bool:
        return self.first <= self.day(at_ms) <= self.last

    def day(self, at_ms: int) -> date:
        return datetime.fromtimestamp(at_ms / 1000, self.zone).date()


def span_of(params: Mapping[str, Json], now_ms: int) -> Span:
    """Read the range of a `sessions.usage`.

    Raises:
        InvalidRequest: unknown time zone, or a date that is none.
    """
    zone = _zone(params, now_ms)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    if params.get("range") == "all" and not params.get("startDate"):
        return Span(date(1970, 1, 1), today, zone)
    days = RANGES[params.get("range") or DEFAULT_RANGE]
    last = _date(params.get("endDate")) or today
    return Span(_date(params.get("startDate")) or last - timedelta(days=days - 1), last, zone)


def _zone(params: Mapping[str, Json], now_ms: int) -> tzinfo:
    mode = params.get("mode") or "utc"
    if mode == "gateway":
        return datetime.fromtimestamp(now_ms / 1000).astimezone().tzinfo or UTC
    if mode == "specific" and params.get("timeZone"):
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # late: seldom asked for

        try:
            return ZoneInfo(params["timeZone"])
        except (ZoneInfoNotFoundError, ValueError):
            raise InvalidRequest(f"unknown timeZone {params['timeZone']}") from None
    if mode == "specific" and params.get("utcOffset"):
        sign = -1 if params["utcOffset"][3] == "-" else 1
        hours, _, minutes = params["utcOffset"][4:].partition(":")
        if int(hours) > 14:
            raise InvalidRequest(f"utcOffset {params['utcOffset']} is out of range")
        return timezone(sign * timedelta(hours=int(hours), minutes=int(minutes or 0)))
    return UTC


def _date(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{text} is not a date") from None


class Tally:
    """Running sums of one thing (a session, a day, a model, everything)."""

    __slots__ = ("cost", "counts", "errors", "messages", "tool_calls", "tool_results", "user")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(FIELDS, 0)
        self.cost = 0.0
        self.messages = self.user = self.errors = self.tool_calls = self.tool_results = 0

    def add(self, message: Mapping[str, Json]) -> None:
        usage = transcript.usage_of(message)
        for name in FIELDS:
            self.counts[name] += int(usage[name])
        self.cost += usage["cost"]
        role = message.get("role")
        self.messages += role in ("user", "assistant")
        self.user += role == "user"
        self.tool_results += role == "toolResult"
        self.errors += bool(message.get("isError")) or message.get("stopReason") == "error"
        self.tool_calls += len(tool_names(message))

    def tokens(self) -> dict[str, Json]:
        return {**self.counts, "totalCost": round(self.cost, 6), "missingCostEntries": 0}

    def message_counts(self) -> dict[str, Json]:
        return {
            "total": self.messages,
            "user": self.user,
            "assistant": self.messages - self.user,
            "toolCalls": self.tool_calls,
            "toolResults": self.tool_results,
            "errors": self.errors,
        }


def tool_names(message: Mapping[str, Json]) -> list[str]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [str(block.get("name")) for block in blocks if isinstance(block, dict) and block.get("type") == "toolCall"]


def timeseries(shown: Iterable[Numbered], most: int) -> list[dict[str, Json]]:
    """At most `most` points; neighbours are joined when there are more."""
    points = []
    tokens, cost = 0, 0.0
    for one in shown:
        usage = transcript.usage_of(one.record["message"])
        if not usage["totalTokens"]:
            continue
        tokens += int(usage["totalTokens"])
        cost += usage["cost"]
        points.append(
            {"timestamp": one.record["at"], **usage, "cumulativeTokens": tokens, "cumulativeCost": round(cost, 6)}
        )
    step = -(-len(points) // most) or 1
    return [_joined(points[at : at + step]) for at in range(0, len(points), step)]


def _joined(points: list[dict[str, Json]]) -> dict[str, Json]:
    last = dict(points[-1])
    for name in (*FIELDS, "cost"):
        last[name] = sum(point[name] for point in points)
    return last
