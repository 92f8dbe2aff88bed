"""Telegram's Bot API: long poll or webhook in, method calls out.

Knows no socket and keeps no file; `telegram_updates` reads what arrives. Invariant: the bot token is only ever in the
URLs of Calls; an update is acknowledged (by the next offset, or by 200) after it was handed over; text is sent without
a parse mode, so nothing the agent writes can become markup.

Source: core.telegram.org/bots/api (getUpdates, setWebhook, sendMessage, sendPoll, editMessageText, ResponseParameters).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from gw.channels import reading, signatures
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
    Poll,
    Polled,
    SendLater,
    SendRefused,
)
from gw.channels.telegram_updates import GENERAL_TOPIC, Bot, normalise
from gw.ports import Json
from gw.wire import json

API_ROOT: Final = "https://api.telegram.org"
POLL_S: Final = 30
POLL_SLACK_S: Final = 15.0  # past the poll's own time before it counts as hung
POLL_LIMIT: Final = 100
CONFLICT_PAUSE_S: Final = 30.0
CHAT_PAUSE_S: Final = 1.0  # about one message a second in one chat
UPDATES: Final = ("message", "edited_message", "channel_post", "callback_query", "message_reaction")
HEADERS: Final = {"Content-Type": "application/json"}
# Kind of file -> method and its field.
FILES: Final[Mapping[str, tuple[str, str]]] = {
    "image": ("sendPhoto", "photo"),
    "video": ("sendVideo", "video"),
    "audio": ("sendAudio", "audio"),
    "sticker": ("sendSticker", "sticker"),
    "document": ("sendDocument", "document"),
}


class Telegram:
    capabilities: ClassVar = Capabilities(
        channel="telegram",
        label="Telegram",
        chat_types=("direct", "group", "channel", "thread"),
        transports=("poll", "webhook"),
        threads=True,
        reactions=True,
        media=True,
        edit=True,
        unsend=True,
        native_commands=True,
        streaming=True,
        poll_options=12,
    )
    OPTIONS: ClassVar[Mapping[str, type]] = {"apiRoot": str, "webhookUrl": str, "pollSeconds": int}
    NEEDS: ClassVar[Mapping[str, Sequence[str]]] = {}
    SECRETS: ClassVar[Mapping[str, Sequence[str]]] = {
        "poll": ("botToken",),
        "webhook": ("botToken", "webhookSecret"),
    }

    def __init__(self, config: AccountConfig) -> None:
        self.config = config
        self.transport = config.transport or "poll"
        self.bot = Bot("")
        self._root = f"{str(config.options.get('apiRoot') or API_ROOT).rstrip('/')}/bot{config.secrets['botToken']}/"
        self._poll_s = max(1, min(50, int(config.options.get("pollSeconds") or POLL_S)))
        self._secret = config.secrets.get("webhookSecret", "")
        self._has_polled = False

    # --- who we are -------------------------------------------------------------------------------------------

    def hello(self) -> Call:
        return self._call("getMe", {})

    def met(self, answer: Answer) -> Call | None:
        result = self._result(answer)
        if not isinstance(result, dict):  # the answer to setWebhook or deleteWebhook
            return None
        self.bot = Bot(
            reading.ident(result, "id"),
            reading.text(result, "username"),
            result.get("has_topics_enabled") is True,
        )
        if self.transport == "poll":
            return self._call("deleteWebhook", {"drop_pending_updates": False})
        url = self.config.options.get("webhookUrl")
        if not url:  # set by the operator
            return None
        return self._call("setWebhook", {"url": url, "secret_token": self._secret, "allowed_updates": UPDATES})

    # --- in ---------------------------------------------------------------------------------------------------

    def poll(self, cursor: Json) -> Call:
        asked = {"timeout": self._poll_s, "limit": POLL_LIMIT, "allowed_updates": UPDATES}
        offset = reading.number(reading.table(cursor), "offset")
        if offset:
            asked["offset"] = offset
        return self._call("getUpdates", asked, self._poll_s + POLL_SLACK_S)

    def polled(self, answer: Answer, cursor: Json) -> Polled:
        updates = self._result(answer)
        if not isinstance(updates, list):
            raise SendLater("getUpdates without a list")
        self._has_polled = True
        offset = reading.number(reading.table(cursor), "offset")
        inbound: list[Inbound] = []
        calls: list[Call] = []
        for update in updates:
            if isinstance(update, dict):
                offset = max(offset, reading.number(update, "update_id") + 1)
                inbound += normalise(update, self.bot, self.config.account)
                calls += self._seen(update)
        return Polled(tuple(inbound), {"offset": offset}, tuple(calls))

    def hook(self, request: HookRequest, now_ms: int) -> Hooked:
        if request.method != "POST":
            return Hooked(405, reason="method")
        reason = signatures.shared(self._secret, request.headers.get("x-telegram-bot-api-secret-token"))
        if reason:
            return Hooked(401, reason=reason)
        try:
            update = reading.load(request.body)
        except ValueError:
            return Hooked(400, reason="malformed")
        inbound = tuple(normalise(update, self.bot, self.config.account))
        return Hooked(200, inbound=inbound, calls=tuple(self._seen(update)))

    def _seen(self, update: reading.Table) -> Iterator[Call]:
        """A pressed button turns until it hears that it was."""
        pressed = reading.ident(reading.table(update, "callback_query"), "id")
        if pressed:
            yield self._call("answerCallbackQuery", {"callback_query_id": pressed})

    # --- out --------------------------------------------------------------------------------------------------

    def send(self, part: Outbound, now_ms: int) -> Call:
        target: dict[str, Any] = {"chat_id": part.chat_id}
        if part.action in ("edit", "unsend", "react"):
            target["message_id"] = _whole(part.message_id)
            if part.action == "edit":
                return self._call("editMessageText", {**target, "text": part.text})
            if part.action == "unsend":
                return self._call("deleteMessage", target)
            emoji = [{"type": "emoji", "emoji": part.text}] if part.text else []
            return self._call("setMessageReaction", {**target, "reaction": emoji})
        if part.thread_id and part.thread_id != GENERAL_TOPIC:  # refused for the General topic, when sending
            target["message_thread_id"] = _whole(part.thread_id)
        if part.reply_to:
            target["reply_parameters"] = {
                "message_id": _whole(part.reply_to),
                "allow_sending_without_reply": True,
            }
        if part.poll is not None:
            return self._poll(part.text, part.poll, target)
        if part.media:
            return self._file(part.media[0], part.text, target)
        return self._call("sendMessage", {**target, "text": part.text})

    def _poll(self, question: str, poll: Poll, target: dict[str, Any]) -> Call:
        target |= {"question": question, "options": [{"text": option} for option in poll.options]}
        target["allows_multiple_answers"] = poll.is_multiple
        if poll.open_s:
            target["open_period"] = poll.open_s
        if poll.is_anonymous is not None:
            target["is_anonymous"] = poll.is_anonymous
        if poll.is_silent:
            target["disable_notification"] = True
        return self._call("sendPoll", target)

    def _file(self, file: Media, caption: str, target: dict[str, Any]) -> Call:
        method, field = FILES.get(file.kind, FILES["document"])
        target[field] = file.id or file.url
        if caption and field != "sticker":
            target["caption"] = caption
        return self._call(method, target)

    def sent(self, part: Outbound, answer: Answer) -> str:
        try:
            result = self._result(answer)
        except SendRefused as refused:
            if part.action == "edit" and "message is not modified" in refused.reason:
                return part.message_id
            raise
        except ChannelStopped as stopped:
            raise SendRefused(str(stopped)) from None
        if isinstance(result, dict):
            return reading.ident(result, "message_id")
        return part.message_id  # `true`, of methods that change what is there

    def pause_s(self, answer: Answer) -> float:
        return CHAT_PAUSE_S

    def typing(self, chat_id: str, thread_id: str) -> Call:
        asked: dict[str, Any] = {"chat_id": chat_id, "action": "typing"}
        if thread_id:
            asked["message_thread_id"] = _whole(thread_id)
        return self._call("sendChatAction", asked, 5.0)

    def _call(self, method: str, params: Mapping[str, Json], timeout_s: float = 20.0) -> Call:
        return Call("POST", self._root + method, HEADERS, json.dumps(params), timeout_s)

    def _result(self, answer: Answer) -> Json:
        """`result` of a good answer. A bad one says why in words, and for how long in `parameters`."""
        body = reading.answer(answer)
        if body.get("ok") is True:
            return body.get("result")
        reason = f"{answer.status} {reading.text(body, 'description')[:80]}".strip()
        if answer.status == 429:
            raise SendLater(reason, reading.seconds(reading.table(body, "parameters").get("retry_after")))
        if answer.status == 409:  # another poller with our token; at first it may be our last process's, about to end
            raise SendLater(reason, CONFLICT_PAUSE_S if self._has_polled else None)
        if answer.status in (401, 404):
            raise ChannelStopped("the bot token is refused")
        raise SendRefused(reason)


def _whole(number: str) -> int:
    """Message and topic ids are whole numbers. Raises SendRefused."""
    try:
        return int(number)
    except ValueError:
        raise SendRefused("not a message id of Telegram") from None
