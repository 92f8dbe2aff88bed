"""The Telegram driver: polls, webhooks, calls and what their answers mean."""

import json
from typing import Any

import pytest

from gw.channels.base import AccountConfig, Answer, Call, ChannelStopped, Media, Outbound, Poll, SendLater, SendRefused
from gw.channels.telegram import Telegram
from tests.support.hooks import Request, posted

TOKEN = "123:t0ken"
UPDATE = {
    "update_id": 10,
    "message": {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 7, "type": "private"},
        "from": {"id": 7, "first_name": "A"},
        "text": "hi",
    },
}


def make(transport: str = "poll", **options: Any) -> Telegram:
    secrets = {"botToken": TOKEN, "webhookSecret": "s3cret"}
    return Telegram(AccountConfig("telegram", "default", transport, {"apiRoot": "http://x/", **options}, secrets))


def answer(result: Any = True, status: int = 200, **fields: Any) -> Answer:
    return Answer(status, {}, json.dumps({"ok": status == 200, "result": result, **fields}).encode())


def asked(call: Call | None) -> tuple[str, dict[str, Any]]:
    assert call is not None
    prefix = f"http://x/bot{TOKEN}/"
    assert call.url.startswith(prefix)
    return call.url.removeprefix(prefix), json.loads(call.body)


def test_it_meets_itself_and_clears_the_webhook_before_polling() -> None:
    driver = make()
    assert asked(driver.hello()) == ("getMe", {})
    question = driver.met(answer({"id": 99, "username": "MyBot", "has_topics_enabled": True}))
    assert asked(question) == ("deleteWebhook", {"drop_pending_updates": False})
    assert driver.met(answer()) is None
    assert driver.bot == ("99", "MyBot", True)


def test_it_sets_its_webhook_when_it_knows_the_address() -> None:
    method, params = asked(make("webhook", webhookUrl="https://me/x").met(answer({"id": 99})))
    assert (method, params["url"], params["secret_token"]) == ("setWebhook", "https://me/x", "s3cret")
    assert make("webhook").met(answer({"id": 99})) is None


def test_polling_goes_on_behind_the_last_update() -> None:
    driver = make(pollSeconds=500)
    method, params = asked(driver.poll(None))
    assert (method, "offset" in params, params["timeout"]) == ("getUpdates", False, 50)
    assert driver.poll(None).timeout_s > 50
    polled = driver.polled(answer([UPDATE, {**UPDATE, "update_id": 11}, {"update_id": 12, "odd": 1}, "odd"]), None)
    assert polled.cursor == {"offset": 13}
    assert len(polled.inbound) == 2
    assert asked(driver.poll(polled.cursor))[1]["offset"] == 13
    assert driver.polled(answer([]), polled.cursor).cursor == polled.cursor


BAD: list[tuple[Answer, type[Exception], float | None]] = [
    (answer(status=401), ChannelStopped, None),
    (answer(status=404), ChannelStopped, None),
    (answer(status=409, description="Conflict"), SendLater, 30.0),
    (answer(status=429, parameters={"retry_after": 7}), SendLater, 7.0),
    (answer(status=429), SendLater, None),
    (answer(status=502), SendLater, None),
    (answer({"no": "list"}), SendLater, None),
    (Answer(200, {}, b"<html>"), SendLater, None),
]


@pytest.mark.parametrize(("bad", "error", "after_s"), BAD)
def test_bad_polls(bad: Answer, error: type[Exception], after_s: float | None) -> None:
    driver = make()
    driver.polled(answer([]), None)
    with pytest.raises(error) as raised:
        driver.polled(bad, None)
    assert getattr(raised.value, "after_s", None) == after_s
    assert TOKEN not in str(raised.value)


def test_the_poll_of_a_killed_process_is_waited_for_only_briefly() -> None:
    with pytest.raises(SendLater) as raised:
        make().polled(answer(status=409, description="Conflict"), None)
    assert raised.value.after_s is None


def test_a_webhook_is_taken_with_the_secret() -> None:
    hooked = make("webhook").hook(posted(UPDATE, x_telegram_bot_api_secret_token="s3cret"), 0)
    assert (hooked.status, hooked.body, len(hooked.inbound)) == (200, b"", 1)


