"""Discord: the bot gateway or signed interactions in, the REST API out.

Knows no socket; `discord_gateway` keeps the connection's state, `discord_messages` reads what arrives. Invariant:
nothing we write mentions anybody (`allowed_mentions` is empty); a nonce makes a repeated send the same message.

Source: docs.discord.com (create message, poll create request, rate limits, receiving and responding to interactions),
API version 10.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar, Final
from urllib.parse import quote

from gw.channels import reading, signatures
from gw.channels.base import (
    AccountConfig,
    Answer,
    Call,
    Capabilities,
    ChannelStopped,
    Hooked,
    HookRequest,
    Outbound,
    Poll,
    SendLater,
    SendRefused,
    Turn,
)
from gw.channels.discord_gateway import DiscordGateway
from gw.channels.discord_messages import COMMAND, COMPONENT, PING, Bot, interaction, normalise, threads_told
from gw.ports import Json
from gw.wire import json

API_ROOT: Final = "https://discord.com/api/v10"
GATEWAY_QUERY: Final = "/?v=10&encoding=json"
# Guilds, guild messages, guild reactions, direct messages, message content (privileged).
INTENTS: Final = 1 | 512 | 1024 | 4096 | 32768
NONCE_CHARACTERS: Final = 25
KNOWN_THREADS: Final = 10_000
USER_AGENT: Final = "DiscordBot (https://openclaw.ai, 1)"
PONG: Final = 1
DEFERRED_MESSAGE: Final = 5
SUPPRESS_NOTIFICATIONS: Final = 1 << 12  # flag of a message
HOUR_S: Final = 3600


class Discord:
    capabilities: ClassVar = Capabilities(
        channel="discord",
        label="Discord",
        chat_types=("direct", "channel", "thread"),
        transports=("socket", "webhook"),
        threads=True,
        reactions=True,
        media=True,
        edit=True,
        unsend=True,
        native_commands=True,
        streaming=True,
        text_limit=2000,
        caption_limit=2000,
        poll_options=10,
    )
    OPTIONS: ClassVar[Mapping[str, type]] = {"apiRoot": str, "allowBots": bool, "intents": int, "publicKey": str}
    NEEDS: ClassVar[Mapping[str, Sequence[str]]] = {"webhook": ("publicKey",)}
    SECRETS: ClassVar[Mapping[str, Sequence[str]]] = {"socket": ("botToken",), "webhook": ("botToken",)}

    def __init__(self, config: AccountConfig) -> None:
        self.config = config
        self._parents: OrderedDict[str, str] = OrderedDict()  # thread -> channel, newest last
        self.bot = Bot("", config.options.get("allowBots") is True, self._parents)
        self._root = str(config.options.get("apiRoot") or API_ROOT).rstrip("/")
        self._public_key = str(config.options.get("publicKey") or "")
        self._tried = ""  # where a session was to be resumed, until one is: that place may be gone
        self._headers = {
            "Authorization": f"Bot {config.secrets['botToken']}",
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
        }

    # --- who we are -------------------------------------------------------------------------------------------

    def hello(self) -> Call:
        return self._call("GET", "/users/@me")

    def met(self, answer: Answer) -> None:
        self.bot = self.bot._replace(id=reading.ident(_good(answer), "id"))

    # --- in ---------------------------------------------------------------------------------------------------

    def locate(self, cursor: Json) -> Call | str:
        url = reading.text(reading.table(cursor), "url")
        if not url or url == self._tried:
            return self._call("GET", "/gateway/bot")
        self._tried = url
        return reading.socket_url(url, self._root).rstrip("/") + GATEWAY_QUERY

    def located(self, answer: Answer) -> str:
        body = _good(answer)
        starts = reading.table(body, "session_start_limit")
        if "remaining" in starts and reading.number(starts, "remaining") < 1:
            raise SendLater("no session starts left", reading.number(starts, "reset_after") / 1000)
        return reading.socket_url(reading.text(body, "url"), self._root).rstrip("/") + GATEWAY_QUERY

    def converse(self, cursor: Json, now: float) -> DiscordGateway:
        intents = int(self.config.options.get("intents") or INTENTS)
        return DiscordGateway(self.config.secrets["botToken"], intents, cursor, now, self._dispatched)

    def _dispatched(self, event: str, data: reading.Table) -> Turn:
        if event in ("READY", "RESUMED"):
            self._tried = ""
        if event == "INTERACTION_CREATE":
            inbound = tuple(interaction(data, self.config.account, 0))
            return Turn(inbound, calls=tuple(self._seen(data) for _ in inbound))
        for thread, parent in threads_told(event, data).items():
            self._parents[thread] = parent
            self._parents.move_to_end(thread)
            if len(self._parents) > KNOWN_THREADS:
                self._parents.popitem(last=False)
        return Turn(tuple(normalise(event, data, self.bot, self.config.account)))

    def _seen(self, data: reading.Table) -> Call:
        """An interaction fails after three seconds, unless it hears that an answer will come."""
        place = f"/interactions/{_safe(reading.ident(data, 'id'))}/{_safe(reading.text(data, 'token'))}/callback"
        return self._call("POST", place, {"type": DEFERRED_MESSAGE})

    def hook(self, request: HookRequest, now_ms: int) -> Hooked:
        """An interaction. Discord itself sends bad signatures now and then, to see them refused."""
        if request.method != "POST":
            return Hooked(405, reason="method")
        timestamp = request.headers.get("x-signature-timestamp", "")
        signature = request.headers.get("x-signature-ed25519", "")
        reason = signatures.ed25519(self._public_key, timestamp, request.body, signature)
        reason = reason or signatures.fresh(timestamp, now_ms // 1000)
        if reason:
            return Hooked(401, reason=reason)
        try:
            data = reading.load(request.body)
        except ValueError:
            return Hooked(400, reason="malformed")
        kind = reading.number(data, "type")
        if kind == PING:
            return _interaction_answer(PONG)
        if kind not in (COMMAND, COMPONENT):
            return Hooked(400, reason="type")
        answered = _interaction_answer(DEFERRED_MESSAGE)
        return answered._replace(inbound=tuple(interaction(data, self.config.account, now_ms)))

    # --- out --------------------------------------------------------------------------------------------------

    def send(self, part: Outbound, now_ms: int) -> Call:
        place = f"/channels/{_safe(part.chat_id)}/messages"
        if part.action == "unsend":
            return self._call("DELETE", f"{place}/{_safe(part.message_id)}")
        if part.action == "react":
            return self._call("PUT", f"{place}/{_safe(part.message_id)}/reactions/{_safe(part.text)}/@me")
        said = {"content": part.text} if part.poll is None else _poll(part.text, part.poll)
        message: dict[str, Any] = {**said, "allowed_mentions": {"parse": []}}
        if part.action == "edit":
            return self._call("PATCH", f"{place}/{_safe(part.message_id)}", message)
        if part.media:
            message |= _file(part)
        if part.reply_token:
            place = "/webhooks/" + "/".join(map(_safe, part.reply_token.split("/")))
            if part.part_index == 0:
                return self._call("PATCH", place + "/messages/@original", message)
            return self._call("POST", place + "?wait=true", message)
        if part.thread_id:  # a thread is a channel of its own
            place = f"/channels/{_safe(part.thread_id)}/messages"
        if part.reply_to:
            message["message_reference"] = {"message_id": part.reply_to, "fail_if_not_exists": False}
        if part.key:
            digest = sha256(f"{part.key}#{part.part_index}".encode()).hexdigest()
            message |= {"nonce": digest[:NONCE_CHARACTERS], "enforce_nonce": True}
        return self._call("POST", place, message)

    def sent(self, part: Outbound, answer: Answer) -> str:
        if answer.status == 204:
            return part.message_id
        try:
            return reading.ident(_good(answer), "id")
        except ChannelStopped as stopped:
            raise SendRefused(str(stopped)) from None

    def pause_s(self, answer: Answer) -> float:
        """A bucket that is empty now would refuse the next one, and refusals count towards a ban."""
        if answer.headers.get("x-ratelimit-remaining") != "0":
            return 0.0
        return reading.seconds(answer.headers.get("x-ratelimit-reset-after")) or 0.0

    def typing(self, chat_id: str, thread_id: str) -> Call:
        return self._call("POST", f"/channels/{_safe(thread_id or chat_id)}/typing")._replace(timeout_s=5.0)

    def _call(self, method: str, path: str, body: Json = None) -> Call:
        return Call(method, self._root + path, self._headers, b"" if body is None else json.dumps(body))


def _safe(piece: str) -> str:
    """One segment of a path. Ids come from events: what is none must not lead elsewhere."""
    if not piece or piece in (".", ".."):
        raise SendRefused("not an id of Discord")
    return quote(piece, safe="")


def _file(part: Outbound) -> dict[str, Any]:
    file = part.media[0]
    if file.kind == "image" and file.url:
        return {"embeds": [{"image": {"url": file.url}}]}
    return {"content": "\n".join(filter(None, (part.text, file.url)))}


def _poll(question: str, poll: Poll) -> dict[str, Any]:
    """Who voted for what is always to be seen here, and time is counted in hours."""
    if poll.is_anonymous:
        raise SendRefused("no poll of Discord is anonymous")
    if poll.open_s % HOUR_S:
        raise SendRefused("a poll of Discord is open for whole hours")
    asked: dict[str, Any] = {
        "question": {"text": question},
        "answers": [{"poll_media": {"text": option}} for option in poll.options],
        "allow_multiselect": poll.is_multiple,
    }
    if poll.open_s:
        asked["duration"] = poll.open_s // HOUR_S
    return {"poll": asked, **({"flags": SUPPRESS_NOTIFICATIONS} if poll.is_silent else {})}


def _interaction_answer(kind: int) -> Hooked:
    return Hooked(200, json.dumps({"type": kind}), "application/json")


def _good(answer: Answer) -> reading.Table:
    body = reading.answer(answer)
    if 200 <= answer.status < 300:
        return body
    if answer.status == 429:
        wait = reading.seconds(body.get("retry_after"))
        raise SendLater("ratelimited", wait if wait is not None else reading.after(answer))
    if answer.status == 401:
        raise ChannelStopped("the bot token is refused")
    raise SendRefused(f"{answer.status} {reading.ident(body, 'code')}".strip())
