"""What a Telegram update says, as `Inbound`.

Pure. Invariant: entity offsets count UTF-16 code units; a mention is what Telegram marked as one, never what the text
looks like; forwarded text mentions and commands nobody; the bot's own messages and commands for other bots are nothing.

Source: core.telegram.org/bots/api (Update, Message, MessageEntity); rules: openclaw/CHANNELS.md section 4.1.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from gw.channels import reading
from gw.channels.base import MEDIA_TEXT, Command, Inbound, Media, Mentions, Peer, Quote, Sender
from gw.channels.reading import Table

GENERAL_TOPIC: Final = "1"
CHAT_TYPES: Final[Mapping[str, str]] = {
    "private": "direct",
    "group": "group",
    "supergroup": "group",
    "channel": "channel",
}
MESSAGES: Final[Mapping[str, str]] = {
    "message": "message",
    "channel_post": "message",
    "edited_message": "edit",
    "edited_channel_post": "edit",
}
# Field of a message -> kind of file. A photo comes in several sizes.
FILES: Final[Mapping[str, str]] = {
    "animation": "video",
    "video": "video",
    "video_note": "video",
    "audio": "audio",
    "voice": "audio",
    "sticker": "sticker",
    "document": "document",
}


class Bot(NamedTuple):
    id: str
    username: str = ""
    has_topics: bool = False  # in direct chats


def normalise(update: Table, bot: Bot, account: str) -> list[Inbound]:
    for field, kind in MESSAGES.items():
        if field in update:
            return _message(reading.table(update, field), kind, bot, account)
    if "callback_query" in update:
        return _callback(reading.table(update, "callback_query"), account)
    if "message_reaction" in update:
        return _reaction(reading.table(update, "message_reaction"), bot, account)
    return []


def _message(message: Table, kind: str, bot: Bot, account: str) -> list[Inbound]:
    chat = reading.table(message, "chat")
    chat_type = CHAT_TYPES.get(reading.text(chat, "type"))
    message_id, chat_id = reading.ident(message, "message_id"), reading.ident(chat, "id")
    sender = _sender(message)
    text = reading.text(message, "text") or reading.text(message, "caption")
    media = _media(message)
    is_whole = message_id and chat_id and sender.id and (text or media)
    if chat_type is None or not is_whole or sender.id == bot.id:
        return []
    is_forwarded = "forward_origin" in message or "forward_date" in message
    marks = [] if is_forwarded else _marks(message)
    if any(mark.kind == "bot_command" and mark.is_for_another(bot) for mark in marks):
        return []
    thread = _thread(message, chat, chat_type, bot)
    whole = Peer(chat_type, chat_id)
    quote = _quote(message, bot)
    inbound = Inbound(
        channel="telegram",
        account=account,
        message_id=message_id,
        timestamp_ms=reading.number(message, "date") * 1000,
        chat_type=chat_type,
        chat_id=chat_id,
        peer=whole._replace(id=f"{chat_id}:topic:{thread}") if thread and chat_type != "direct" else whole,
        sender=sender,
        text=text or MEDIA_TEXT[media[0].kind],
        kind=kind,
        thread_id=thread,
        parent_peer=whole if thread and chat_type != "direct" else None,
        topic=reading.text(chat, "title"),
        commands=tuple(mark.command(text) for mark in marks if mark.kind == "bot_command" and mark.start == 0),
        mentions=_mentions(marks, quote, bot),
        quote=quote,
        is_forwarded=is_forwarded,
        media=media,
        album=reading.ident(message, "media_group_id") if kind == "message" else "",
    )
    if kind == "edit":  # every edit of a message is an event of its own
        edited = reading.ident(message, "edit_date")
        inbound = inbound._replace(edit_of=message_id, message_id=f"{message_id}#{edited}")
    return [inbound]


def _sender(message: Table) -> Sender:
    """Anonymous administrators and channels write as a chat."""
    chat = reading.table(message, "sender_chat")
    if chat:
        return Sender(reading.ident(chat, "id"), reading.text(chat, "title"), reading.text(chat, "username"))
    return _person(reading.table(message, "from"))


def _person(user: Table) -> Sender:
    names = (reading.text(user, "first_name"), reading.text(user, "last_name"))
    return Sender(
        id=reading.ident(user, "id"),
        name=" ".join(filter(None, names)),
        username=reading.text(user, "username"),
        is_bot=user.get("is_bot") is True,
    )


def _thread(message: Table, chat: Table, chat_type: str, bot: Bot) -> str:
    topic = reading.ident(message, "message_thread_id")
    if chat_type == "direct":
        return topic if bot.has_topics and message.get("is_topic_message") is True else ""
    if chat.get("is_forum") is True:
        return topic or GENERAL_TOPIC
    return topic if message.get("is_topic_message") is True else ""


def _quote(message: Table, bot: Bot) -> Quote | None:
    replied = reading.table(message, "reply_to_message")
    if not replied or "forum_topic_created" in replied:  # how every message in a topic points at the topic
        return None
    sender = _sender(replied)
    text = reading.text(reading.table(message, "quote"), "text")
    text = text or reading.text(replied, "text") or reading.text(replied, "caption")
    return Quote(reading.ident(replied, "message_id"), sender.id, bool(bot.id) and sender.id == bot.id, text)


# --- entities -------------------------------------------------------------------------------------------------------


class _Mark(NamedTuple):
    kind: str
    start: int  # in characters of Python
    end: int
    text: str
    user_id: str  # of a text_mention

    def is_for_another(self, bot: Bot) -> bool:
        name = self.text.partition("@")[2]
        return bool(name) and name.lower() != bot.username.lower()

    def command(self, text: str) -> Command:
        return Command(self.text[1:].partition("@")[0].lower(), text[self.end :].strip())

    def names(self, bot: Bot) -> bool:
        if self.kind == "text_mention":
            return self.user_id == bot.id != ""
        name = self.text.partition("@")[2]
        return bool(bot.username) and name.lower() == bot.username.lower()


def _marks(message: Table) -> list[_Mark]:
    field = "text" if reading.text(message, "text") else "caption"
    raw = reading.text(message, field).encode("utf-16-le", "surrogatepass")
    marks = []
    for entity in reading.rows(message, "entities" if field == "text" else "caption_entities"):
        offset, length = reading.number(entity, "offset"), reading.number(entity, "length")
        if offset < 0 or length <= 0 or 2 * (offset + length) > len(raw):
            continue
        start = len(raw[: 2 * offset].decode("utf-16-le", "ignore"))
        text = raw[2 * offset : 2 * (offset + length)].decode("utf-16-le", "ignore")
        user = reading.ident(reading.table(entity, "user"), "id")
        marks.append(_Mark(reading.text(entity, "type"), start, start + len(text), text, user))
    return marks


def _mentions(marks: list[_Mark], quote: Quote | None, bot: Bot) -> Mentions:
    found = [
        mark
        for mark in marks
        if mark.kind in ("mention", "text_mention") or (mark.kind == "bot_command" and "@" in mark.text)
    ]
    return Mentions(
        bot=any(mark.names(bot) for mark in found),
        any=bool(found),
        implicit=("reply_to_bot",) if quote is not None and quote.is_bot else (),
        users=tuple(mark.user_id or mark.text.partition("@")[2] for mark in found),
    )


# --- the rest -------------------------------------------------------------------------------------------------------


def _media(message: Table) -> tuple[Media, ...]:
    found = []
    photos = reading.rows(message, "photo")
    if photos:
        largest = max(photos, key=lambda size: reading.number(size, "width") * reading.number(size, "height"))
        found.append(Media("image", reading.ident(largest, "file_id"), size_bytes=reading.number(largest, "file_size")))
    for field, kind in FILES.items():
        file = reading.table(message, field)
        if file and not found:  # an animation is also given as a document
            found.append(
                Media(
                    kind,
                    reading.ident(file, "file_id"),
                    mime=reading.text(file, "mime_type"),
                    size_bytes=reading.number(file, "file_size"),
                    name=reading.text(file, "file_name"),
                )
            )
    return tuple(file for file in found if file.id)


def _callback(query: Table, account: str) -> list[Inbound]:
    """A button of ours was pressed; its data is what was said."""
    found = _event(reading.table(query, "message"), query, "callback", account, reading.text(query, "data"))
    query_id = reading.ident(query, "id")
    return [event._replace(message_id=query_id) for event in found if query_id]


def _reaction(reaction: Table, bot: Bot, account: str) -> list[Inbound]:
    emoji = [reading.text(row, "emoji") for row in reading.rows(reaction, "new_reaction")]
    found = _event(reaction, {"from": reaction.get("user")}, "reaction", account, " ".join(filter(None, emoji)))
    at = reading.number(reaction, "date")
    return [
        event._replace(message_id=f"{event.message_id}#{event.sender.id}#{at}", edit_of=event.message_id)
        for event in found
        if event.message_id and event.sender.id != bot.id
    ]


def _event(message: Table, source: Table, kind: str, account: str, text: str) -> list[Inbound]:
    chat = reading.table(message, "chat")
    chat_type = CHAT_TYPES.get(reading.text(chat, "type"))
    sender = _person(reading.table(source, "from"))
    if chat_type is None or not (sender.id and text and reading.ident(chat, "id")):
        return []
    return [
        Inbound(
            channel="telegram",
            account=account,
            message_id=reading.ident(message, "message_id"),
            timestamp_ms=reading.number(message, "date") * 1000,
            chat_type=chat_type,
            chat_id=reading.ident(chat, "id"),
            peer=Peer(chat_type, reading.ident(chat, "id")),
            sender=sender,
            text=text,
            kind=kind,
            topic=reading.text(chat, "title"),
        )
    ]
