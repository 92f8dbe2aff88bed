"""What a Discord message or interaction says, as `Inbound`.

Pure. Invariant: a mention is an entry of `mentions`, never what the text looks like; own messages, other bots (unless
allowed) and system messages are nothing; what is forwarded mentions nobody.

Source: docs.discord.com (message object, receiving and responding to interactions); rules: openclaw/CHANNELS.md 6.1.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from gw.channels import reading
from gw.channels.base import MEDIA_TEXT, Command, Inbound, Media, Mentions, Peer, Quote, Sender
from gw.channels.reading import Table

ORDINARY: Final = frozenset({0, 19})  # default, reply
# Interaction types
PING: Final = 1
COMMAND: Final = 2
COMPONENT: Final = 3


class Bot(NamedTuple):
    id: str
    allow_bots: bool = False
    parents: Mapping[str, str] = {}  # thread -> its channel


def threads_told(event: str, data: Table) -> dict[str, str]:
    """Thread -> channel, from the few events that say so; messages in threads do not."""
    rows = [data] if event in ("THREAD_CREATE", "THREAD_UPDATE") else reading.rows(data, "threads")
    found = {reading.ident(row, "id"): reading.ident(row, "parent_id") for row in rows}
    return {thread: parent for thread, parent in found.items() if thread and parent}


def normalise(event: str, data: Table, bot: Bot, account: str) -> list[Inbound]:
    """A dispatch of the gateway."""
    kind = {"MESSAGE_CREATE": "message", "MESSAGE_UPDATE": "edit"}.get(event)
    if kind is not None:
        return _message(data, kind, bot, account)
    if event == "MESSAGE_REACTION_ADD":
        return _reaction(data, bot, account)
    return []


def _message(data: Table, kind: str, bot: Bot, account: str) -> list[Inbound]:
    author = reading.table(data, "author")
    sender = _sender(author, reading.table(data, "member"))
    message_id, channel = reading.ident(data, "id"), reading.ident(data, "channel_id")
    is_system = reading.number(data, "type") not in ORDINARY
    is_untold = kind == "edit" and not reading.text(data, "edited_timestamp")  # Discord only unfurled a link
    if not (message_id and channel and sender.id) or sender.id == bot.id or is_system or is_untold:
        return []
    if (sender.is_bot or "webhook_id" in data) and not bot.allow_bots:
        return []
    forwarded = [reading.table(row, "message") for row in reading.rows(data, "message_snapshots")]
    content = reading.text(data, "content") or "\n".join(reading.text(row, "content") for row in forwarded)
    media = _media(data) + tuple(file for row in forwarded for file in _media(row))
    if not content and not media:
        return []
    guild = reading.ident(data, "guild_id")
    chat_type = "channel" if guild else "direct"
    quote = None if forwarded else _quote(data, bot)
    parent = bot.parents.get(channel, "")
    inbound = Inbound(
        channel="discord",
        account=account,
        message_id=message_id,
        timestamp_ms=_milliseconds(reading.text(data, "timestamp")),
        chat_type=chat_type,
        chat_id=channel,
        peer=Peer(chat_type, channel if guild else sender.id),
        sender=sender,
        text=_resolve(content, data) if content else MEDIA_TEXT[media[0].kind],
        kind=kind,
        thread_id=channel if parent else "",
        parent_peer=Peer("channel", parent) if parent else None,
        guild_id=guild,
        mentions=Mentions() if forwarded else _mentions(data, quote, bot),
        quote=quote,
        is_forwarded=bool(forwarded),
        media=media,
    )
    if kind == "edit":
        edited = reading.text(data, "edited_timestamp")
        inbound = inbound._replace(edit_of=message_id, message_id=f"{message_id}#{edited}")
    return [inbound]


def _sender(user: Table, member: Table) -> Sender:
    roles = member.get("roles")
    return Sender(
        id=reading.ident(user, "id"),
        name=reading.text(member, "nick") or reading.text(user, "global_name"),
        username=reading.text(user, "username"),
        is_bot=user.get("bot") is True,
        roles=tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else (),
    )


def _mentions(data: Table, quote: Quote | None, bot: Bot) -> Mentions:
    users = tuple(reading.ident(user, "id") for user in reading.rows(data, "mentions"))
    return Mentions(
        bot=bool(bot.id) and bot.id in users,
        any=bool(users) or bool(data.get("mention_roles")) or data.get("mention_everyone") is True,
        implicit=("reply_to_bot",) if quote is not None and quote.is_bot else (),
        users=users,
    )


def _quote(data: Table, bot: Bot) -> Quote | None:
    reference = reading.ident(reading.table(data, "message_reference"), "message_id")
    if not reference:
        return None
    replied = reading.table(data, "referenced_message")
    author = reading.ident(reading.table(replied, "author"), "id")
    return Quote(reference, author, bool(bot.id) and author == bot.id, reading.text(replied, "content"))


def _media(data: Table) -> tuple[Media, ...]:
    return tuple(
        Media(
            kind=_kind(reading.text(file, "content_type")),
            id=reading.ident(file, "id"),
            url=reading.text(file, "url"),
            mime=reading.text(file, "content_type"),
            size_bytes=reading.number(file, "size"),
            name=reading.text(file, "filename"),
        )
        for file in reading.rows(data, "attachments")
    )


def _kind(mime: str) -> str:
    kind = mime.partition("/")[0]
    return kind if kind in ("image", "video", "audio") else "document"


def _reaction(data: Table, bot: Bot, account: str) -> list[Inbound]:
    member = reading.table(data, "member")
    user = reading.ident(data, "user_id")
    message_id, channel = reading.ident(data, "message_id"), reading.ident(data, "channel_id")
    emoji = reading.text(reading.table(data, "emoji"), "name")
    if not (user and message_id and channel and emoji) or user == bot.id:
        return []
    guild = reading.ident(data, "guild_id")
    chat_type = "channel" if guild else "direct"
    return [
        Inbound(
            channel="discord",
            account=account,
            message_id=f"{message_id}#{user}#{emoji}",
            timestamp_ms=0,
            chat_type=chat_type,
            chat_id=channel,
            peer=Peer(chat_type, channel if guild else user),
            sender=_sender(reading.table(member, "user"), member)._replace(id=user),
            text=emoji,
            kind="reaction",
            edit_of=message_id,
            guild_id=guild,
        )
    ]


def interaction(data: Table, account: str, now_ms: int) -> list[Inbound]:
    """A slash command or a pressed button. What it answers with is its token, good for 15 minutes."""
    asked = reading.table(data, "data")
    member = reading.table(data, "member")
    sender = _sender(reading.table(member, "user") or reading.table(data, "user"), member)
    channel = reading.ident(data, "channel_id") or reading.ident(reading.table(data, "channel"), "id")
    token, application = reading.text(data, "token"), reading.ident(data, "application_id")
    is_command = reading.number(data, "type") == COMMAND
    name = reading.text(asked, "name")
    args = " ".join(_option(row) for row in reading.rows(asked, "options"))
    text = f"/{name} {args}".strip() if is_command else reading.text(asked, "custom_id")
    if not (reading.ident(data, "id") and sender.id and channel and token and application and text):
        return []
    guild = reading.ident(data, "guild_id")
    chat_type = "channel" if guild else "direct"
    return [
        Inbound(
            channel="discord",
            account=account,
            message_id=reading.ident(data, "id"),
            timestamp_ms=now_ms,
            chat_type=chat_type,
            chat_id=channel,
            peer=Peer(chat_type, channel if guild else sender.id),
            sender=sender,
            text=text,
            kind="command" if is_command else "callback",
            guild_id=guild,
            commands=(Command(name, args),) if is_command else (),
            mentions=Mentions(bot=True, any=True),
            reply_token=f"{application}/{token}",
        )
    ]


def _option(row: Table) -> str:
    """The value of an option; a subcommand is its name and the values below it."""
    below = reading.rows(row, "options")
    if below:
        return " ".join([reading.text(row, "name"), *(reading.ident(option, "value") for option in below)])
    return reading.ident(row, "value") or reading.text(row, "name")


# --- text -----------------------------------------------------------------------------------------------------------


def _resolve(content: str, data: Table) -> str:
    """References as their reader sees them: names where the event tells them, ids elsewhere."""
    names = {
        reading.ident(user, "id"): reading.text(user, "global_name") or reading.text(user, "username")
        for user in reading.rows(data, "mentions")
    }
    shown, at = [], 0
    while (start := content.find("<", at)) >= 0 and (end := content.find(">", start)) >= 0:
        name = _shown(content[start + 1 : end], names)
        shown.append(content[at:start])
        shown.append(content[start : start + 1] if name is None else name)
        at = start + 1 if name is None else end + 1
    return "".join(shown) + content[at:]


def _shown(reference: str, names: Mapping[str, str]) -> str | None:
    """None: not a reference."""
    for mark, sign in (("@&", "@"), ("@!", "@"), ("@", "@"), ("#", "#")):
        if reference.startswith(mark):
            target = reference.removeprefix(mark)
            return sign + (names.get(target) or target) if target.isdigit() and target.isascii() else None
    if reference.startswith((":", "a:")) and reference.count(":") == 2:
        return f":{reference.split(':')[1]}:"
    return None


def _milliseconds(timestamp: str) -> int:
    try:
        return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
    except ValueError:
        return 0
