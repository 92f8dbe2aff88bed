"""What a Slack event says, as `Inbound`.

Pure. Invariant: text is what its reader sees (references, links and entities resolved); mentions are references outside
code; own messages, edits and joins are nothing; `message` and `app_mention` of one message have one dedupe key.

Source: docs.slack.dev (Events API, message event, formatting text); rules: openclaw/CHANNELS.md section 5.1.
"""

from collections.abc import Container, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from gw.channels import reading
from gw.channels.base import MEDIA_TEXT, Command, Inbound, Media, Mentions, Peer, Sender
from gw.channels.reading import Table

KEPT_SUBTYPES: Final = frozenset({"", "file_share", "thread_broadcast", "me_message"})
CHAT_TYPES: Final[Mapping[str, str]] = {"im": "direct", "mpim": "group", "channel": "channel", "group": "channel"}
# First letter of a channel id, for events that do not say the type.
ID_TYPES: Final[Mapping[str, str]] = {"D": "direct", "G": "group", "C": "channel"}
ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


class Bot(NamedTuple):
    user_id: str
    bot_id: str = ""
    name: str = ""
    allow_bots: bool = False
    threads: Container[str] = ()  # `<channel>:<thread_ts>` where we have written


def normalise(payload: Table, bot: Bot, account: str) -> list[Inbound]:
    """The payload of an event callback, over HTTP or a socket."""
    event = reading.table(payload, "event")
    team = reading.text(payload, "team_id") or reading.text(event, "team")
    if reading.text(event, "type") in ("message", "app_mention"):
        return _message(event, team, bot, account)
    if reading.text(event, "type") == "reaction_added":
        return _reaction(event, team, bot, account)
    return []


def _message(event: Table, team: str, bot: Bot, account: str) -> list[Inbound]:
    sender = Sender(
        id=reading.text(event, "user") or reading.text(event, "bot_id"),
        name=reading.text(event, "username"),
        is_bot="bot_id" in event,
    )
    is_own = sender.id == bot.user_id or (bot.bot_id and reading.text(event, "bot_id") == bot.bot_id)
    subtype = reading.text(event, "subtype")
    is_kept = subtype in KEPT_SUBTYPES or (subtype == "bot_message" and bot.allow_bots)
    channel, ts = reading.text(event, "channel"), reading.text(event, "ts")
    if is_own or not is_kept or (sender.is_bot and not bot.allow_bots) or not (channel and ts and sender.id):
        return []
    raw = reading.text(event, "text")
    media = tuple(_media(event))
    if not raw and not media:
        return []
    thread = reading.text(event, "thread_ts")
    thread = "" if thread == ts else thread
    chat_type = _chat_type(event, channel)
    return [
        Inbound(
            channel="slack",
            account=account,
            message_id=ts,
            timestamp_ms=_milliseconds(ts),
            chat_type=chat_type,
            chat_id=channel,
            peer=Peer(chat_type, sender.id if chat_type == "direct" else channel),
            sender=sender,
            text=resolve(raw, bot) if raw else MEDIA_TEXT[media[0].kind],
            thread_id=thread,
            team_id=team,
            mentions=_mentions(event, raw, channel, thread, bot),
            media=media,
        )
    ]


def _chat_type(event: Table, channel: str) -> str:
    return CHAT_TYPES.get(reading.text(event, "channel_type")) or ID_TYPES.get(channel[:1], "channel")


def _mentions(event: Table, raw: str, channel: str, thread: str, bot: Bot) -> Mentions:
    users: list[str] = []
    is_any = False
    for part, is_reference in _parts(_outside_code(raw)):
        if is_reference and part.startswith(("@", "!")):
            is_any = True
            if part[0] == "@":
                users.append(part[1:].partition("|")[0])
    is_bot = bot.user_id in users or reading.text(event, "type") == "app_mention"
    implicit = []
    if thread and reading.text(event, "parent_user_id") == bot.user_id != "":
        implicit.append("reply_to_bot")
    elif thread and f"{channel}:{thread}" in bot.threads:
        implicit.append("bot_thread_participant")
    return Mentions(is_bot, is_bot or is_any, tuple(implicit), tuple(users))