REFUSED = {
    "no secret": (posted(UPDATE), 401),
    "wrong secret": (posted(UPDATE, x_telegram_bot_api_secret_token="S3cret"), 401),
    "wrong method": (Request("GET"), 405),
    "not JSON": (posted(b"{", x_telegram_bot_api_secret_token="s3cret"), 400),
    "no object": (posted([UPDATE], x_telegram_bot_api_secret_token="s3cret"), 400),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(request_: Request, status: int) -> None:
    hooked = make("webhook").hook(request_, 0)
    assert (hooked.status, hooked.inbound) == (status, ())


SENT: list[tuple[Outbound, str, dict[str, Any]]] = [
    (Outbound("7", "hi"), "sendMessage", {"chat_id": "7", "text": "hi"}),
    (
        Outbound("7", "hi", thread_id="5", reply_to="40"),
        "sendMessage",
        {
            "chat_id": "7",
            "text": "hi",
            "message_thread_id": 5,
            "reply_parameters": {"message_id": 40, "allow_sending_without_reply": True},
        },
    ),
    (Outbound("7", "hi", thread_id="1"), "sendMessage", {"chat_id": "7", "text": "hi"}),
    (
        Outbound("7", "new", action="edit", message_id="9"),
        "editMessageText",
        {"chat_id": "7", "message_id": 9, "text": "new"},
    ),
    (Outbound("7", "", action="unsend", message_id="9"), "deleteMessage", {"chat_id": "7", "message_id": 9}),
    (
        Outbound("7", "👍", action="react", message_id="9"),
        "setMessageReaction",
        {"chat_id": "7", "message_id": 9, "reaction": [{"type": "emoji", "emoji": "👍"}]},
    ),
    (
        Outbound("7", "see", media=(Media("image", url="https://x/a.png"),)),
        "sendPhoto",
        {"chat_id": "7", "photo": "https://x/a.png", "caption": "see"},
    ),
    (Outbound("7", "", media=(Media("odd", id="f"),)), "sendDocument", {"chat_id": "7", "document": "f"}),
]


@pytest.mark.parametrize(("out", "method", "params"), SENT)
def test_calls(out: Outbound, method: str, params: dict[str, Any]) -> None:
    assert asked(make().send(out, 0)) == (method, params)


def test_polls() -> None:
    out = Outbound("-100", "Lunch?", thread_id="5", action="poll", poll=Poll(("a", "b")))
    options = [{"text": "a"}, {"text": "b"}]
    plain = {"chat_id": "-100", "message_thread_id": 5, "question": "Lunch?", "options": options}
    assert asked(make().send(out, 0)) == ("sendPoll", {**plain, "allows_multiple_answers": False})
    chosen = out._replace(poll=Poll(("a", "b"), True, 60, False, True))
    more = {"allows_multiple_answers": True, "open_period": 60, "is_anonymous": False, "disable_notification": True}
    assert asked(make().send(chosen, 0)) == ("sendPoll", {**plain, **more})


def test_a_pressed_button_hears_that_it_was() -> None:
    message = {**UPDATE["message"], "from": {"id": 99}}  # type: ignore[dict-item]
    query = {"update_id": 5, "callback_query": {"id": "77", "from": {"id": 7}, "data": "yes", "message": message}}
    for calls in (
        make().polled(answer([query]), None).calls,
        make("webhook").hook(posted(query, x_telegram_bot_api_secret_token="s3cret"), 0).calls,
    ):
        assert [asked(call) for call in calls] == [("answerCallbackQuery", {"callback_query_id": "77"})]


def test_text_is_never_markup() -> None:
    assert "parse_mode" not in asked(make().send(Outbound("7", "<b>*x*"), 0))[1]


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(SendRefused):
        make().send(Outbound("7", "x", reply_to="abc"), 0)


def test_what_answers_mean() -> None:
    driver, say = make(), Outbound("7", "x")
    edit = Outbound("7", "x", action="edit", message_id="9")
    assert driver.sent(say, answer({"message_id": 41})) == "41"
    assert driver.sent(edit, answer()) == "9"
    same = answer(status=400, description="Bad Request: message is not modified: specified new message content ...")
    assert driver.sent(edit, same) == "9"
    for bad, error in (
        (answer(status=400, description="Bad Request: chat not found"), SendRefused),
        (answer(status=403, description="Forbidden: bot was blocked by the user"), SendRefused),
        (answer(status=401), SendRefused),
        (answer(status=429, parameters={"retry_after": 3}), SendLater),
    ):
        with pytest.raises(error):
            driver.sent(say, bad)
    assert driver.pause_s(answer()) > 0


def test_typing_keeps_the_general_topic() -> None:
    assert asked(make().typing("7", "1")) == (
        "sendChatAction",
        {"chat_id": "7", "action": "typing", "message_thread_id": 1},
    )
    assert "message_thread_id" not in asked(make().typing("7", ""))[1]
