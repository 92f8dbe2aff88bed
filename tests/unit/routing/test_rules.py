"""The channels file: what it means, and every way it can be wrong."""

from pathlib import Path
from typing import Any

import pytest

from gw.config.load import read_tree
from gw.errors import ConfigError
from gw.routing import rules
from gw.routing.rules import EMPTY, Rules

WHOLE = """
agents:
  entries:
    main: {default: true, identity: {name: Molty}}
    ops:
bindings:
  - {agentId: ops, match: {channel: slack, peer: {kind: channel, id: C9}}}
accessGroups: {staff: {telegram: [17, ann]}}
commands: {ownerAllowFrom: ["telegram:17"]}
session: {dmScope: per-channel-peer}
channels:
  telegram:
    dmPolicy: allowlist
    allowFrom: ["accessGroup:staff", 99]
    groups: {-100123: {requireMention: false}}
    accounts:
      work: {dmPolicy: open}
      home: {enabled: false}
  Slack: {}
"""


def read(tmp_path: Path, text: str) -> Rules:
    file = tmp_path / "channels.yaml"
    file.write_text(text)
    return rules.read(read_tree(file))


def problems(tmp_path: Path, text: str) -> list[Any]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [(one.line, one.path, one.message) for one in caught.value.problems]


def test_a_whole_file(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)
    assert found.keys.agents == ("main", "ops")
    assert found.keys.default_agent == "main"
    assert [one.agent for one in found.bindings] == ["ops"]
    assert [(channel, account) for channel, account, _ in found.accounts()] == [
        ("telegram", "work"),
        ("slack", "default"),
    ]
    telegram = found.settings("telegram", "work")
    assert telegram["dmPolicy"] == "open"
    assert telegram["groups"]["-100123"] == {"requireMention": False}
    assert found.listed(telegram, "allowFrom", "telegram") == ["17", "ann", "99"]
    assert found.listed(telegram, "allowFrom", "slack") == ["99"]
    assert found.settings("telegram", "home") == found.settings("irc", "default") == EMPTY
    assert found.is_owner("telegram", ["", "17"])
    assert not found.is_owner("slack", ["17"])


def test_an_empty_file_is_one_agent_without_channels(tmp_path: Path) -> None:
    found = read(tmp_path, "")
    assert found.keys.default_agent == "main"
    assert found.accounts() == []


def test_json_is_yaml_too(tmp_path: Path) -> None:
    assert read(tmp_path, '{"channels": {"slack": {"enabled": true}}}').accounts()[0][0] == "slack"


def test_a_number_of_any_length_is_a_word(tmp_path: Path) -> None:
    long = "9" * 5000  # more digits than Python would read
    found = read(tmp_path, f"channels: {{telegram: {{allowFrom: [17, {long}]}}}}")
    assert found.settings("telegram", "default")["allowFrom"] == [17, long]


def test_several_agents_without_a_default_have_none(tmp_path: Path) -> None:
    assert read(tmp_path, "agents: {entries: {a: {}, b: {}}}").keys.default_agent is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a", (1, "", "the file must hold `key: value` lines")),
        ("chanels: {}", (1, "chanels", "unknown key")),
        ("channels: {telegram: {dmPolicy: maybe}}", (1, "channels.telegram.dmPolicy", "must be one of")),
        ("channels:\n  telegram:\n    allowBots: 1", (3, "channels.telegram.allowBots", "must be true or false")),
        ("channels: {telegram: {accounts: {w: {accounts: {}}}}}", (1, "channels.telegram.accounts.w", "unknown key")),
        ("channels: {telegram: x}", (1, "channels.telegram", "must hold")),
        ("bindings: [{agentId: ghost, match: {channel: x}}]", (1, "bindings.0", "names agent ghost")),
        ("bindings: [{agentId: main}]", (1, "bindings.0", "needs match.channel")),
        ("bindings: [{agentId: main, match: {channel: x, peer: {kind: crowd}}}]", (1, "bindings.0", "one of direct")),
        ("bindings: [x]", (1, "bindings.0", "must hold")),
        ("agents: {entries: {'::': {}}}", (1, "agents.entries.::", "is no usable agent id")),
        ("broadcast: {strategy: loud}", (1, "broadcast.strategy", "must be one of parallel")),
        ("broadcast: {'telegram:-1': [ghost]}", (1, "broadcast.telegram:-1", "names agent ghost")),
        ("broadcast: {old: [ghost]}", (1, "broadcast.old", "names agent ghost")),
        ("broadcast: {'telegram:-1': loud}", (1, "broadcast.telegram:-1", "must name agents")),
        ("hooks: {mappings: [{action: shout}]}", (1, "hooks.mappings.0.action", "must be one of wake")),
        ("hooks: {mappings: [{}]}", (1, "hooks.mappings.0", "needs match.path")),
        ("hooks: {mappings: [{timeoutSeconds: soon}]}", (1, "hooks.mappings.0.timeoutSeconds", "a whole number")),
        ("agents: {defaults: {heartbeat: {every: often}}}", (1, "agents.defaults.heartbeat.every", "no duration")),
        ("tools: {profile: all}", (1, "tools.profile", "must be one of minimal")),
        ("session: {dmScope: per-moon}", (1, "session.dmScope", "must be one of main")),
        ("messages: {inbound: {debounce: 1}}", (1, "messages.inbound.debounce", "unknown key")),
        ("messages: {inbound: {debounceMs: soon}}", (1, "messages.inbound.debounceMs", "must be a whole number")),
        ("messages: {inbound: {debounceMs: -1}}", (1, "messages.inbound.debounceMs", "must be milliseconds")),
        (
            "channels: {slack: {}}\nmessages: {inbound: {byChannel: {slack: yes}}}",
            (2, "messages.inbound.byChannel.slack", "must be milliseconds"),
        ),
        ("messages: {inbound: {byChannel: {slack: 1}}}", (1, "messages.inbound.byChannel.slack", "is none of")),
        ("a: &a [*a]", (1, "a.0", "must be written out")),
    ],
)
def test_problems(tmp_path: Path, text: str, expected: tuple[int, str, str]) -> None:
    line, path, message = expected
    found = problems(tmp_path, text)
    assert any(one[0] == line and one[1].startswith(path) and message in one[2] for one in found), found


def test_heartbeats_of_all_and_of_one(tmp_path: Path) -> None:
    text = "agents: {defaults: {heartbeat: {every: 30m}}, entries: {a: {default: true}, b: {heartbeat: {every: 1h}}}}"
    assert read(tmp_path, text).heartbeats == {"a": 1_800_000, "b": 3_600_000}
    assert read(tmp_path, "agents: {entries: {a: {}}}").heartbeats == {}
