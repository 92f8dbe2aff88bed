"""The Rust port's recorded cases get the port's verdicts from the shipped policies."""

import json

import pytest

from gw.defender.extract import Origin, from_event
from gw.defender.tester import Bench
from gw.policy.loader import load, shipped
from tests.support.shared import shared_json

# Its tags by the rules that say the same here.
TAGS = {
    "tool_risk_bonus": "bonus.tool",
    "channel_risk_bonus": "bonus.channel",
    "tool_policy": "floor.tool",
}


@pytest.mark.parametrize(
    "name", ["port:allow-safe-exec-discord", "port:block-destructive-command", "port:review-policy-browser"]
)
def test_recorded_case(name: str) -> None:
    case = next(row for row in shared_json("openclaw/vectors/rust_port_corpus.json")["replay"] if row["name"] == name)
    frame, expected = case["input"]["frame"], case["port_expect"]
    policy, _ = load([shipped() / "default"])
    action = from_event(frame["event"], frame["payload"], json.dumps(frame).encode(), Origin())
    decision = Bench(policy).judge(action)
    assert decision.verdict.word == expected["action"]
    assert decision.score >= expected["min_risk"]
    rules = {finding.rule for finding in decision.findings}
    assert {TAGS[tag] for tag in expected["tags_include"] if tag in TAGS} <= rules


def test_no_recorded_case_is_left_out() -> None:
    assert len(shared_json("openclaw/vectors/rust_port_corpus.json")["replay"]) == 3
