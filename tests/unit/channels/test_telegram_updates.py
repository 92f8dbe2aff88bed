"""Telegram updates: the vectors, and shapes they leave out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.channels.base import Command
from gw.channels.telegram_updates import Bot, normalise
from tests.support import inbound

ME = Bot("99", "MyBot")
ANN = {"id": 7, "is_bot": False, "first_name": "Ann", "last_name": "Lee", "username": "ann"}
GROUP = {"id": -100123, "type": "supergroup", "title": "T"}


def message(**fields: Any) -> dict[str, Any]:
    return {"message_id": 42, "date": 1_700_000_000, "from": ANN, "chat": GROUP, "text": "hi", **fields}


@pytest.mark.parametrize("row", inbound.rows("telegram"), ids=lambda row: row["name"])
def test_vectors(row: dict[str, Any]) -> None:
    bot = Bot(str(row["bot"]["id"]), row["bot"]["username"])
    inbound.assert_as_expected(normalise(row["input"], bot, "default"), row["expect"])


IGNORED = {
    "service message": message(text="", new_chat_members=[ANN]),
    "no chat": message(chat=None),
    "odd chat type": message(chat={"id": 1, "type": "secret"}),
    "no sender": message(**{"from": {}}),
    "no id": message(message_id=None),
}


@pytest.mark.parametrize("update", IGNORED.values(), ids=IGNORED)
def test_ignored(update: dict[str, Any]) -> None:
    assert normalise({"update_id": 1, "message": update}, ME, "default") == []


def one(update: dict[str, Any], bot: Bot = ME) -> Any:
    (found,) = normalise({"update_id": 1, "message": update}, bot, "default")
    return found


def test_who_wrote_it() -> None:
    assert one(message()).sender.name == "Ann Lee"
    anonymous = one(message(sender_chat={"id": -100123, "title": "T", "type": "supergroup"}))
    assert (anonymous.sender.id, anonymous.sender.name) == ("-100123", "T")


def test_forwarded_text_mentions_and_commands_nobody() -> None:
    found = one(
        message(
            text="/reset@MyBot",
            entities=[{"type": "bot_command", "offset": 0, "length": 12}],
            forward_origin={"type": "user"},
        )
    )
    assert found.is_forwarded
    assert found.commands == ()
    assert not found.mentions.bot


def test_a_command_counts_at_the_start_only() -> None:
    found = one(message(text="try /status", entities=[{"type": "bot_command", "offset": 4, "length": 7}]))
    assert found.commands == ()
    found = one(message(text="/Status  now ", entities=[{"type": "bot_command", "offset": 0, "length": 7}]))
    assert found.commands == (Command("status", "now"),)


def test_a_text_mention_names_by_id() -> None:
    mark = {"type": "text_mention", "offset": 0, "length": 2, "user": {"id": 99}}
    assert one(message(entities=[mark])).mentions.bot
    assert not one(message(entities=[{**mark, "user": {"id": 8}}])).mentions.bot
    assert not one(message(entities=[{**mark, "user": {}}]), Bot("")).mentions.bot


@pytest.mark.parametrize(("offset", "length"), [(-1, 2), (0, 0), (0, 99), (99, 1), ("0", None)])
def test_an_entity_outside_the_text_marks_nothing(offset: Any, length: Any) -> None:
    assert not one(message(entities=[{"type": "mention", "offset": offset, "length": length}])).mentions.any


TOPICS = [
    ({"is_forum": True}, {"message_thread_id": 5, "is_topic_message": True}, "5"),
    ({"is_forum": True}, {}, "1"),
    ({}, {"message_thread_id": 5}, ""),
    ({}, {"message_thread_id": 5, "is_topic_message": True}, "5"),
]


@pytest.mark.parametrize(("chat", "fields", "thread"), TOPICS)
def test_topics(chat: dict[str, Any], fields: dict[str, Any], thread: str) -> None:
    assert one(message(chat={**GROUP, **chat}, **fields)).thread_id == thread


def test_topics_of_direct_chats_count_where_the_bot_has_them() -> None:
    update = message(chat={"id": 7, "type": "private"}, message_thread_id=3, is_topic_message=True)
    assert one(update).thread_id == ""
    found = one(update, ME._replace(has_topics=True))
    assert (found.thread_id, found.peer.id) == ("3", "7")


def test_a_topic_is_no_quote() -> None:
    replied = message(message_id=5, text="", forum_topic_created={"name": "x"})
    assert one(message(reply_to_message=replied)).quote is None


def test_a_chosen_quote_is_what_is_quoted() -> None:
    found = one(message(reply_to_message=message(message_id=5, text="long text"), quote={"text": "long"}))
    assert found.quote is not None
    assert (found.quote.id, found.quote.sender_id, found.quote.is_bot, found.quote.text) == ("5", "7", False, "long")


def test_a_file_is_told_by_its_type() -> None:
    document = {"file_id": "d", "file_name": "a.png", "mime_type": "image/png", "file_size": 9}
    (file,) = one(message(text="", document=document, animation={"file_id": "a"})).media
    assert (file.kind, file.id) == ("video", "a")
    (file,) = one(message(text="", document=document)).media
    assert (file.kind, file.id, file.name, file.size_bytes) == ("document", "d", "a.png", 9)


def test_an_album_is_known_by_its_id() -> None:
    photo = {"photo": [{"file_id": "p", "width": 1, "height": 1}], "text": "", "media_group_id": "1309"}
    assert (one(message(**photo)).album, one(message()).album) == ("1309", "")
    (edit,) = normalise({"update_id": 1, "edited_message": message(**photo, edit_date=5)}, ME, "default")
    assert edit.album == "", "an edit is not one more of the files"


def test_a_pressed_button_says_its_data() -> None:
    query = {"id": "77", "from": ANN, "data": "yes", "message": message(**{"from": {"id": 99, "is_bot": True}})}
    (found,) = normalise({"update_id": 1, "callback_query": query}, ME, "work")
    assert (found.kind, found.text, found.sender.id, found.message_id, found.account) == (
        "callback",
        "yes",
        "7",
        "77",
        "work",
    )


def test_reactions() -> None:
    reaction = {
        "chat": GROUP,
        "message_id": 5,
        "user": ANN,
        "date": 9,
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    }
    (found,) = normalise({"update_id": 1, "message_reaction": reaction}, ME, "default")
    assert (found.kind, found.text, found.edit_of) == ("reaction", "👍", "5")
    assert normalise({"message_reaction": {**reaction, "user": {"id": 99}}}, ME, "default") == []
    assert normalise({"message_reaction": {**reaction, "new_reaction": []}}, ME, "default") == []


def test_two_edits_are_two_events() -> None:
    keys = set()
    for at in (1, 2):
        (found,) = normalise({"edited_message": message(edit_date=at)}, ME, "default")
        assert (found.kind, found.edit_of) == ("edit", "42")
        keys.add(found.dedupe_key)
    assert len(keys) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "text"]), inner),
    max_leaves=6,
)
FIELDS = ["message_id", "from", "chat", "text", "caption", "entities", "photo", "voice", "reply_to_message", "date"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.sampled_from(["message", "edited_message", "callback_query"]))
def test_no_shape_is_a_crash(fields: dict[str, Any], kind: str) -> None:
    update = {kind: {**message(), **fields}}
    for found in normalise(update, ME, "default"):
        assert isinstance(found.text, str)
        assert found.sender.id
