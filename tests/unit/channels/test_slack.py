"""The Slack driver: signed events, Socket Mode, calls and what their answers mean."""

import json
from typing import Any

import pytest

from gw.channels import signatures
from gw.channels.base import AccountConfig, Answer, Call, ChannelStopped, Media, Outbound, SendLater, SendRefused, Turn
from gw.channels.slack import Slack
from tests.support.hooks import Request, posted, stamped

NOW_MS = 1_700_000_000_000
SECRETS = {"botToken": "xoxb-1", "appToken": "xapp-1", "signingSecret": "sign"}
EVENT = {
    "type": "event_callback",
    "team_id": "T1",
    "event": {"type": "message", "user": "U1", "ts": "1700000000.000100", "channel": "D1", "text": "hi"},
}


def make(transport: str = "webhook", **options: Any) -> Slack:
    driver = Slack(AccountConfig("slack", "default", transport, {"apiRoot": "http://x/api", **options}, SECRETS))
    driver.met(answer(user_id="UBOT", bot_id="BBOT", user="helper"))
    return driver


def answer(status: int = 200, ok: bool = True, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    return Answer(status, headers or {}, json.dumps({"ok": ok, **fields}).encode())


def signed(value: Any, now_ms: int = NOW_MS, secret: str = "sign", **headers: str) -> Request:
    request = posted(value, **headers)
    stamp = str(now_ms // 1000)
    signature = signatures.sign("v0", secret, stamp, request.body)
    return stamped(request, x_slack_request_timestamp=stamp, x_slack_signature=signature)


def test_it_learns_who_it_is() -> None:
    driver = make()
    assert driver.hello().url == "http://x/api/auth.test"
    assert (driver.bot.user_id, driver.bot.bot_id, driver.bot.name) == ("UBOT", "BBOT", "helper")
    with pytest.raises(ChannelStopped):
        driver.met(answer(ok=False, error="invalid_auth"))


def test_an_event_is_taken_when_signed() -> None:
    hooked = make().hook(signed(EVENT), NOW_MS)
    assert (hooked.status, len(hooked.inbound)) == (200, 1)


def test_the_address_is_verified() -> None:
    hooked = make().hook(signed({"type": "url_verification", "challenge": "abc"}), NOW_MS)
    assert (hooked.status, hooked.body, hooked.content_type) == (200, b"abc", "text/plain")


def test_a_slash_command_comes_as_a_form() -> None:
    body = b"command=%2Fstatus&text=&channel_id=C1&user_id=U1&trigger_id=9"
    hooked = make().hook(signed(body, content_type="application/x-www-form-urlencoded"), NOW_MS)
    assert [message.text for message in hooked.inbound] == ["/status"]


REFUSED = {
    "unsigned": (posted(EVENT), 401),
    "replayed after five minutes": (signed(EVENT, NOW_MS - 301_000), 401),
    "from the future": (signed(EVENT, NOW_MS + 301_000), 401),
    "another secret": (signed(EVENT, secret="other"), 401),
    "wrong method": (Request("GET"), 405),
    "not JSON": (signed(b"[1"), 400),
    "a form in no encoding": (signed(b"\xff=1", content_type="application/x-www-form-urlencoded"), 400),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(request_: Request, status: int) -> None:
    hooked = make().hook(request_, NOW_MS)
    assert (hooked.status, hooked.inbound) == (status, ())
    assert hooked.reason


# --- Socket Mode


def test_the_socket_is_asked_for_with_the_app_token() -> None:
    driver = make("socket")
    call = driver.locate(None)
    assert call.headers["Authorization"] == "Bearer xapp-1"
    assert driver.located(answer(url="wss://x/link/?ticket=1")) == "wss://x/link/?ticket=1"
    for bad in (answer(), answer(url="https://x")):
        with pytest.raises(SendLater):
            driver.located(bad)


def test_envelopes_are_acknowledged_with_what_they_brought() -> None:
    talk = make("socket").converse(None, 0.0)
    assert talk.feed(b'{"type":"hello","num_connections":1}', 1.0) == Turn()
    turn = talk.feed(json.dumps({"type": "events_api", "envelope_id": "E1", "payload": EVENT}).encode(), 2.0)
    assert [message.text for message in turn.inbound] == ["hi"]
    assert [json.loads(frame) for frame in turn.send] == [{"envelope_id": "E1"}]
    command = {"command": "/x", "channel_id": "C1", "user_id": "U1", "trigger_id": "t"}
    turn = talk.feed(json.dumps({"type": "slash_commands", "envelope_id": "E2", "payload": command}).encode(), 2.0)
    assert turn.inbound[0].kind == "command"
    turn = talk.feed(b'{"type":"interactive","envelope_id":"E3","payload":{}}', 2.0)
    assert (turn.inbound, len(turn.send)) == ((), 1)


def test_when_a_socket_is_over() -> None:
    talk = make("socket").converse(None, 0.0)
    assert talk.feed(b"odd", 1.0) == Turn()
    assert talk.feed(b'{"type":"disconnect","reason":"refresh_requested"}', 1.0).is_over
    assert talk.closed(1006).is_over
    assert not talk.tick(2.0).is_over
    assert talk.tick(talk.due).is_over
    with pytest.raises(ChannelStopped):
        talk.feed(b'{"type":"disconnect","reason":"link_disabled"}', 1.0)


# --- calls


def asked(call: Call) -> tuple[str, dict[str, Any]]:
    assert call.headers["Authorization"] == "Bearer xoxb-1"
    return call.url.removeprefix("http://x/api/"), json.loads(call.body)


QUIET = {"unfurl_links": False, "unfurl_media": False}
SENT: list[tuple[Outbound, str, dict[str, Any]]] = [
    (Outbound("C1", "a < b"), "chat.postMessage", {"channel": "C1", "text": "a &lt; b", **QUIET}),
    (
        Outbound("C1", "x", thread_id="1.2", reply_to="3.4"),
        "chat.postMessage",
        {"channel": "C1", "text": "x", "thread_ts": "1.2", **QUIET},
    ),
    (
        Outbound("C1", "x", reply_to="3.4"),
        "chat.postMessage",
        {"channel": "C1", "text": "x", "thread_ts": "3.4", **QUIET},
    ),
    (
        Outbound("C1", "new", action="edit", message_id="1.2"),
        "chat.update",
        {"channel": "C1", "text": "new", "ts": "1.2"},
    ),
    (Outbound("C1", "", action="unsend", message_id="1.2"), "chat.delete", {"channel": "C1", "ts": "1.2"}),
    (
        Outbound("C1", ":eyes:", action="react", message_id="1.2"),
        "reactions.add",
        {"channel": "C1", "timestamp": "1.2", "name": "eyes"},
    ),
    (
        Outbound("C1", "doc", media=(Media("document", url="https://x/a?b&c"),)),
        "chat.postMessage",
        {"channel": "C1", "text": "doc\nhttps://x/a?b&amp;c", **QUIET},
    ),
]


@pytest.mark.parametrize(("out", "method", "params"), SENT)
def test_calls(out: Outbound, method: str, params: dict[str, Any]) -> None:
    assert asked(make().send(out, 0)) == (method, params)


def test_a_picture_is_shown_by_its_address() -> None:
    media = (Media("image", url="https://x/a.png", name="a"),)
    for caption, blocks in (("look", 2), ("", 1)):
        _, params = asked(make().send(Outbound("C1", caption, media=media), 0))
        assert params["blocks"][-1] == {"type": "image", "image_url": "https://x/a.png", "alt_text": "a"}
        assert len(params["blocks"]) == blocks


def test_where_it_wrote_it_takes_part() -> None:
    driver = make()
    driver.sent(Outbound("C1", "x", thread_id="1.2"), answer(ts="5.6"))
    event = {**EVENT, "event": {**EVENT["event"], "channel": "C1", "thread_ts": "1.2"}}  # type: ignore[dict-item]
    (message,) = driver.hook(signed(event), NOW_MS).inbound
    assert message.mentions.implicit == ("bot_thread_participant",)
    for number in range(999):
        driver.sent(Outbound("C1", "x", thread_id=f"{number}.0"), answer(ts="5.6"))
    driver.sent(Outbound("C1", "y", thread_id="1.2"), answer(ts="5.7"))  # still the newest
    driver.sent(Outbound("C1", "x", thread_id="999.0"), answer(ts="5.6"))
    (message,) = driver.hook(signed(event), NOW_MS).inbound
    assert message.mentions.implicit == ("bot_thread_participant",)
    for number in range(1000):
        driver.sent(Outbound("C1", "x", thread_id=f"{number}.0"), answer(ts="5.6"))
    (message,) = driver.hook(signed(event), NOW_MS).inbound
    assert message.mentions.implicit == ()


def test_what_answers_mean() -> None:
    driver, say = make(), Outbound("C1", "x")
    react = Outbound("C1", "eyes", action="react", message_id="1.2")
    assert driver.sent(say, answer(ts="5.6")) == "5.6"
    assert driver.sent(react, answer()) == "1.2"
    assert driver.sent(react, answer(ok=False, error="already_reacted")) == "1.2"
    bad: list[tuple[Answer, type[Exception], float | None]] = [
        (answer(429, False, {"retry-after": "3"}), SendLater, 3.0),
        (answer(ok=False, error="ratelimited"), SendLater, None),
        (answer(503), SendLater, None),
        (answer(ok=False, error="channel_not_found"), SendRefused, None),
        (answer(ok=False, error="token_revoked"), SendRefused, None),
        (answer(400, False), SendRefused, None),
    ]
    for given, error, after_s in bad:
        with pytest.raises(error) as raised:
            driver.sent(say, given)
        assert getattr(raised.value, "after_s", None) == after_s
    assert driver.pause_s(answer()) > 0
    assert driver.typing("C1", "") is None
