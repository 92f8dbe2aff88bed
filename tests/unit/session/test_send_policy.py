"""Send policy against upstream's vectors."""

from typing import Any

import pytest

from gw.session import send_policy
from tests.support.shared import shared_json

ROWS = shared_json("openclaw/vectors/session_policy.json")["send_policy"]


@pytest.mark.parametrize("row", [pytest.param(r, id=r["name"]) for r in ROWS])
def test_send_policy(row: dict[str, Any]) -> None:
    given = row["input"]
    policy = given["config"].get("session", {}).get("sendPolicy")
    assert send_policy.decide(policy, given["sessionKey"], given["entry"]) == row["expect"]["decision"]


def test_the_delivery_context_beats_the_key() -> None:
    policy = {"rules": [{"action": "deny", "match": {"channel": "Slack", "chatType": "direct"}}]}
    assert send_policy.decide(policy, "agent:main:main") == "allow"
    assert send_policy.decide(policy, "agent:main:main", channel="slack", chat_type="direct") == "deny"
