"""No shape of a provider's JSON crashes a driver: valid updates with anything put anywhere are read, or ignored."""

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.channels import discord_messages, generic, slack_events, telegram_updates, whatsapp
from gw.channels.base import Inbound, Turn
from gw.channels.discord_gateway import DiscordGateway
from gw.channels.ingress import decode, encode
from tests.support.fake_discord import BOT, FakeDiscord
from tests.support.fake_slack import FakeSlack
from tests.support.fake_telegram import FORUM, FakeTelegram
from tests.support.fake_whatsapp import PHONE, FakeWhatsApp

Read = Callable[[Any], Iterable[Inbound]]

MENTION = {"type": "mention", "offset": 0, "length": 3}
FILE = {"id": "f", "mimetype": "image/png", "content_type": "image/png", "size": 3, "name": "a", "filename": "a"}
TELEGRAM = FakeTelegram()
QUOTED = TELEGRAM.say("before")["message"]
SLACK = FakeSlack().event("<@UBOT> a &lt; <https://x|y>", files=[FILE], thread_ts="1.2", parent_user_id="UBOT")
DISCORD = FakeDiscord()
REPLIED = DISCORD.message(
    "<@900> and <#5>",
    mentions=[BOT],
    attachments=[FILE],
    guild_id="1",
    member={"roles": ["r"], "nick": "n"},
    message_reference={"message_id": "1"},
    referenced_message=DISCORD.message("before", author=BOT),
    message_snapshots=[{"message": {"content": "f"}}],
)
GENERIC = {"chatType": "group", "chatId": "c", "messageId": "m", "sender": {"id": "a"}, "text": "hi", "replyTo": "q"}


def interactions(data: Any) -> Iterable[Inbound]:
    return discord_messages.interaction(data, "default", 1)


def generic_message(data: Any) -> Iterable[Inbound]:
    try:
        return [generic.normalise(data, "default", 1)]
    except ValueError:
        return []


ME_TELEGRAM = telegram_updates.Bot("99", "HelperBot")
ME_SLACK = slack_events.Bot("UBOT", "BBOT", "helper", allow_bots=True)
ME_DISCORD = discord_messages.Bot("900")
TOPIC = TELEGRAM.say(
    "@me hi", FORUM, entities=[MENTION], message_thread_id=5, reply_to_message=QUOTED, photo=[{"file_id": "f"}]
)
CASES: dict[str, tuple[Any, Read]] = {
    "telegram": (TOPIC, lambda value: telegram_updates.normalise(value, ME_TELEGRAM, "default")),
    "slack": (SLACK, lambda value: slack_events.normalise(value, ME_SLACK, "default")),
    "discord": (
        REPLIED,
        lambda value: discord_messages.normalise("MESSAGE_CREATE", value, ME_DISCORD, "default"),
    ),
    "discord interaction": (DISCORD.command("ask", about="x"), interactions),
    "whatsapp": (
        FakeWhatsApp().say("hi", context={"from": "1", "id": "w"}),
        lambda value: whatsapp.normalise(value, PHONE, "default"),
    ),
    "generic": (GENERIC, generic_message),
}

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.sampled_from(["", "x", "5", "<@", "<", ">", "`", "😀", "\ud83d", "1700000000.000100", "private", "/x", "-1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "type", "text"]), inner),
    max_leaves=4,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in items for path in ((*at, key), *places(inner, (*at, key)))]


def put(value: Any, path: tuple[Any, ...], fresh: Any) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = fresh
    return changed


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_anything_anywhere(name: str, data: st.DataObject) -> None:
    valid, read = CASES[name]
    assert list(read(valid))
    value = valid
    for _ in range(data.draw(st.integers(1, 3))):
        value = put(value, data.draw(st.sampled_from(places(value))), data.draw(ANYTHING))
    for inbound in read(value):
        assert inbound.text
        assert inbound.sender.id
        assert inbound.chat_id
        assert inbound.message_id, "without one, the next message would be a copy of this one"
        assert isinstance(inbound.timestamp_ms, int)
        assert decode(json.loads(json.dumps(encode(inbound)))) == inbound


@given(st.lists(st.tuples(st.sampled_from(["op", "t", "s", "d"]), ANYTHING), max_size=4).map(dict))
def test_no_frame_crashes_the_gateway(frame: dict[str, Any]) -> None:
    gateway = DiscordGateway("t", 1, frame.get("d"), 0.0, lambda event, data: Turn())
    gateway.feed(json.dumps(frame).encode(), 1.0)
    gateway.tick(gateway.due)
