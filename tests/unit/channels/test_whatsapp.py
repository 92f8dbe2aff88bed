"""WhatsApp: the vectors, webhooks, and calls."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from gw.channels.base import AccountConfig, Answer, ChannelStopped, Media, Outbound, SendLater, SendRefused
from gw.channels.whatsapp import WhatsApp, normalise
from tests.support import inbound
from tests.support.hooks import Request, posted

SECRETS = {"accessToken": "t0ken", "appSecret": "app-secret", "verifyToken": "verify"}
CONFIG = AccountConfig("whatsapp", "default", "webhook", {"phoneNumberId": "PN1", "apiRoot": "http://x/v1"}, SECRETS)


@pytest.fixture
def driver() -> WhatsApp:
    return WhatsApp(CONFIG)


def delivery(*messages: dict[str, Any], phone: str = "PN1") -> dict[str, Any]:
    metadata = {"display_phone_number": "+1 555-000-9999", "phone_number_id": phone}
    value = {"metadata": metadata, "contacts": [], "messages": list(messages)}
    return {"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}


def message(**fields: Any) -> dict[str, Any]:
    return {"from": "15551234567", "id": "wamid.A", "timestamp": "1", "type": "text", "text": {"body": "hi"}, **fields}


def signed(value: Any) -> Request:
    body = json.dumps(value).encode()
    digest = hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()
    return posted(body, x_hub_signature_256=f"sha256={digest}")


@pytest.mark.parametrize("row", inbound.rows("whatsapp"), ids=lambda row: row["name"])
def test_vectors(row: dict[str, Any]) -> None:
    found = list(normalise(row["input"], row["bot"]["phoneNumberId"], "default"))
    inbound.assert_as_expected(found, row["expect"])


TEXTS = [
    ({"type": "button", "button": {"text": "Yes", "payload": "y"}}, "Yes"),
    ({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "One"}}}, "One"),
    ({"type": "document", "document": {"id": "d", "caption": "read", "filename": "a.pdf"}}, "read"),
    ({"type": "reaction", "reaction": {"message_id": "w", "emoji": "👍"}}, "👍"),
]


@pytest.mark.parametrize(("fields", "text"), TEXTS)
def test_what_was_said(fields: dict[str, Any], text: str) -> None:
    (found,) = normalise(delivery(message(**fields)), "PN1", "default")
    assert found.text == text


NOTHING = {
    "another number of ours": delivery(message(), phone="PN2"),
    "our own number": delivery(message(**{"from": "15550009999"})),
    "unsupported": delivery(message(type="unsupported")),
    "reaction taken back": delivery(message(type="reaction", reaction={"message_id": "w"})),
    "other field": {"entry": [{"changes": [{"field": "account_update", "value": {}}]}]},
    "no shape": {"entry": [None, {"changes": "x"}]},
}


@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING)
def test_nothing_was_said(body: dict[str, Any]) -> None:
    assert list(normalise(body, "PN1", "default")) == []


def test_a_group() -> None:
    (found,) = normalise(delivery(message(group_id="G9")), "PN1", "default")
    assert (found.chat_type, found.chat_id, found.peer.id) == ("group", "G9", "G9")


def test_a_forward_is_told() -> None:
    (found,) = normalise(delivery(message(context={"forwarded": True})), "PN1", "default")
    assert found.is_forwarded
    assert found.quote is None


def test_a_webhook_is_taken_when_signed(driver: WhatsApp) -> None:
    hooked = driver.hook(signed(delivery(message())), 0)
    assert (hooked.status, len(hooked.inbound)) == (200, 1)


def test_a_recording_is_nothing_a_week_later(driver: WhatsApp) -> None:
    week_ms = 7 * 24 * 3_600_000
    request = signed(delivery(message(timestamp="1700000000")))
    assert len(driver.hook(request, 1_700_000_000_000 + week_ms).inbound) == 1
    assert driver.hook(request, 1_700_000_000_000 + week_ms + 1).inbound == ()


REFUSED = {
    "unsigned": (posted(delivery(message())), 401),
    "not JSON": (signed("text"), 400),
    "wrong method": (Request("PUT"), 405),
    "wrong verify token": (Request("GET", "hub.mode=subscribe&hub.verify_token=no&hub.challenge=1"), 403),
    "a query of anybody's": (Request("GET", "a=1&" * 1000), 400),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(driver: WhatsApp, request_: Request, status: int) -> None:
    hooked = driver.hook(request_, 0)
    assert (hooked.status, hooked.inbound) == (status, ())
    assert hooked.reason


def test_the_handshake(driver: WhatsApp) -> None:
    hooked = driver.hook(Request("GET", "hub.mode=subscribe&hub.verify_token=verify&hub.challenge=77"), 0)
    assert (hooked.status, hooked.body) == (200, b"77")


CALLS: list[tuple[Outbound, dict[str, Any]]] = [
    (Outbound("1555", "hi"), {"to": "1555", "type": "text", "text": {"body": "hi", "preview_url": False}}),
    (Outbound("+1555", "hi", reply_to="wamid.A"), {"to": "1555", "context": {"message_id": "wamid.A"}}),
    (Outbound("G9", "hi"), {"to": "G9", "recipient_type": "group"}),
    (
        Outbound("1555", "👍", action="react", message_id="wamid.A"),
        {"type": "reaction", "reaction": {"message_id": "wamid.A", "emoji": "👍"}},
    ),
    (
        Outbound("1555", "see", media=(Media("image", url="https://x/a.png"),)),
        {"type": "image", "image": {"link": "https://x/a.png", "caption": "see"}},
    ),
    (
        Outbound("1555", "", media=(Media("document", id="m1", name="a.pdf"),)),
        {"type": "document", "document": {"id": "m1", "filename": "a.pdf"}},
    ),
]


@pytest.mark.parametrize(("out", "asked"), CALLS)
def test_calls(driver: WhatsApp, out: Outbound, asked: dict[str, Any]) -> None:
    call = driver.send(out, 0)
    assert (call.method, call.url) == ("POST", "http://x/v1/PN1/messages")
    assert call.headers["Authorization"] == "Bearer t0ken"
    body = json.loads(call.body)
    assert {key: body[key] for key in asked} == asked
    assert body["messaging_product"] == "whatsapp"


@pytest.mark.parametrize("action", ["edit", "unsend"])
def test_what_whatsapp_lacks_is_refused(driver: WhatsApp, action: str) -> None:
    with pytest.raises(SendRefused):
        driver.send(Outbound("1555", "hi", action=action, message_id="w"), 0)


def answer(status: int, value: Any, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, json.dumps(value).encode())


def test_a_good_answer_has_an_id(driver: WhatsApp) -> None:
    assert driver.sent(Outbound("1", "x"), answer(200, {"messages": [{"id": "wamid.B"}]})) == "wamid.B"


ERRORS: list[tuple[Answer, type[Exception]]] = [
    (answer(400, {"error": {"code": 131047}}), SendRefused),
    (answer(400, {"error": {"code": 130429}}), SendLater),
    (answer(429, {"error": {"code": 80007}}), SendLater),
    (answer(500, {}), SendLater),
    (answer(503, "x"), SendLater),
    (answer(401, {"error": {"code": 190}}), SendRefused),
    (Answer(200, {}, b"<html>"), SendLater),
]


@pytest.mark.parametrize(("bad", "error"), ERRORS)
def test_bad_answers(driver: WhatsApp, bad: Answer, error: type[Exception]) -> None:
    with pytest.raises(error):
        driver.sent(Outbound("1", "x"), bad)


def test_a_refused_token_stops_the_channel(driver: WhatsApp) -> None:
    with pytest.raises(ChannelStopped):
        driver.met(answer(401, {"error": {"code": 190}}))
    driver.met(answer(200, {"id": "PN1"}))


def test_who_are_we_carries_the_token_in_a_header(driver: WhatsApp) -> None:
    call = driver.hello()
    assert "t0ken" not in call.url
    assert driver.typing("1", "") is None
    assert driver.pause_s(answer(200, {})) == 0
