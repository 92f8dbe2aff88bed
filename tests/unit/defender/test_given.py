from typing import Any

import pytest

from gw.defender.given import services_of
from gw.defender.rows import to_action
from gw.defender.tester import Bench
from tests.support.policies import FakeClock, policy_of

POLICY = """
bonus: {tool: {exec: 20}}
host:
  watch:
    - {id: host.program, paths: ['/usr/lib/openclaw/dist/**'], on_change: {points: 55}}
    - {id: host.identity, paths: ['~/.openclaw/{SOUL,AGENTS}.md'], on_change: {floor: review}}
intel:
  virustotal: {url: {malicious_at: 2}, points: {malicious: 75}}
score:
  - {id: intel.virustotal.malicious, target: tool_call, guard: reputation}
  - {id: intel.unavailable, target: tool_call, guard: reputation, points: 0}
"""


def judged(given: dict[str, Any], **row: str) -> tuple[str, set[str]]:
    decision = Bench(policy_of(POLICY), given).judge(to_action(row, mode="test"))
    return decision.verdict.word, {finding.rule for finding in decision.findings}


def test_a_changed_file_weighs_on_every_action() -> None:
    bench = Bench(policy_of(POLICY), {"host": {"changed": ["/usr/lib/openclaw/dist/index.js"]}})
    for _ in range(3):
        decision = bench.judge(to_action({"tool": "exec", "command": "git status"}, mode="test"))
        assert (decision.verdict.word, decision.score) == ("block", 75)
    assert judged({"host": {"changed": ["/home/sam/.openclaw/SOUL.md"]}}, command="ls") == (
        "review",
        {"host.identity"},
    )


def test_a_baseline_that_cannot_be_trusted() -> None:
    policy = policy_of(POLICY + "  - {id: host.baseline, target: tool_call, guard: integrity, floor: review}\n")
    decision = Bench(policy, {"host": {"problem": "unsigned"}}).judge(to_action({"command": "ls"}, mode="test"))
    assert (decision.verdict.word, decision.findings[0].rule) == ("review", "host.baseline")


@pytest.mark.parametrize(
    ("said", "verdict", "rules"),
    [
        ({"url": {"malicious": 3, "harmless": 60}}, "block", {"intel.virustotal.malicious"}),
        ({"url": {"malicious": 1, "harmless": 60}}, "allow", set()),
        ({"file": {"malicious": 3}}, "allow", set()),
        ({"unavailable": "timeout"}, "allow", {"intel.unavailable"}),
    ],
)
def test_what_reputation_services_would_say(said: dict[str, Any], verdict: str, rules: set[str]) -> None:
    assert judged({"intel": {"virustotal": said}}, tool="web_fetch", url="https://x.example/a") == (verdict, rules)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"moon": 1}, "host and intel are"),
        ({"host": {"removed": []}}, "`host` is a mapping of changed, problem"),
        ({"host": {"changed": ["/etc/motd"]}}, "watches /etc/motd"),
        ({"intel": {"other": {}}}, "`intel` is a mapping of virustotal"),
        ({"intel": {"virustotal": {"ip": {}}}}, "mapping of file, url, unavailable"),
        ({"intel": {"virustotal": {"url": {"bad": 1}}}}, "`url` is a mapping"),
        ({"intel": {"virustotal": {"url": {"malicious": "many"}}}}, "whole numbers"),
        ({"intel": {"virustotal": {"unavailable": "tired"}}}, "`unavailable` is one of"),
    ],
)
def test_what_is_not_understood_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        services_of(given, policy_of(POLICY), FakeClock())
