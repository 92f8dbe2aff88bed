from typing import Any

import pytest

from gw.defender.rows import to_action
from gw.model.action import PartKind, Provenance


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ({"prompt": "hi"}, [("prompt", "/prompt", "hi")]),
        ({"command": "ls", "tool": "Bash"}, [("command", "/command", "ls")]),
        ({"tool": "browser"}, [("tool", "/tool", "browser")]),
        ({"tool": "exec", "args": {"command": "ls"}}, [("tool", "/tool", "exec"), ("command", "/args/command", "ls")]),
        ({"url": "http://x", "path": "/p", "output": "o", "data": "d"},
         [("url", "/url", "http://x"), ("path", "/path", "/p"), ("output", "/output", "o"), ("data", "/data", "d")]),
        ({"method": "config.patch"}, []),
    ],
)  # fmt: skip
def test_parts(row: dict[str, Any], parts: list[tuple[str, str, str]]) -> None:
    action = to_action(row, mode="cli")
    assert [(part.kind.value, part.where, part.value) for part in action.parts] == parts


def test_names() -> None:
    row = {
        "id": 7, "command": "ls", "tool": "bash", "channel": "irc", "chat": "group", "session": "s", "agent": "a",
        "sender": "u", "client": "c", "method": "m", "provenance": "web",
    }  # fmt: skip
    action = to_action(row, mode="cli")
    assert action[:3] == ("7", "m", action.parts)
    assert (action.tool, action.channel, action.chat_type, action.session_key) == ("exec", "irc", "group", "s")
    assert (action.agent_id, action.sender, action.client_id, action.mode) == ("a", "u", "c", "cli")
    assert action.provenance is Provenance.WEB


def test_the_digest_tells_contents_apart() -> None:
    rows = [{"command": "ls"}, {"command": "la"}, {"tool": "t", "args": {"a": 1}}, {"tool": "t", "args": {"a": 2}}]
    assert len({to_action(row, mode="").digest for row in rows}) == 4


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "nothing to judge"),
        ({"prompt": ""}, "nothing to judge"),
        ({"prompt": 3}, "`prompt` must be text"),
        ({"command": "x", "tool": ["a"]}, "`tool` must be text"),
        ({"command": "x", "provenance": "moon"}, "expected one of user"),
    ],
)
def test_what_is_wrong_is_said(row: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        to_action(row, mode="cli")


def test_every_kind_of_text_can_be_described() -> None:
    assert PartKind.PROMPT in {part.kind for part in to_action({"prompt": "x"}, mode="").parts}
