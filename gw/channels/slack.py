"""Slack: Socket Mode or the Events API in, the Web API out.

Knows no socket; `slack_events` reads what arrives. Invariant: a request is checked before it is parsed, an envelope is
acknowledged after it was handed over; what we write is escaped and unfurls nothing, so that no text of the agent
mentions a channel or makes Slack fetch an address.

Source: docs.slack.dev (verifying requests, Socket Mode, chat.postMessage, chat.update, rate limits).
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from gw.channels import reading, signatures, slack_events
from gw.channels.base import (
    AccountConfig,
    Answer,
    Call,
    Capabilities,
    ChannelStopped,
    Hooked,
    HookRequest,
    Inbound,
    Media,
    Outbound,
    SendLater,
    SendRefused,
    Turn,
)
from gw.channels.reading import Table
from gw.channels.slack_events import Bot, escape
from gw.ports import Json
from gw.wire import json

API_ROOT: Final = "https://slack.com/api"
HELLO_S: Final = 30.0  # a new socket that says nothing for so long is no use
SILENCE_S: Final = 3600.0  # Slack itself replaces connections sooner
KNOWN_THREADS: Final = 1000
CHAT_PAUSE_S: Final = 1.0  # about one message a second in one channel
# Errors that only an administrator can end; the others of a send are about that message.
LOCKED_OUT: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)
PASSING: Final = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
DONE_ALREADY: Final = frozenset({"already_reacted", "message_not_modified"})


class Slack:
    capabilities: ClassVar = Capabilities(
        channel="slack",
        label="Slack",
        chat_types=("direct", "group", "channel", "thread"),
        transports=("socket", "webhook"),
        threads=True,
        reactions=True,
        media=True,
        edit=True,
        unsend=True,
        native_commands=True,
        streaming=True,
        text_limit=8000,
    )
    OPTIONS: ClassVar[Mapping[str, type]] = {"apiRoot": str, "allowBots": bool}
    NEEDS: ClassVar[Mapping[str, Sequence[str]]] = {}
    SECRETS: ClassVar[Mapping[str, Sequence[str]]] = {
        "socket": ("botToken", "appToken"),
        "webhook": ("botToken", "signingSecret"),
    }

    def __init__(self, config: AccountConfig) -> None:
        self.config = config
        self._root = str(config.options.get("apiRoot") or API_ROOT).rstrip("/") + "/"
        self._threads: OrderedDict[str, None] = OrderedDict()  # newest last
        self.bot = Bot("", allow_bots=config.options.get("allowBots") is True, threads=self._threads)

    # --- who we are -------------------------------------------------------------------------------------------

    def hello(self) -> Call:
        return self._call("auth.test", {})

    def met(self, answer: Answer) -> None:
        body = _good(answer)
        self.bot = self.bot._replace(
            user_id=reading.text(body, "user_id"), bot_id=reading.text(body, "bot_id"), name=reading.text(body, "user")
        )

    # --- in ---------------------------------------------------------------------------------------------------

    def hook(self, request: HookRequest, now_ms: int) -> Hooked:
        if request.method != "POST":
            return Hooked(405, reason="method")
        reason = signatures.stamped(
            "v0",
            self.config.secrets["signingSecret"],
            request.headers.get("x-slack-request-timestamp", ""),
            request.body,
            request.headers.get("x-slack-signature", ""),
            now_ms // 1000,
        )
        if reason:
            return Hooked(401, reason=reason)
        try:
            if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
                return Hooked(200, inbound=tuple(self._form(slack_events.form(request.body), now_ms)))
            payload = reading.load(request.body)
        except ValueError:
            return Hooked(400, reason="malformed")
        if payload.get("type") == "url_verification":
            return Hooked(200, reading.text(payload, "challenge").encode())
        return Hooked(200, inbound=tuple(slack_events.normalise(payload, self.bot, self.config.account)))

    def _form(self, fields: Table, now_ms: int) -> list[Inbound]:
        return slack_events.command(fields, self.config.account, now_ms)

    def locate(self, cursor: Json) -> Call:
        return self._call("apps.connections.open", {}, self.config.secrets["appToken"])

    def located(self, answer: Answer) -> str:
        return reading.socket_url(reading.text(_good(answer), "url"), self._root)

    def converse(self, cursor: Json, now: float) -> "SocketMode":
        return SocketMode(self, now)

    def enveloped(self, envelope: Table) -> list[Inbound]:
        payload = reading.table(envelope, "payload")
        if envelope.get("type") == "slash_commands":
            return slack_events.command(payload, self.config.account, 0)
        return slack_events.normalise(payload, self.bot, self.config.account)

    # --- out --------------------------------------------------------------------------------------------------

    def send(self, part: Outbound, now_ms: int) -> Call:
        if part.action == "react":
            asked = {"channel": part.chat_id, "timestamp": part.message_id, "name": part.text.strip(":")}
            return self._call("reactions.add", asked)
        if part.action == "unsend":
            return self._call("chat.delete", {"channel": part.chat_id, "ts": part.message_id})
        message: dict[str, Any] = {"channel": part.chat_id, "text": escape(part.text)}
        if part.action == "edit":
            return self._call("chat.update", {**message, "ts": part.message_id})
        message |= {"unfurl_links": False, "unfurl_media": False}
        thread = part.thread_id or part.reply_to
        if thread:
            message["thread_ts"] = thread
        if part.media:
            message |= _file(part.media[0], part.text)
        return self._call("chat.postMessage", message)

    def sent(self, part: Outbound, answer: Answer) -> str:
        try:
            body = _good(answer)
        except ChannelStopped as stopped:
            raise SendRefused(str(stopped)) from None
        except SendRefused as refused:
            if refused.reason in DONE_ALREADY:
                return part.message_id
            raise
        ts = reading.text(body, "ts") or part.message_id
        thread = part.thread_id or part.reply_to
        if thread:
            self._threads[f"{part.chat_id}:{thread}"] = None
            self._threads.move_to_end(f"{part.chat_id}:{thread}")
            if len(self._threads) > KNOWN_THREADS:
                self._threads.popitem(last=False)
        return ts

    def pause_s(self, answer: Answer) -> float:
        return CHAT_PAUSE_S

    def typing(self, chat_id: str, thread_id: str) -> Call | None:
        return None  # the Web API has none

    def _call(self, method: str, params: Mapping[str, Json], token: str = "") -> Call:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"Bearer {token or self.config.secrets['botToken']}",
        }
        return Call("POST", self._root + method, headers, json.dumps(params))


class SocketMode:
    """One connection: envelopes in, acknowledgements out, until Slack asks us to take a new one."""

    leave_code = 1000
    cursor: Json = None

    def __init__(self, slack: Slack, now: float) -> None:
        self._slack = slack
        self.due = now + HELLO_S

    def feed(self, data: bytes, now: float) -> Turn:
        self.due = now + SILENCE_S
        try:
            envelope = reading.load(data)
        except ValueError:
            return Turn()
        if envelope.get("type") == "disconnect":
            if envelope.get("reason") == "link_disabled":
                raise ChannelStopped("Socket Mode is switched off for this app")
            return Turn(is_over=True)
        envelope_id = reading.text(envelope, "envelope_id")
        if not envelope_id:  # hello
            return Turn()
        acknowledged = json.dumps({"envelope_id": envelope_id})
        return Turn(tuple(self._slack.enveloped(envelope)), send=(acknowledged,))

    def tick(self, now: float) -> Turn:
        return Turn(is_over=now >= self.due)

    def closed(self, code: int) -> Turn:
        return Turn(is_over=True)


def _good(answer: Answer) -> Table:
    """The body of a good answer; Slack says no with status 200."""
    if answer.status == 429:
        raise SendLater("ratelimited", reading.after(answer))
    body = reading.answer(answer)
    if body.get("ok") is True:
        return body
    error = reading.text(body, "error")[:80] or f"status {answer.status}"
    if error in PASSING:
        raise SendLater(error, reading.after(answer))
    if error in LOCKED_OUT:
        raise ChannelStopped(f"Slack refuses the token: {error}")
    raise SendRefused(error)


def _file(file: Media, caption: str) -> dict[str, Any]:
    """A picture by its address is shown; every other file is its address behind the text."""
    name = file.name or file.kind
    if file.kind == "image" and file.url:
        block = {"type": "image", "image_url": file.url, "alt_text": name}
        section = [{"type": "section", "text": {"type": "plain_text", "text": caption}}] if caption else []
        return {"text": escape(caption or name), "blocks": [*section, block]}
    return {"text": escape("\n".join(filter(None, (caption, file.url or file.id))))}
