"""Spans of days and sums, without a gateway."""

from datetime import UTC, date, timedelta
from typing import Any

import pytest

from gw.session import usage
from gw.session.transcript import Numbered

NOON = 1_790_000_000_000  # 2026-09-21T14:13:20Z


@pytest.mark.parametrize(
    "params, first, last",
    [
        ({}, date(2026, 8, 23), date(2026, 9, 21)),
        ({"range": "7d"}, date(2026, 9, 15), date(2026, 9, 21)),
        ({"startDate": "2026-01-01", "endDate": "2026-01-31"}, date(2026, 1, 1), date(2026, 1, 31)),
        ({"range": "all"}, date(1970, 1, 1), date(2026, 9, 21)),
        ({"mode": "specific", "utcOffset": "UTC+12"}, date(2026, 8, 24), date(2026, 9, 22)),
        ({"mode": "specific", "utcOffset": "UTC-5:30", "range": "7d"}, date(2026, 9, 15), date(2026, 9, 21)),
        ({"mode": "specific", "timeZone": "Pacific/Auckland", "range": "7d"}, date(2026, 9, 16), date(2026, 9, 22)),
    ],
)
def test_spans(params: dict[str, Any], first: date, last: date) -> None:
    span = usage.span_of(params, NOON)
    assert (span.first, span.last) == (first, last)


def test_gateway_mode_uses_local_days() -> None:
    span = usage.span_of({"mode": "gateway"}, NOON)
    assert span.last - span.first == timedelta(days=29)


def test_a_span_holds_its_last_day_and_not_the_next() -> None:
    span = usage.Span(date(2026, 9, 21), date(2026, 9, 21), UTC)
    assert span.holds(NOON)
    assert not span.holds(NOON + 86_400_000)


def message(tokens: int) -> Numbered:
    return Numbered({"at": 1, "message": {"role": "assistant", "usage": {"totalTokens": tokens}}}, 1, 1)


def test_many_points_are_joined_and_nothing_is_lost() -> None:
    points = usage.timeseries([message(1) for _ in range(1001)], 200)
    assert len(points) <= 200
    assert sum(point["totalTokens"] for point in points) == points[-1]["cumulativeTokens"] == 1001


def test_tool_calls_and_errors_are_counted() -> None:
    tally = usage.Tally()
    tally.add({"role": "assistant", "content": [{"type": "toolCall", "name": "exec"}], "stopReason": "error"})
    tally.add({"role": "toolResult", "content": "x"})
    counts = tally.message_counts()
    assert (counts["toolCalls"], counts["toolResults"], counts["errors"], counts["total"]) == (1, 1, 1, 1)
