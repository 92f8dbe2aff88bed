"""Have we seen this before? A bounded cache with a time to live, inbound claims, and the keys they are filed under.

Knows no clock and no store. Invariant: never more than `max_entries`, the oldest go first; an entry is gone when its
age reaches the time to live; an empty key is never a duplicate.

Source: openclaw/ROUTING.md section 6, with vectors/dedupe.json as executed truth.
"""

import json
from collections.abc import Sequence
from typing import Final

from gw.session import keys

INBOUND_TTL_MS: Final = 1_200_000
INBOUND_ENTRIES: Final = 5000
QUEUED_TTL_MS: Final = 300_000
QUEUED_ENTRIES: Final = 10_000


class DedupeCache:
    """`ttl_ms` 0 means no expiry by time; `max_entries` 0 stores nothing."""

    def __init__(self, ttl_ms: int, max_entries: int) -> None:
        self._ttl_ms = max(0, ttl_ms)
        self._max = max(0, max_entries)
        self._seen: dict[str, int] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._seen)

    def check(self, key: str, now_ms: int) -> bool:
        """Say whether the key was seen, and record it as the newest either way."""
        if not key:
            return False
        hit = self.peek(key, now_ms)
        self._seen.pop(key, None)
        self._seen[key] = now_ms
        self._evict(now_ms)
        return hit

    def peek(self, key: str, now_ms: int) -> bool:
        """Say whether the key was seen, changing nothing."""
        at = self._seen.get(key)
        return at is not None and not self._expired(at, now_ms)

    def delete(self, key: str) -> None:
        self._seen.pop(key, None)

    def _expired(self, at_ms: int, now_ms: int) -> bool:
        return self._ttl_ms > 0 and now_ms - at_ms >= self._ttl_ms

    def _evict(self, now_ms: int) -> None:
        while self._seen:
            oldest = next(iter(self._seen))
            if len(self._seen) <= self._max and not self._expired(self._seen[oldest], now_ms):
                return
            del self._seen[oldest]


class Claims:
    """Claim, commit, release: a copy that arrives while the first is being handled is `inflight`, and a first that was
    abandoned before anything adopted it is forgotten, so that the provider's retry gets through."""

    def __init__(self, ttl_ms: int = INBOUND_TTL_MS, max_entries: int = INBOUND_ENTRIES) -> None:
        self._done = DedupeCache(ttl_ms, max_entries)
        self._held: set[str] = set()

    def claim(self, key: str, now_ms: int) -> str:
        """Return claimed | inflight | duplicate. An empty key is always claimed."""
        if not key:
            return "claimed"
        if key in self._held:
            return "inflight"
        if self._done.peek(key, now_ms):
            return "duplicate"
        self._held.add(key)
        return "claimed"

    def commit(self, key: str, now_ms: int) -> None:
        self._held.discard(key)
        self._done.check(key, now_ms)

    def release(self, key: str) -> None:
        self._held.discard(key)


def route_parts(
    channel: str, to: str, account: str | None = None, thread: str | int | None = None
) -> tuple[str, str, str, str]:
    """Normalise a delivery context to (channel, to, account, thread)."""
    return (
        channel.strip().lower(),
        to.strip(),
        keys.account_id(account) if account and account.strip() else "",
        "" if thread is None else str(thread).strip(),
    )


def route_key(parts: Sequence[str]) -> str:
    return json.dumps(list(parts), separators=(",", ":"), ensure_ascii=False)


def compact_route_key(parts: Sequence[str]) -> str | None:
    """Return `channel|to|account|thread`; None when there is no destination."""
    return "|".join(parts) if parts[0] and parts[1] else None


def inbound_key(scope: str, route: str, message_id: str) -> str:
    """`scope` is `agent:<id>`; empty (so: not deduped) without a provider message id."""
    return json.dumps([scope, route, message_id], separators=(",", ":"), ensure_ascii=False) if message_id else ""
