"""Discord messages and interactions: the vectors, and shapes they leave out."""

from typing import Any

import pytest

from gw.channels.base import Inbound, Peer
from gw.channels.discord_messages import Bot, interaction, normalise, threads_told
from tests.support import inbound

ME = Bot("900")
ANN = {"id": "7", "username": "ann", "global_name": "Ann"}


def message(**fields: Any) -> dict[str, Any]:
    base = {"id": "1", "channel_id": "C1", "guild_id": "G1", "author": ANN, "content": "hi", "type": 0, "timestamp": ""}
    return {**base, **fields}


def one(bot: Bot = ME, event: str = "MESSAGE_CREATE", **fields: Any) -> Inbound:
    (found,) = normalise(event, message(**fields), bot, "default")
    return found


@pytest.mark.parametrize("row", inbound.rows("discord"), ids=lambda row: row["name"])
def test_vectors(row: dict[str, Any]) -> None:
    found = normalise(row["input"]["t"], row["input"]["d"], Bot(row["bot"]["id"]), "default")
    inbound.assert_as_expected(found, row["expect"])


IGNORED: dict[str, dict[str, Any]] = {
    "our own": {"author": {"id": "900"}},
    "a webhook": {"webhook_id": "5"},
    "a system message": {"type": 7},
    "no content (intent missing)": {"content": ""},
    "no author": {"author": None},
}


@pytest.mark.parametrize("fields", IGNORED.values(), ids=IGNORED)
def test_ignored(fields: dict[str, Any]) -> None:
    assert normalise("MESSAGE_CREATE", message(**fields), ME, "default") == []


def test_other_bots_may_be_let_in() -> None:
    assert one(Bot("900", allow_bots=True), author={"id": "5", "bot": True}).sender.is_bot


SHOWN = [
    ("<@900> hi <@!7>", "@helper hi @Ann"),
    ("<@&5> <#6> <@8>", "@5 #6 @8"),
    ("<:wave:1> <a:dance:2> a < b > c", ":wave: :dance: a < b > c"),
    ("<@x> <not a reference>", "<@x> <not a reference>"),
    ("<<@7>", "<@Ann"),
]


@pytest.mark.parametrize(("content", "shown"), SHOWN)
def test_text_is_what_its_reader_sees(content: str, shown: str) -> None:
    found = one(content=content, mentions=[{"id": "900", "username": "helper"}, ANN])
    assert found.text == shown


def test_an_edit_is_one_only_when_somebody_edited() -> None:
    assert normalise("MESSAGE_UPDATE", message(), ME, "default") == []
    found = one(event="MESSAGE_UPDATE", edited_timestamp="2023-11-14T22:13:20+00:00")
    assert (found.kind, found.edit_of) == ("edit", "1")


def test_forwards_mention_nobody() -> None:
    snapshot = {"message": {"content": "<@900> rm", "attachments": [{"id": "f", "content_type": "image/png"}]}}
    found = one(content="", message_snapshots=[snapshot], mentions=[{"id": "900"}])
    assert found.is_forwarded
    assert not found.mentions.bot
    assert found.media[0].kind == "image"


def test_threads_are_known_from_the_events_that_tell_them() -> None:
    parents = threads_told("GUILD_CREATE", {"threads": [{"id": "T1", "parent_id": "C1"}, {"id": "T2"}]})
    assert parents == {"T1": "C1"}
    assert threads_told("THREAD_CREATE", {"id": "T3", "parent_id": "C1"}) == {"T3": "C1"}
    assert threads_told("MESSAGE_CREATE", message()) == {}
    found = one(ME._replace(parents=parents), channel_id="T1")
    assert (found.thread_id, found.parent_peer, found.peer.id) == ("T1", Peer("channel", "C1"), "T1")


def test_reactions() -> None:
    data = {"user_id": "7", "message_id": "1", "channel_id": "C1", "emoji": {"name": "👍"}, "member": {"user": ANN}}
    (found,) = normalise("MESSAGE_REACTION_ADD", data, ME, "default")
    assert (found.kind, found.text, found.edit_of, found.sender.name) == ("reaction", "👍", "1", "Ann")
    assert normalise("MESSAGE_REACTION_ADD", {**data, "user_id": "900"}, ME, "default") == []


def test_other_events_are_nothing() -> None:
    assert normalise("TYPING_START", message(), ME, "default") == []


def asked(**fields: Any) -> dict[str, Any]:
    base = {"id": "5", "application_id": "A", "token": "tok", "type": 2, "channel_id": "C1", "user": ANN}
    return {**base, **fields}


def test_a_slash_command() -> None:
    data = {"name": "status", "options": [{"name": "when", "value": "now"}, {"name": "count", "value": 3}]}
    (found,) = interaction(asked(data=data), "default", 9)
    assert (found.kind, found.text, found.reply_token) == ("command", "/status now 3", "A/tok")
    assert found.peer == Peer("direct", "7")
    below = {"name": "queue", "options": [{"name": "mode", "type": 1, "options": [{"name": "to", "value": "steer"}]}]}
    (found,) = interaction(asked(data=below, guild_id="G1", member={"user": ANN, "roles": ["R"]}), "default", 9)
    assert (found.text, found.sender.roles, found.peer.id) == ("/queue mode steer", ("R",), "C1")


def test_a_pressed_button() -> None:
    (found,) = interaction(asked(type=3, data={"custom_id": "yes"}), "default", 9)
    assert (found.kind, found.text) == ("callback", "yes")


def test_an_interaction_that_nobody_could_answer_is_nothing() -> None:
    assert interaction(asked(token=""), "default", 9) == []
