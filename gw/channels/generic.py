"""Any chat that can sign an HTTP request: one message per POST in, one per POST out.

Knows no provider. Invariant: only the documented shape is read, at its documented place; the time is signed and near
now, and a message id is taken once, so neither a forged nor a recorded request says anything.

In: {"chatType", "chatId", "messageId", "sender": {"id", ...}, "text", "threadId"?, "timestamp"?, "mentioned"?,
"replyTo"?, "edit"?}. Headers X-Clawgate-Timestamp (s) and X-Clawgate-Signature: `v1=` and the hex HMAC-SHA256 over
`v1:<timestamp>:<body>`. Out: the same headers over {"action", "chatId", "threadId", "replyTo", "text", "media", "key"},
answered by {"messageId"}.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from gw.channels import reading, signatures
from gw.channels.base import (
    AccountConfig,
    Answer,
    Call,
    Capabilities,
    Hooked,
    HookRequest,
    Inbound,
    Mentions,
    Outbound,
    Peer,
    Quote,
    Sender,
    SendLater,
    SendRefused,
)
from gw.channels.reading import Table
from gw.wire import json

VERSION: Final = "v1"
CHAT_TYPES: Final = frozenset({"direct", "group", "channel"})
TEXT_CHARACTERS: Final = 100_000


class Generic:
    capabilities: ClassVar = Capabilities(
        channel="generic",
        label="Signed webhook",
        chat_types=("direct", "group", "channel", "thread"),
        transports=("webhook",),
        threads=True,
        reactions=True,
        media=True,
        edit=True,
        unsend=True,
    )
    OPTIONS: ClassVar[Mapping[str, type]] = {"deliverUrl": str}
    NEEDS: ClassVar[Mapping[str, Sequence[str]]] = {}
    SECRETS: ClassVar[Mapping[str, Sequence[str]]] = {"webhook": ("secret",)}

    def __init__(self, config: AccountConfig) -> None:
        self.config = config
        self._secret = config.secrets["secret"]
        self._url = str(config.options.get("deliverUrl") or "")

    def hello(self) -> None:
        return None

    def met(self, answer: Answer) -> None:
        return None

    def hook(self, request: HookRequest, now_ms: int) -> Hooked:
        if request.method != "POST":
            return Hooked(405, reason="method")
        reason = signatures.stamped(
            VERSION,
            self._secret,
            request.headers.get("x-clawgate-timestamp", ""),
            request.body,
            request.headers.get("x-clawgate-signature", ""),
            now_ms // 1000,
        )
        if reason:
            return Hooked(401, reason=reason)
        try:
            found = normalise(reading.load(request.body), self.config.account, now_ms)
        except ValueError as error:
            return Hooked(400, f"{error}\n".encode(), reason="malformed")
        return Hooked(200, inbound=(found,))

    def send(self, part: Outbound, now_ms: int) -> Call:
        if not self._url:
            raise SendRefused("option deliverUrl is not set")
        body = json.dumps(
            {
                "action": part.action,
                "accountId": self.config.account,
                "chatId": part.chat_id,
                "threadId": part.thread_id,
                "replyTo": part.reply_to,
                "messageId": part.message_id,
                "text": part.text,
                "media": [{"kind": file.kind, "id": file.id, "url": file.url} for file in part.media],
                "key": f"{part.key}#{part.part_index}" if part.key else "",
            }
        )
        timestamp = str(now_ms // 1000)
        headers = {
            "Content-Type": "application/json",
            "X-Clawgate-Timestamp": timestamp,
            "X-Clawgate-Signature": signatures.sign(VERSION, self._secret, timestamp, body),
        }
        return Call("POST", self._url, headers, body)

    def sent(self, part: Outbound, answer: Answer) -> str:
        body = reading.answer(answer)
        if 200 <= answer.status < 300:
            return reading.ident(body, "messageId")
        if answer.status == 429:
            raise SendLater("ratelimited", reading.after(answer))
        raise SendRefused(f"status {answer.status}")

    def pause_s(self, answer: Answer) -> float:
        return 0.0

    def typing(self, chat_id: str, thread_id: str) -> Call | None:
        return None


def normalise(body: Table, account: str, now_ms: int) -> Inbound:
    """Read the documented shape. Raises ValueError that names the field."""
    sender = reading.table(body, "sender")
    facts = {"chatType": reading.text(body, "chatType"), "text": reading.text(body, "text")}
    facts |= {name: reading.ident(body, name) for name in ("chatId", "messageId")}
    facts["sender.id"] = reading.ident(sender, "id")
    for name, value in facts.items():
        if not value:
            raise ValueError(f"{name} is missing or no text")
    if facts["chatType"] not in CHAT_TYPES:
        raise ValueError("chatType must be direct, group or channel")
    if len(facts["text"]) > TEXT_CHARACTERS:
        raise ValueError(f"text may have {TEXT_CHARACTERS} characters")
    is_direct = facts["chatType"] == "direct"
    is_edit = body.get("edit") is True
    replied = reading.ident(body, "replyTo")
    at_ms = reading.number(body, "timestamp") or now_ms
    is_mentioned = body.get("mentioned") is True
    return Inbound(
        channel="generic",
        account=account,
        message_id=f"{facts['messageId']}#{at_ms}" if is_edit else facts["messageId"],
        timestamp_ms=at_ms,
        chat_type=facts["chatType"],
        chat_id=facts["chatId"],
        peer=Peer(facts["chatType"], facts["sender.id"] if is_direct else facts["chatId"]),
        sender=Sender(
            facts["sender.id"],
            reading.text(sender, "name"),
            reading.text(sender, "username"),
            is_bot=sender.get("isBot") is True,
        ),
        text=facts["text"],
        kind="edit" if is_edit else "message",
        edit_of=facts["messageId"] if is_edit else "",
        thread_id=reading.ident(body, "threadId"),
        mentions=Mentions(is_mentioned, is_mentioned),
        quote=Quote(replied) if replied else None,
    )
