from pathlib import Path
from typing import Any

import pytest

from gw.defender.review import Reviews
from gw.defender.rows import to_action
from gw.errors import ApprovalNotFound, InvalidRequest
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.methods.reviews import ReviewDesk
from tests.support.policies import FakeClock
from tests.unit.defender.test_review import Store, review
from tests.unit.methods.plain import ask

ACTION = to_action({"command": "deploy", "tool": "exec", "session": "s"}, mode="test")


class Bench:
    def __init__(self, folder: Path) -> None:
        self.reviews = Reviews(Store(), FakeClock())
        quarantine = Quarantine(folder, Direct())
        quarantine.put({"id": "dec_1", "at": 0}, ACTION)
        self.reviews.hold(review(ACTION), ACTION)
        self.desk = ReviewDesk(self.reviews, quarantine, Direct())

    def ask(self, method: str, **params: Any) -> Any:
        return ask(self.desk, f"security.review.{method}", params)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_list_and_get(bench: Bench) -> None:
    (row,) = bench.ask("list")["held"]
    assert (row["id"], row["state"], row["tool"], row["rules"]) == ("dec_1", "pending", "exec", ["shell.deploy"])
    assert "note" not in row
    answer = bench.ask("get", id="dec_1")
    assert answer["held"] == row and answer["entry"]["parts"][0]["text"] == "deploy"


def test_approve_once_is_by_whom_the_connection_says(bench: Bench) -> None:
    grant = bench.ask("approve", id="dec_1", note="ok", by="somebody else")["grant"]
    assert (grant["kind"], grant["usesLeft"], grant["by"]) == ("once", 1, "cli")
    assert bench.ask("list")["held"] == []
    (row,) = bench.ask("list", all=True)["held"]
    assert (row["state"], row["note"], row["resolvedBy"]) == ("approved", "ok", "cli")


def test_approve_the_like_and_revoke(bench: Bench) -> None:
    grant = bench.ask("approve", **{"id": "dec_1", "for": "30m", "uses": 3})["grant"]
    assert (grant["kind"], grant["usesLeft"], grant["untilMs"]) == ("like", 3, FakeClock().ms + 1_800_000)
    assert len(bench.ask("list")["grants"]) == 1
    assert bench.ask("revoke", id="dec_1") == {"revoked": True}
    assert bench.ask("list")["grants"] == []


def test_deny(bench: Bench) -> None:
    assert bench.ask("deny", id="dec_1")["held"]["state"] == "denied"
    with pytest.raises(ApprovalNotFound):
        bench.ask("deny", id="dec_1")


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("get", {}, "`id` must be"),
        ("approve", {"id": 3}, "`id` must be"),
        ("approve", {"id": "dec_1", "for": "soon"}, "such as 30m, at most 8h"),
        ("approve", {"id": "dec_1", "for": "9h"}, "at most 8h"),
        ("approve", {"id": "dec_1", "for": 5}, "such as 30m"),
        ("approve", {"id": "dec_1", "uses": 0}, "from 1 to 100"),
        ("approve", {"id": "dec_1", "uses": True}, "from 1 to 100"),
        ("deny", {"id": "dec_1", "note": 1}, "`note` must be text"),
    ],
)
def test_what_is_wrong_is_said(bench: Bench, method: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        bench.ask(method, **params)