def _media(event: Table) -> Iterator[Media]:
    for file in reading.rows(event, "files"):
        mime = reading.text(file, "mimetype")
        kind = mime.partition("/")[0]
        yield Media(
            kind=kind if kind in ("image", "video", "audio") else "document",
            id=reading.text(file, "id"),
            mime=mime,
            size_bytes=reading.number(file, "size"),
            name=reading.text(file, "name"),
        )


def _reaction(event: Table, team: str, bot: Bot, account: str) -> list[Inbound]:
    item = reading.table(event, "item")
    channel, ts, user = reading.text(item, "channel"), reading.text(item, "ts"), reading.text(event, "user")
    name = reading.text(event, "reaction")
    if not (channel and ts and user and name) or user == bot.user_id:
        return []
    chat_type = _chat_type(item, channel)
    return [
        Inbound(
            channel="slack",
            account=account,
            message_id=f"{ts}#{user}#{name}",
            timestamp_ms=_milliseconds(reading.text(event, "event_ts")),
            chat_type=chat_type,
            chat_id=channel,
            peer=Peer(chat_type, user if chat_type == "direct" else channel),
            sender=Sender(user),
            text=f":{name}:",
            kind="reaction",
            edit_of=ts,
            team_id=team,
        )
    ]


def form(body: bytes) -> Table:
    """A form-encoded request. Raises ValueError."""
    return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))


def command(payload: Table, account: str, now_ms: int) -> list[Inbound]:
    """A slash command: the same fields over HTTP (as a form) and over a socket."""
    name, channel, user = (reading.text(payload, field) for field in ("command", "channel_id", "user_id"))
    trigger = reading.text(payload, "trigger_id")
    if not (name.startswith("/") and channel and user and trigger):
        return []
    args = reading.text(payload, "text").strip()
    chat_type = ID_TYPES.get(channel[:1], "channel")
    return [
        Inbound(
            channel="slack",
            account=account,
            message_id=trigger,
            timestamp_ms=now_ms,
            chat_type=chat_type,
            chat_id=channel,
            peer=Peer(chat_type, user if chat_type == "direct" else channel),
            sender=Sender(user, username=reading.text(payload, "user_name")),
            text=f"{name} {args}".strip(),
            kind="command",
            team_id=reading.text(payload, "team_id"),
            commands=(Command(name[1:].lower(), args),),
            mentions=Mentions(bot=True, any=True),
        )
    ]


# --- text -----------------------------------------------------------------------------------------------------------


def resolve(raw: str, bot: Bot) -> str:
    """Slack's markup as its reader sees it."""
    return "".join(_shown(part, bot) if is_reference else _unescape(part) for part, is_reference in _parts(raw))


def escape(text: str) -> str:
    """Text that stays text: no reference, no `<!channel>`."""
    for entity, character in reversed(ENTITIES):
        text = text.replace(character, entity)
    return text


def _unescape(text: str) -> str:
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    return text


def _parts(raw: str) -> Iterator[tuple[str, bool]]:
    """Yield (text, False) and (inside of <...>, True) in order; a `<` that nothing closes is text."""
    at = 0
    while (start := raw.find("<", at)) >= 0 and (end := raw.find(">", start)) >= 0:
        yield raw[at:start], False
        yield raw[start + 1 : end], True
        at = end + 1
    yield raw[at:], False


def _shown(reference: str, bot: Bot) -> str:
    target, _, label = reference.partition("|")
    target, label = _unescape(target), _unescape(label)
    if target.startswith("@"):
        return "@" + (label or (bot.name if target[1:] == bot.user_id else "") or target[1:]).removeprefix("@")
    if target.startswith("#"):
        return "#" + (label or target[1:])
    if target.startswith("!"):
        return label or "@" + target[1:].partition("^")[0]
    return f"{label} ({target})" if label and label != target else target


def _outside_code(raw: str) -> str:
    outside_blocks = " ".join(raw.split("```")[::2])
    return " ".join(outside_blocks.split("`")[::2])


def _milliseconds(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    if not (ts.isascii() and seconds.isdigit() and len(seconds) < 14):
        return 0
    return int(seconds) * 1000 + (int(fraction[:3].ljust(3, "0")) if fraction.isdigit() else 0)
