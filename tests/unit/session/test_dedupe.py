"""The dedupe cache and its keys against upstream's vectors; claims against their life story."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.session import dedupe
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/dedupe.json")


@pytest.mark.parametrize("row", [pytest.param(r, id=r["name"]) for r in VECTORS["cache"]])
def test_cache(row: dict[str, Any]) -> None:
    options = row["input"]["options"]
    cache = dedupe.DedupeCache(options["ttlMs"], options["maxSize"])
    act = {"check": cache.check, "peek": cache.peek, "delete": cache.delete, "size": cache.__len__}
    assert [act[op](*arguments) for op, *arguments in row["input"]["ops"]] == row["expect"]["results"]


@pytest.mark.parametrize("row", [pytest.param(r, id=r["name"]) for r in VECTORS["route_key"]])
def test_route_key(row: dict[str, Any]) -> None:
    given = row["input"]
    parts = dedupe.route_parts(given["channel"], given["to"], given.get("accountId"), given.get("threadId"))
    assert (dedupe.route_key(parts), dedupe.compact_route_key(parts)) == (
        row["expect"]["key"],
        row["expect"]["compact"],
    )


def test_constants_are_upstreams() -> None:
    constants = VECTORS["constants"]
    assert constants["inbound"] == {"ttlMs": dedupe.INBOUND_TTL_MS, "max": dedupe.INBOUND_ENTRIES}
    assert constants["queueMessageId"] == {"ttlMs": dedupe.QUEUED_TTL_MS, "max": dedupe.QUEUED_ENTRIES}


def test_a_claim_is_inflight_then_a_duplicate() -> None:
    claims = dedupe.Claims()
    assert [claims.claim("k", 0), claims.claim("k", 1)] == ["claimed", "inflight"]
    claims.commit("k", 2)
    assert claims.claim("k", 3) == "duplicate"


def test_a_released_claim_lets_the_retry_through() -> None:
    claims = dedupe.Claims()
    claims.claim("k", 0)
    claims.release("k")
    assert claims.claim("k", 1) == "claimed"


def test_without_a_message_id_nothing_is_deduped() -> None:
    key = dedupe.inbound_key("agent:main", "[]", "")
    assert [dedupe.Claims().claim(key, 0) for _ in range(2)] == ["claimed", "claimed"]
    assert dedupe.inbound_key("agent:main", "r", "7") == '["agent:main","r","7"]'


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 5))), st.integers(0, 6), st.integers(0, 3))
def test_cache_against_a_list_of_everything_seen(steps: list[tuple[str, int]], ttl: int, bound: int) -> None:
    cache, slow, now = dedupe.DedupeCache(ttl, bound), [], 0
    for key, wait in steps:
        now += wait
        alive = [(k, at) for k, at in slow if not ttl or now - at < ttl]
        assert cache.check(key, now) == any(k == key for k, _ in alive)
        slow = [pair for pair in alive if pair[0] != key] + [(key, now)]
        slow = slow[max(0, len(slow) - bound) :] if bound else []
        assert len(cache) == len(slow)
