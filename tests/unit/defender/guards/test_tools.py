import pytest

from gw.defender.guards.tools import ToolGuard
from gw.model.decision import Verdict
from tests.support.policies import policy_of
from tests.support.shell import subject

POLICY = """
bonus: {tool: {exec: 20, '*': 3}, channel: {discord: 10}}
floors: {tool: {browser: review, 'git__*': block}, session_kind: {cron: review}}
overrides:
  - {when: {channel: irc}, bonus: {tool: {exec: 40}}, floors: {tool: {browser: block}}}
"""


@pytest.mark.parametrize(
    ("action", "points", "floor"),
    [
        ({"tool": "exec", "channel": "discord"}, {"bonus.tool": 20, "bonus.channel": 10}, Verdict.ALLOW),
        ({"tool": "read"}, {"bonus.tool": 3}, Verdict.ALLOW),
        ({"channel": "discord"}, {"bonus.channel": 10}, Verdict.ALLOW),
        ({"tool": "browser"}, {"bonus.tool": 3, "floor.tool": 0}, Verdict.REVIEW),
        ({"tool": "git__push"}, {"bonus.tool": 3, "floor.tool": 0}, Verdict.BLOCK),
        ({"tool": "exec", "channel": "irc"}, {"bonus.tool": 40}, Verdict.ALLOW),
        ({"tool": "browser", "channel": "irc"}, {"bonus.tool": 3, "floor.tool": 0}, Verdict.BLOCK),
        ({"session_key": "agent:main:cron:x"}, {"floor.session_kind": 0}, Verdict.REVIEW),
        ({}, {}, Verdict.ALLOW),
    ],
)
def test_bonuses_and_floors(action: dict[str, str], points: dict[str, int], floor: Verdict) -> None:
    line = subject("x", **action)
    found = list(ToolGuard().inspect(line.action, [line], policy_of(POLICY)))
    assert {finding.rule: finding.points for finding in found} == points
    assert max((finding.floor for finding in found), default=Verdict.ALLOW) is floor
