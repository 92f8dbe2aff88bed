"""When a session starts over by itself: the reset policy of a session type, and whether a session is still fresh.

Knows no clock and no store: times come in as milliseconds. Invariant: with nothing configured a session never resets.

Source: openclaw/SESSIONS.md section 3.1, with vectors/session_policy.json as executed truth.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from gw.ports import Json

DEFAULT_HOUR: Final = 4
MINUTE_MS: Final = 60_000


class ResetPolicy(NamedTuple):
    mode: str = "none"  # none | daily | idle
    at_hour: int = DEFAULT_HOUR
    idle_minutes: int | None = None  # None or 0: no idle limit
    configured: bool = False


class Freshness(NamedTuple):
    fresh: bool
    daily_reset_at_ms: int | None = None
    idle_expires_at_ms: int | None = None
    stale_reason: str | None = None  # daily | idle


def resolve_policy(
    session: Mapping[str, Json], reset_type: str, override: Mapping[str, Json] | None = None
) -> ResetPolicy:
    """Return the policy of one session type (direct, group, thread).

    `session` is the configuration's `session` object; `override` is the channel's `resetByChannel` entry and replaces
    everything else.
    """
    base: Mapping[str, Json] | None = override if override is not None else session.get("reset")
    by_type = None if override is not None else (session.get("resetByType") or {}).get(reset_type)
    if base is None and by_type is None:
        return ResetPolicy()
    base_mode = (base or {}).get("mode")
    inherits = base_mode is not None and (base_mode != "none" or by_type is None)
    mode = str((by_type or {}).get("mode") or (base_mode if inherits else "daily"))
    merged = {**(base or {}), **(by_type or {})}
    idle = merged.get("idleMinutes")
    if idle is None and mode == "idle":
        idle = 0
    return ResetPolicy(
        mode,
        min(23, max(0, math.floor(merged.get("atHour", DEFAULT_HOUR)))),
        None if idle is None else max(0, math.floor(idle)),
        configured=True,
    )


def reset_type(chat_type: str | None, thread_id: str | None) -> str:
    if thread_id:
        return "thread"
    return "group" if chat_type in ("group", "channel") else "direct"


def is_fresh(
    policy: ResetPolicy,
    *,
    now_ms: int,
    updated_at_ms: int,
    started_at_ms: int | None = None,
    interacted_at_ms: int | None = None,
    zone: tzinfo | None = None,
) -> Freshness:
    """Say whether a session may go on. Missing clocks fall back to `updated_at_ms`; clocks in the future are ignored.

    `zone` is where the daily hour is read; None means the machine's local time.
    """
    if updated_at_ms == 0:
        return Freshness(False)
    if policy.mode == "none":
        return Freshness(True)
    updated = min(updated_at_ms, now_ms)
    started = updated if started_at_ms is None or started_at_ms > now_ms else started_at_ms
    interacted = started if interacted_at_ms is None or interacted_at_ms > now_ms else interacted_at_ms
    daily_at = last_hour_ms(now_ms, policy.at_hour, zone) if policy.mode == "daily" else None
    idle_at = interacted + policy.idle_minutes * MINUTE_MS if policy.idle_minutes else None
    daily_stale = daily_at is not None and started < daily_at
    idle_stale = idle_at is not None and now_ms > idle_at
    reason = None
    if daily_stale and (not idle_stale or (daily_at or 0) <= (idle_at or 0)):
        reason = "daily"
    elif idle_stale:
        reason = "idle"
    return Freshness(reason is None, daily_at, idle_at, reason)


def last_hour_ms(now_ms: int, hour: int, zone: tzinfo | None = None) -> int:
    """Return the last moment at or before now when the local clock showed `hour`:00."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    boundary = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if boundary > now:
        boundary -= timedelta(days=1)
    return int(boundary.timestamp()) * 1000
