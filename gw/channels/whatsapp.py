"""WhatsApp's Cloud API: signed webhooks in, the Graph API out.

Knows no socket. Invariant: a body is checked before it is parsed; messages for another phone number are not ours;
delivery statuses are not messages. No time of sending is signed: a replay is found by its message id,
and a late one by the message's own time.

Source: developers.facebook.com (Cloud API: webhooks, messages, error codes); rules: openclaw/CHANNELS.md section 7.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, quote

from gw.channels import reading, signatures
from gw.channels.base import (
    MEDIA_TEXT,
    AccountConfig,
    Answer,
    Call,
    Capabilities,
    ChannelStopped,
    Hooked,
    HookRequest,
    Inbound,
    Media,
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

API_ROOT: Final = "https://graph.facebook.com/v23.0"
OLDEST_MS: Final = 7 * 24 * 3_600_000  # Meta tries no longer; what is older is somebody's recording
MOST_FIELDS: Final = 20  # of a query; Meta sends three
FILES: Final = frozenset({"image", "video", "audio", "document", "sticker"})
CAPTIONED: Final = frozenset({"image", "video", "document"})
# Error codes of the Graph API.
TOKEN_REFUSED: Final = frozenset({0, 3, 10, 190})
PASSING: Final = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 133004})


class WhatsApp:
    capabilities: ClassVar = Capabilities(
        channel="whatsapp",
        label="WhatsApp",
        chat_types=("direct", "group"),
        transports=("webhook",),
        reactions=True,
        media=True,
        detects_mentions=False,  # the Cloud API tells quotes, but no mentions
    )
    OPTIONS: ClassVar[Mapping[str, type]] = {"apiRoot": str, "phoneNumberId": str}
    NEEDS: ClassVar[Mapping[str, Sequence[str]]] = {"webhook": ("phoneNumberId",)}
    SECRETS: ClassVar[Mapping[str, Sequence[str]]] = {"webhook": ("accessToken", "appSecret", "verifyToken")}

    def __init__(self, config: AccountConfig) -> None:
        self.config = config
        self._phone = str(config.options.get("phoneNumberId") or "")
        root = str(config.options.get("apiRoot") or API_ROOT).rstrip("/")
        self._url = f"{root}/{quote(self._phone, safe='')}"
        self._headers = {
            "Authorization": f"Bearer {config.secrets['accessToken']}",
            "Content-Type": "application/json",
        }

    def hello(self) -> Call:
        return Call("GET", self._url + "?fields=id,display_phone_number", self._headers)

    def met(self, answer: Answer) -> None:
        _good(answer)

    # --- in ---------------------------------------------------------------------------------------------------

    def hook(self, request: HookRequest, now_ms: int) -> Hooked:
        if request.method == "GET":
            try:
                query = dict(parse_qsl(request.query, max_num_fields=MOST_FIELDS))
            except ValueError:
                return Hooked(400, reason="malformed")
            status, body = signatures.hub_challenge(query, self.config.secrets["verifyToken"])
            return Hooked(status, body.encode(), reason="" if status == 200 else "verify")
        if request.method != "POST":
            return Hooked(405, reason="method")
        header = request.headers.get("x-hub-signature-256", "")
        reason = signatures.hub(self.config.secrets["appSecret"], request.body, header)
        if reason:
            return Hooked(401, reason=reason)
        try:
            delivery = reading.load(request.body)
        except ValueError:
            return Hooked(400, reason="malformed")
        found = normalise(delivery, self._phone, self.config.account)
        return Hooked(200, inbound=tuple(one for one in found if now_ms - one.timestamp_ms <= OLDEST_MS))

    # --- out --------------------------------------------------------------------------------------------------

    def send(self, part: Outbound, now_ms: int) -> Call:
        is_group = not part.chat_id.lstrip("+").isdigit()
        asked: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "group" if is_group else "individual",
            "to": part.chat_id.lstrip("+"),
        }
        if part.action == "react":
            asked |= {"type": "reaction", "reaction": {"message_id": part.message_id, "emoji": part.text}}
        elif part.action != "say":
            raise SendRefused("WhatsApp has no " + part.action)
        else:
            if part.reply_to:
                asked["context"] = {"message_id": part.reply_to}
            asked |= _content(part)
        return Call("POST", self._url + "/messages", self._headers, json.dumps(asked))

    def sent(self, part: Outbound, answer: Answer) -> str:
        try:
            messages = reading.rows(_good(answer), "messages")
        except ChannelStopped as stopped:
            raise SendRefused(str(stopped)) from None
        return reading.text(messages[0], "id") if messages else ""

    def pause_s(self, answer: Answer) -> float:
        return 0.0

    def typing(self, chat_id: str, thread_id: str) -> Call | None:
        return None  # bound to a message that is then marked as read


def _content(part: Outbound) -> dict[str, Any]:
    if not part.media:
        return {"type": "text", "text": {"body": part.text, "preview_url": False}}
    file = part.media[0]
    kind = file.kind if file.kind in FILES else "document"
    told = {"link": file.url} if file.url else {"id": file.id}
    if part.text and kind in CAPTIONED:
        told["caption"] = part.text
    if kind == "document" and file.name:
        told["filename"] = file.name
    return {"type": kind, kind: told}


def _good(answer: Answer) -> Table:
    body = reading.answer(answer)
    if 200 <= answer.status < 300:
        return body
    code = reading.number(reading.table(body, "error"), "code")
    if answer.status == 429 or code in PASSING:
        raise SendLater(f"error {code}", reading.after(answer))
    if answer.status == 401 or (code in TOKEN_REFUSED and "error" in body):
        raise ChannelStopped(f"the access token is refused (error {code})")
    raise SendRefused(f"error {code or answer.status}")


# --- what a webhook says --------------------------------------------------------------------------------------------


def normalise(body: Table, phone: str, account: str) -> Iterator[Inbound]:
    """Every message in a delivery, in order."""
    for entry in reading.rows(body, "entry"):
        for change in reading.rows(entry, "changes"):
            value = reading.table(change, "value")
            metadata = reading.table(value, "metadata")
            if change.get("field") != "messages" or reading.ident(metadata, "phone_number_id") != phone:
                continue
            names = {
                reading.ident(row, "wa_id"): reading.text(reading.table(row, "profile"), "name")
                for row in reading.rows(value, "contacts")
            }
            own = _digits(reading.ident(metadata, "display_phone_number"))
            for message in reading.rows(value, "messages"):
                yield from _message(message, names, own, account)


def _message(message: Table, names: Mapping[str, str], own: str, account: str) -> Iterator[Inbound]:
    sender, message_id = reading.ident(message, "from"), reading.text(message, "id")
    kind = reading.text(message, "type")
    text, media = _text(message, kind), _media(message, kind)
    if not (sender and message_id) or sender == own or not (text or media):
        return
    group = reading.ident(message, "group_id")
    context = reading.table(message, "context")
    is_forwarded = context.get("forwarded") is True or context.get("frequently_forwarded") is True
    quoted = reading.text(context, "id")
    quote_of = Quote(
        quoted, reading.ident(context, "from"), bool(own) and _digits(reading.ident(context, "from")) == own
    )
    phone = "+" + sender.lstrip("+")
    yield Inbound(
        channel="whatsapp",
        account=account,
        message_id=message_id,
        timestamp_ms=reading.number(message, "timestamp") * 1000,
        chat_type="group" if group else "direct",
        chat_id=group or sender,
        peer=Peer("group", group) if group else Peer("direct", phone),
        sender=Sender(sender, names.get(sender, ""), e164=phone),
        text=text or MEDIA_TEXT[media[0].kind],
        kind="reaction" if kind == "reaction" else "message",
        edit_of=reading.text(reading.table(message, "reaction"), "message_id"),
        mentions=Mentions(implicit=("quoted_bot",) if quoted and quote_of.is_bot else ()),
        quote=quote_of if quoted else None,
        is_forwarded=is_forwarded,
        media=media,
    )


def _text(message: Table, kind: str) -> str:
    """What the sender wrote, or the title of what they chose."""
    content = reading.table(message, kind)
    if kind == "text":
        return reading.text(content, "body")
    if kind == "interactive":
        chosen = reading.table(content, reading.text(content, "type"))
        return reading.text(chosen, "title")
    return reading.text(content, {"button": "text", "reaction": "emoji"}.get(kind, "caption"))


def _media(message: Table, kind: str) -> tuple[Media, ...]:
    if kind not in FILES:
        return ()
    file = reading.table(message, kind)
    mime, name = reading.text(file, "mime_type"), reading.text(file, "filename")
    return (Media(kind, reading.text(file, "id"), mime=mime, name=name),)


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))
