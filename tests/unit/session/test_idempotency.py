"""Claims: one effect per key, conflicts, life time, bounds, restarts."""

import pytest

from gw.errors import InvalidRequest
from gw.session import idempotency
from gw.session.idempotency import Claims, Outcome
from gw.session.store import CLAIMS, Change, Drop, Put
from tests.support.shared import shared_json

RPC = {row["name"]: row for row in shared_json("openclaw/vectors/dedupe.json")["rpc"]}


def stored(changes: list[Change]) -> dict[str, bytes]:
    return {change.key: change.value for change in changes if isinstance(change, Put)}


def test_the_first_goes_on_and_the_second_waits() -> None:
    claims = Claims()
    assert claims.begin("n", "d", "k1", 0)[0] == Outcome(True)
    expected = RPC["chat.send same key, same input, still running"]["expect"]["payload"]
    assert claims.begin("n", "d", "k1", 1)[0] == Outcome(False, expected)


def test_other_content_is_a_conflict() -> None:
    claims = Claims()
    claims.begin("n", "d", "k1", 0)
    with pytest.raises(InvalidRequest) as refused:
        claims.begin("n", "other", "k1", 1)
    expected = RPC["chat.send same key, different input"]["expect"]["error"]
    assert refused.value.code == expected["code"]
    assert refused.value.details is not None
    assert refused.value.details["reason"] == expected["details"]["reason"]


def test_a_finished_one_answers_again_until_its_time_is_over() -> None:
    claims = Claims(ttl_ms=100)
    claims.begin("n", "d", "k1", 0)
    claims.finish("n", {"status": "ok"}, 50)
    assert claims.begin("n", "d", "k1", 149)[0] == Outcome(False, {"status": "ok"})
    assert claims.begin("n", "other", "k1", 150)[0].claimed


def test_an_active_one_outlives_its_time_and_the_bound() -> None:
    claims = Claims(ttl_ms=100, max_entries=1)
    claims.begin("active", "d", "a", 0)
    for number in range(3):
        claims.begin(f"n{number}", "d", "k", 500)
        claims.finish(f"n{number}", {}, 500)
    assert claims.begin("active", "d", "a", 900)[0].answer == {"runId": "a", "status": "in_flight"}


def test_the_oldest_finished_go_first_at_the_bound() -> None:
    row = RPC["bound 1000: oldest inactive evicted first"]
    claims = Claims(max_entries=row["input"]["max"])
    dropped: list[Change] = []
    for number in range(row["input"]["size"]):
        dropped += claims.begin(f"n{number}", "d", "k", number)[1] + claims.finish(f"n{number}", {}, number)
    assert [change.key for change in dropped if isinstance(change, Drop)] == ["n0"]
    assert len(claims) == 1000


def test_a_released_key_is_free() -> None:
    claims = Claims()
    claims.begin("n", "d", "k", 0)
    assert claims.release("n") == [Drop(CLAIMS, "n")]
    assert claims.release("n") == []
    assert claims.begin("n", "other", "k", 1)[0].claimed
    assert claims.finish("gone", {}, 1) == []


def test_after_a_restart_finished_ones_answer_and_active_ones_are_closed() -> None:
    before = Claims()
    rows = stored(before.begin("done", "d", "k1", 0)[1] + before.begin("open", "d", "k2", 1)[1])
    rows |= stored(before.finish("done", {"status": "ok"}, 2))
    after = Claims()
    changes = after.load(rows, 10, {"status": "error"})
    assert after.begin("done", "d", "k1", 11)[0].answer == {"status": "ok"}
    assert after.begin("open", "d", "k2", 11)[0].answer == {"runId": "k2", "status": "error"}
    assert set(stored(changes)) == {"open"}


def test_what_expired_while_we_were_away_is_dropped() -> None:
    before = Claims(ttl_ms=100)
    before.begin("n", "d", "k", 0)
    rows = stored(before.finish("n", {}, 0))
    assert Claims(ttl_ms=100).load(rows, 100, {}) == [Drop(CLAIMS, "n")]


@pytest.mark.parametrize(
    "one, other, same",
    [
        ({"message": "a", "x": 1}, {"x": 1, "message": "a"}, True),
        ({"message": "a"}, {"message": "a", "idempotencyKey": "k", "timeoutMs": 5}, True),
        ({"message": "a"}, {"message": "b"}, False),
        ({"message": "a"}, {"message": "a", "thinking": "high"}, False),
    ],
)
def test_the_digest_is_of_the_content(one: dict[str, object], other: dict[str, object], same: bool) -> None:
    assert (idempotency.digest_of(one) == idempotency.digest_of(other)) == same


def test_names_do_not_run_into_each_other() -> None:
    assert idempotency.claim_id("a", "b|c", "d") != idempotency.claim_id("a|b", "c", "d")
