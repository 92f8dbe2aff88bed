"""The signed webhook: what is taken, what is refused, and what is sent."""

import json
from typing import Any

import pytest

from gw.channels import signatures
from gw.channels.base import AccountConfig, Answer, Media, Outbound, SendLater, SendRefused
from gw.channels.generic import Generic
from tests.support.hooks import Request, posted, stamped

NOW_MS = 1_700_000_000_000
SHAPE = {"chatType": "direct", "chatId": "c1", "messageId": "m1", "sender": {"id": "ann", "name": "Ann"}, "text": "hi"}


def make(url: str = "http://x/deliver") -> Generic:
    return Generic(AccountConfig("generic", "shop", "webhook", {"deliverUrl": url}, {"secret": "s3cret"}))


def signed(value: Any, at_ms: int = NOW_MS) -> Request:
    request = posted(value)
    stamp = str(at_ms // 1000)
    signature = signatures.sign("v1", "s3cret", stamp, request.body)
    return stamped(request, x_clawgate_timestamp=stamp, x_clawgate_signature=signature)


def test_a_signed_message_is_taken() -> None:
    hooked = make().hook(signed({**SHAPE, "threadId": 5, "mentioned": True, "replyTo": "m0"}), NOW_MS)
    (found,) = hooked.inbound
    assert (hooked.status, found.account, found.thread_id, found.text) == (200, "shop", "5", "hi")
    assert (found.peer, found.mentions.bot, found.timestamp_ms) == (("direct", "ann"), True, NOW_MS)
    assert found.quote is not None
    assert found.quote.id == "m0"


def test_a_group_is_its_own_peer() -> None:
    (found,) = make().hook(signed({**SHAPE, "chatType": "group"}), NOW_MS).inbound
    assert found.peer == ("group", "c1")


def test_edits_are_events_of_their_own() -> None:
    keys = set()
    for at in (1, 2):
        (found,) = make().hook(signed({**SHAPE, "edit": True, "timestamp": at}), NOW_MS).inbound
        assert (found.kind, found.edit_of) == ("edit", "m1")
        keys.add(found.dedupe_key)
    assert len(keys) == 2


REFUSED = {
    "unsigned": (posted(SHAPE), 401),
    "stale": (signed(SHAPE, NOW_MS - 301_000), 401),
    "wrong method": (Request("GET"), 405),
    "not JSON": (signed(b"{"), 400),
    "no text": (signed({**SHAPE, "text": ""}), 400),
    "no sender": (signed({**SHAPE, "sender": "ann"}), 400),
    "odd chat type": (signed({**SHAPE, "chatType": "secret"}), 400),
    "too long": (signed({**SHAPE, "text": "x" * 100_001}), 400),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(request_: Request, status: int) -> None:
    hooked = make().hook(request_, NOW_MS)
    assert (hooked.status, hooked.inbound) == (status, ())


def test_a_refusal_names_the_field() -> None:
    assert b"sender.id" in make().hook(signed({**SHAPE, "sender": {}}), NOW_MS).body


def test_what_we_send_is_signed_with_the_time() -> None:
    call = make().send(Outbound("c1", "hi", key="k", media=(Media("image", url="https://x"),)), NOW_MS)
    stamp, signature = call.headers["X-Clawgate-Timestamp"], call.headers["X-Clawgate-Signature"]
    assert signatures.stamped("v1", "s3cret", stamp, call.body, signature, NOW_MS // 1000) == ""
    body = json.loads(call.body)
    assert (body["chatId"], body["text"], body["key"], body["accountId"]) == ("c1", "hi", "k#0", "shop")
    assert body["media"] == [{"kind": "image", "id": "", "url": "https://x"}]


def test_without_an_address_nothing_can_be_sent() -> None:
    with pytest.raises(SendRefused):
        make("").send(Outbound("c1", "hi"), NOW_MS)


def test_what_answers_mean() -> None:
    driver, say = make(), Outbound("c1", "hi")
    assert driver.sent(say, Answer(200, {}, b'{"messageId":7}')) == "7"
    for bad, error in (
        (Answer(429, {"retry-after": "2"}, b""), SendLater),
        (Answer(500, {}, b""), SendLater),
        (Answer(410, {}, b""), SendRefused),
    ):
        with pytest.raises(error):
            driver.sent(say, bad)
    assert (driver.pause_s(Answer(200, {}, b"")), driver.typing("c1", "")) == (0, None)
    assert driver.hello() is None  # type: ignore[func-returns-value]
