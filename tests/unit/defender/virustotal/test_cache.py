"""The cache: life times by kind of answer, the bound, and surviving a restart."""

import pytest

from gw.defender.virustotal.cache import TTL_MS, Cache
from gw.defender.virustotal.client import Indicator, Report

A, B, C = (Indicator("url", f"http://{name}.example/") for name in "abc")
CLEAN, BAD, UNKNOWN = Report(True, 0, 0, 70), Report(True, 3, 0, 70), Report(False)


@pytest.mark.parametrize("report, kind", [(CLEAN, "clean"), (BAD, "malicious"), (UNKNOWN, "unknown")])
def test_answers_live_as_long_as_their_kind_says(report: Report, kind: str) -> None:
    cache = Cache()
    cache.put(A, report, 1000)
    assert cache.get(A, 1000 + TTL_MS[kind] - 1) == report
    assert cache.get(A, 1000 + TTL_MS[kind]) is None
    assert len(cache) == 0


def test_the_least_recently_used_goes_first() -> None:
    cache = Cache(size=2)
    cache.put(A, CLEAN, 0)
    cache.put(B, CLEAN, 0)
    cache.get(A, 1)
    cache.put(C, CLEAN, 2)
    assert [cache.get(one, 3) for one in (A, B, C)] == [CLEAN, None, CLEAN]


def test_a_restart_keeps_what_is_fresh() -> None:
    cache = Cache()
    cache.put(A, BAD, 0)
    cache.put(B, UNKNOWN, 0)
    again = Cache()
    assert again.load(cache.dump(), TTL_MS["unknown"]) == 1
    assert again.get(A, TTL_MS["unknown"]) == BAD


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"version": 9, "rows": []}', b'{"version": 1, "rows": [[1]]}', b'{"version": 1}']
)
def test_a_damaged_file_is_an_empty_cache(data: bytes) -> None:
    assert Cache().load(data, 0) == 0


def test_a_clock_set_back_does_not_keep_answers_for_ever() -> None:
    cache = Cache()
    cache.put(A, BAD, 10**15)
    assert Cache().load(cache.dump(), 0) == 0


def test_loading_respects_the_bound() -> None:
    cache = Cache()
    for one in (A, B, C):
        cache.put(one, CLEAN, 0)
    small = Cache(size=1)
    assert small.load(cache.dump(), 0) == 1
    assert small.get(C, 0) == CLEAN
