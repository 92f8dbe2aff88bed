"""Replies: silence, tags, threading, and the context around a message."""

import pytest

from gw.routing import replies
from gw.routing.replies import Reply, Said


@pytest.mark.parametrize(
    ("text", "mode", "channel", "joined", "expected"),
    [
        ("hi", "off", "slack", False, Reply("hi")),
        ("hi", "first", "slack", False, Reply("hi", "m1")),
        ("hi", "all", "slack", False, Reply("hi", "m1")),
        ("hi", "batched", "slack", False, Reply("hi")),
        ("hi", "batched", "slack", True, Reply("hi", "m1")),
        ("[[reply_to_current]] hi", "off", "telegram", False, Reply("hi", "m1")),
        ("hi [[ reply_to: 77 ]] there", "off", "discord", False, Reply("hi there", "77")),
        ("hi [[reply_to:77]]", "off", "slack", False, Reply("hi")),
        ("hi [[reply_to:77]]", "first", "slack", False, Reply("hi", "77")),
        ("[[reply_to_]] hi", "off", "telegram", False, Reply("[[reply_to_]] hi")),
        ("NO_REPLY", "all", "slack", False, Reply("", silent=True)),
        (" no_reply\n", "all", "slack", False, Reply("", silent=True)),
        ("[[reply_to_current]]", "all", "slack", False, Reply("", silent=True)),
        ("", "all", "slack", False, Reply("", silent=True)),
        ("say NO_REPLY", "off", "slack", False, Reply("say NO_REPLY")),
    ],
)
def test_read(text: str, mode: str, channel: str, joined: bool, expected: Reply) -> None:
    assert replies.read(text, mode=mode, channel=channel, message_id="m1", joined=joined) == expected


@pytest.mark.parametrize(("chosen", "mode"), [("all", "all"), ("every", "off"), (None, "off"), (1, "off")])
def test_mode_of(chosen: object, mode: str) -> None:
    assert replies.mode_of(chosen) == mode


def test_prompt() -> None:
    assert replies.prompt("hi") == "hi"
    assert replies.prompt("hi", quote=Said("ann", "yes?"), quote_id="9", history=[Said("bob", "one")]) == (
        "[Chat messages since your last reply - for context]\nbob: one\n\n"
        "[Current message - respond to this]\nhi\n\n[Replying to ann id:9]\nyes?\n[/Replying]"
    )
