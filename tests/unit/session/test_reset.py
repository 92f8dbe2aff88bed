"""Reset policies and freshness against upstream's vectors."""

from datetime import UTC
from typing import Any

import pytest

from gw.session import reset
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/session_policy.json")


@pytest.mark.parametrize("row", [pytest.param(r, id=r["name"]) for r in VECTORS["reset_policy"]])
def test_policy_of_a_type(row: dict[str, Any]) -> None:
    given = row["input"]
    policy = reset.resolve_policy(given["session"], given["resetType"], given.get("resetOverride"))
    seen = {"mode": policy.mode, "atHour": policy.at_hour, "configured": policy.configured}
    if policy.idle_minutes is not None:
        seen["idleMinutes"] = policy.idle_minutes
    assert seen == row["expect"]


@pytest.mark.parametrize("row", [pytest.param(r, id=r["name"]) for r in VECTORS["freshness"]])
def test_freshness(row: dict[str, Any]) -> None:
    given = row["input"]
    wanted = given["policy"]
    got = reset.is_fresh(
        reset.ResetPolicy(wanted["mode"], wanted["atHour"], wanted.get("idleMinutes"), True),
        now_ms=given["now"],
        updated_at_ms=given["updatedAt"],
        started_at_ms=given.get("sessionStartedAt"),
        interacted_at_ms=given.get("lastInteractionAt"),
        zone=UTC,
    )
    names = ("fresh", "dailyResetAt", "idleExpiresAt", "staleReason")
    assert {name: value for name, value in zip(names, got, strict=True) if value is not None} == row["expect"]


@pytest.mark.parametrize(
    "chat_type, thread, expected",
    [("direct", None, "direct"), (None, None, "direct"), ("channel", None, "group"), ("group", "7", "thread")],
)
def test_type_of_a_session(chat_type: str | None, thread: str | None, expected: str) -> None:
    assert reset.reset_type(chat_type, thread) == expected
