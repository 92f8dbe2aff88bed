"""The vectors of inbound normalisation, and messages in the words of those vectors."""

from typing import Any

from gw.channels.base import Inbound
from tests.support.shared import shared_json

CAMEL = {
    "chat_type": "chatType",
    "chat_id": "chatId",
    "message_id": "messageId",
    "timestamp_ms": "timestamp",
    "thread_id": "threadId",
    "parent_peer": "parentPeer",
    "edit_of": "editOf",
    "guild_id": "guildId",
    "team_id": "teamId",
    "is_bot": "isBot",
    "quote": "reply",
    "sender_id": "senderId",
}


def rows(channel: str) -> list[dict[str, Any]]:
    cases = shared_json("openclaw/vectors/inbound_normalise.json")["cases"]
    return [row for row in cases if row["channel"] == channel]


def told(value: Any) -> Any:
    """NamedTuples as objects with the vectors' names."""
    if hasattr(value, "_asdict"):
        return {CAMEL.get(name, name): told(field) for name, field in value._asdict().items()}
    return [told(item) for item in value] if isinstance(value, tuple) else value


def assert_as_expected(found: list[Inbound], expect: dict[str, Any]) -> None:
    """Only the fields that a row lists are asserted; lists of implicit mentions may be left out when empty."""
    if expect.get("ignored"):
        assert found == []
        return
    if "count" in expect:
        assert [message.message_id for message in found] == expect.get("order", [])
        assert len(found) == expect["count"]
        return
    (message,) = found
    assert_within({key: value for key, value in expect.items() if key != "dedupeSameAs"}, told(message))


def assert_within(expect: Any, found: Any) -> None:
    if isinstance(expect, dict):
        for key, value in expect.items():
            assert_within(value, found[key])
    elif isinstance(expect, list):
        assert len(expect) == len(found)
        for one, other in zip(expect, found, strict=True):
            assert_within(one, other)
    else:
        assert found == expect
