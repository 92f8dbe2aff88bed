"""The Discord driver: where the gateway is, interactions, calls and what their answers mean."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gw.channels.base import AccountConfig, Answer, Call, ChannelStopped, Media, Outbound, Poll, SendLater, SendRefused
from gw.channels.discord import Discord
from tests.support.hooks import Request, posted, stamped

NOW_MS = 1_700_000_000_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()


def make(transport: str = "socket", **options: Any) -> Discord:
    fields = {"apiRoot": "http://x/v10", "publicKey": PUBLIC, **options}
    driver = Discord(AccountConfig("discord", "default", transport, fields, {"botToken": "t0ken"}))
    driver.met(answer({"id": "900"}))
    return driver


def answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, json.dumps(value).encode())


def asked(call: Call | str | None) -> tuple[str, str, Any]:
    assert isinstance(call, Call)
    assert call.headers["Authorization"] == "Bot t0ken"
    return call.method, call.url.removeprefix("http://x/v10"), json.loads(call.body or b"null")


def test_it_learns_who_it_is() -> None:
    driver = make()
    assert asked(driver.hello()) == ("GET", "/users/@me", None)
    assert driver.bot.id == "900"
    with pytest.raises(ChannelStopped):
        driver.met(answer({}, 401))


def test_where_the_gateway_is() -> None:
    driver = make()
    assert asked(driver.locate(None)) == ("GET", "/gateway/bot", None)
    assert driver.locate({"url": "wss://resume"}) == "wss://resume/?v=10&encoding=json"
    assert driver.located(answer({"url": "wss://g"})) == "wss://g/?v=10&encoding=json"
    with pytest.raises(SendLater) as later:
        driver.located(answer({"url": "wss://g", "session_start_limit": {"remaining": 0, "reset_after": 9000}}))
    assert later.value.after_s == 9.0
    with pytest.raises(SendLater):
        driver.located(answer({"url": "https://g"}))


def test_a_place_to_resume_that_is_gone_is_tried_once() -> None:
    driver, cursor = make(), {"session": "S", "url": "wss://resume", "seq": 5}
    assert driver.locate(cursor) == "wss://resume/?v=10&encoding=json"
    assert isinstance(driver.locate(cursor), Call)
    talk = driver.converse(cursor, 0.0)
    talk.feed(b'{"op":0,"t":"RESUMED","s":6,"d":{}}', 1.0)
    assert driver.locate(cursor) == "wss://resume/?v=10&encoding=json"


def test_messages_in_threads_know_their_channel() -> None:
    talk = make().converse(None, 0.0)
    message = {"id": "1", "channel_id": "T1", "guild_id": "G", "author": {"id": "7"}, "content": "hi", "type": 0}
    for event, data in (("THREAD_CREATE", {"id": "T1", "parent_id": "C1"}), ("MESSAGE_CREATE", message)):
        turn = talk.feed(json.dumps({"op": 0, "t": event, "s": 1, "d": data}).encode(), 1.0)
    (found,) = turn.inbound
    assert (found.thread_id, found.parent_peer) == ("T1", ("channel", "C1"))


def test_an_interaction_over_the_gateway_hears_that_an_answer_will_come() -> None:
    talk = make().converse(None, 0.0)
    frame = {"op": 0, "t": "INTERACTION_CREATE", "s": 1, "d": COMMAND}
    turn = talk.feed(json.dumps(frame).encode(), 1.0)
    assert (turn.inbound[0].text, turn.inbound[0].reply_token) == ("/status", "A/tok")
    assert [asked(call) for call in turn.calls] == [("POST", "/interactions/5/tok/callback", {"type": 5})]
    frame["d"] = {**COMMAND, "token": ""}
    assert talk.feed(json.dumps(frame).encode(), 1.0).calls == ()


def signed(value: Any, key: Ed25519PrivateKey = KEY) -> Request:
    request = posted(value)
    proof = key.sign(b"1700000000" + request.body).hex()
    return stamped(request, x_signature_timestamp="1700000000", x_signature_ed25519=proof)


COMMAND = {
    "id": "5",
    "application_id": "A",
    "token": "tok",
    "type": 2,
    "channel_id": "C1",
    "user": {"id": "7"},
    "data": {"name": "status"},
}


def test_interactions() -> None:
    driver = make("webhook")
    hooked = driver.hook(signed({"type": 1}), NOW_MS)
    assert (hooked.status, json.loads(hooked.body), hooked.content_type) == (200, {"type": 1}, "application/json")
    hooked = driver.hook(signed(COMMAND), NOW_MS)
    assert (json.loads(hooked.body), hooked.inbound[0].text) == ({"type": 5}, "/status")


REFUSED = {
    "another key": (signed(COMMAND, Ed25519PrivateKey.from_private_bytes(bytes(32))), 401),
    "unsigned": (posted(COMMAND), 401),
    "wrong method": (Request("GET"), 405),
    "not JSON": (signed(b"x"), 400),
    "unknown type": (signed({**COMMAND, "type": 9}), 400),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(request_: Request, status: int) -> None:
    hooked = make("webhook").hook(request_, NOW_MS)
    assert (hooked.status, hooked.inbound) == (status, ())


@pytest.mark.parametrize("late_s", [-301, 301])
def test_a_recorded_interaction_is_refused_later(late_s: int) -> None:
    assert make("webhook").hook(signed(COMMAND), NOW_MS + late_s * 1000).status == 401


QUIET: dict[str, Any] = {"allowed_mentions": {"parse": []}}
PICTURE = [{"image": {"url": "https://x/a.png"}}]
SENT: list[tuple[Outbound, tuple[str, str, Any]]] = [
    (Outbound("C1", "hi"), ("POST", "/channels/C1/messages", {"content": "hi", **QUIET})),
    (Outbound("C1", "hi", thread_id="T1"), ("POST", "/channels/T1/messages", {"content": "hi", **QUIET})),
    (
        Outbound("C1", "hi", reply_to="5"),
        (
            "POST",
            "/channels/C1/messages",
            {"content": "hi", "message_reference": {"message_id": "5", "fail_if_not_exists": False}, **QUIET},
        ),
    ),
    (
        Outbound("C1", "new", action="edit", message_id="5"),
        ("PATCH", "/channels/C1/messages/5", {"content": "new", **QUIET}),
    ),
    (
        Outbound("C1", "Lunch?", action="poll", poll=Poll(("a", "b"))),
        (
            "POST",
            "/channels/C1/messages",
            {
                "poll": {
                    "question": {"text": "Lunch?"},
                    "answers": [{"poll_media": {"text": "a"}}, {"poll_media": {"text": "b"}}],
                    "allow_multiselect": False,
                },
                **QUIET,
            },
        ),
    ),
    (
        Outbound("C1", "Q", action="poll", thread_id="T1", poll=Poll(("a",), True, 7200, False, True)),
        (
            "POST",
            "/channels/T1/messages",
            {
                "poll": {
                    "question": {"text": "Q"},
                    "answers": [{"poll_media": {"text": "a"}}],
                    "allow_multiselect": True,
                    "duration": 2,
                },
                "flags": 4096,
                **QUIET,
            },
        ),
    ),
    (Outbound("C1", "", action="unsend", message_id="5"), ("DELETE", "/channels/C1/messages/5", None)),
    (
        Outbound("C1", "👍", action="react", message_id="5"),
        ("PUT", "/channels/C1/messages/5/reactions/%F0%9F%91%8D/@me", None),
    ),
    (
        Outbound("C1", "hi", reply_token="A/tok"),
        ("PATCH", "/webhooks/A/tok/messages/@original", {"content": "hi", **QUIET}),
    ),
    (
        Outbound("C1", "more", reply_token="A/tok", part_index=1),
        ("POST", "/webhooks/A/tok?wait=true", {"content": "more", **QUIET}),
    ),
    (
        Outbound("C1", "see", media=(Media("image", url="https://x/a.png"),)),
        (
            "POST",
            "/channels/C1/messages",
            {"content": "see", "embeds": [{"image": {"url": "https://x/a.png"}}], **QUIET},
        ),
    ),
    (
        Outbound("C1", "see", media=(Media("document", url="https://x/a.pdf"),)),
        ("POST", "/channels/C1/messages", {"content": "see\nhttps://x/a.pdf", **QUIET}),
    ),
]


@pytest.mark.parametrize(("out", "call"), SENT)
def test_calls(out: Outbound, call: tuple[str, str, Any]) -> None:
    assert asked(make().send(out, 0)) == call


def test_the_same_part_has_the_same_nonce() -> None:
    nonces = {
        asked(make().send(Outbound("C1", "hi", key=key, part_index=index), 0))[2]["nonce"]
        for key, index in (("k", 0), ("k", 0), ("k", 1), ("l", 0))
    }
    assert len(nonces) == 3
    assert all(len(nonce) <= 25 for nonce in nonces)


@pytest.mark.parametrize("chat", ["", "..", "."])
def test_an_id_leads_nowhere_else(chat: str) -> None:
    with pytest.raises(SendRefused):
        make().send(Outbound(chat, "x"), 0)
    assert asked(make().send(Outbound("../users", "x"), 0))[1] == "/channels/..%2Fusers/messages"


def test_what_answers_mean() -> None:
    driver, say = make(), Outbound("C1", "x")
    assert driver.sent(say, answer({"id": "5"})) == "5"
    assert driver.sent(say._replace(message_id="5"), Answer(204, {}, b"")) == "5"
    bad: list[tuple[Answer, type[Exception], float | None]] = [
        (answer({"retry_after": 0.5, "global": False}, 429), SendLater, 0.5),
        (answer("x", 429, retry_after="4"), SendLater, 4.0),
        (answer({}, 500), SendLater, None),
        (answer({"code": 50001}, 403), SendRefused, None),
        (answer({}, 401), SendRefused, None),
    ]
    for given, error, after_s in bad:
        with pytest.raises(error) as raised:
            driver.sent(say, given)
        assert getattr(raised.value, "after_s", None) == after_s


def test_an_empty_bucket_is_waited_for() -> None:
    driver = make()
    assert driver.pause_s(answer({}, x_ratelimit_remaining="1", x_ratelimit_reset_after="3")) == 0
    assert driver.pause_s(answer({}, x_ratelimit_remaining="0", x_ratelimit_reset_after="3")) == 3.0
    assert driver.pause_s(answer({}, x_ratelimit_remaining="0")) == 0


def test_typing() -> None:
    assert asked(make().typing("C1", "T1")) == ("POST", "/channels/T1/typing", None)


@pytest.mark.parametrize("poll", [Poll(("a", "b"), is_anonymous=True), Poll(("a", "b"), open_s=90)])
def test_polls_that_discord_does_not_know_are_refused(poll: Poll) -> None:
    with pytest.raises(SendRefused):
        make().send(Outbound("C1", "Lunch?", action="poll", poll=poll), 0)
