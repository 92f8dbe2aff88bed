"""Every driver over real sockets against its provider's fake: in, out, edits and threads, failures, restarts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.channels.base import AccountConfig, Inbound, Outbound, Poll
from tests.support import fake_discord, fake_slack, fake_telegram, fake_whatsapp
from tests.support.channel_account import Running, running
from tests.support.fake_discord import FakeDiscord
from tests.support.fake_provider import mac
from tests.support.fake_slack import FakeSlack
from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_whatsapp import FakeWhatsApp
from tests.support.hooks import posted
from tests.support.waiting import until


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        yield fake


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        yield fake


@pytest.fixture
def discord() -> Iterator[FakeDiscord]:
    with FakeDiscord() as fake:
        yield fake


@pytest.fixture
def whatsapp() -> Iterator[FakeWhatsApp]:
    with FakeWhatsApp() as fake:
        yield fake


def telegram_config(fake: FakeTelegram) -> AccountConfig:
    options = {"apiRoot": fake.http, "pollSeconds": 1}
    return AccountConfig("telegram", "default", "poll", options, {"botToken": fake_telegram.TOKEN})


def slack_config(fake: FakeSlack) -> AccountConfig:
    secrets = {"botToken": fake_slack.BOT_TOKEN, "appToken": fake_slack.APP_TOKEN}
    return AccountConfig("slack", "default", "socket", {"apiRoot": f"{fake.http}/api"}, secrets)


def discord_config(fake: FakeDiscord) -> AccountConfig:
    secrets = {"botToken": fake_discord.TOKEN}
    return AccountConfig("discord", "default", "socket", {"apiRoot": f"{fake.http}/v10"}, secrets)


def whatsapp_config(fake: FakeWhatsApp) -> AccountConfig:
    secrets = {
        "accessToken": fake_whatsapp.ACCESS_TOKEN,
        "appSecret": fake_whatsapp.APP_SECRET,
        "verifyToken": fake_whatsapp.VERIFY_TOKEN,
    }
    options = {"apiRoot": f"{fake.http}/v23.0", "phoneNumberId": fake_whatsapp.PHONE}
    return AccountConfig("whatsapp", "default", "webhook", options, secrets)


# --- Telegram


def test_telegram_polls_answers_edits_and_keeps_to_threads(telegram: FakeTelegram, tmp_path: Path) -> None:
    with running(telegram_config(telegram), tmp_path) as bot:
        telegram.say("hello")
        telegram.say("in a topic", fake_telegram.FORUM, message_thread_id=5, is_topic_message=True)
        until(lambda: len(telegram.sent) == 2, "two replies")
        direct = next(message for message in telegram.sent if message["chat"]["id"] == 7)
        topic = next(message for message in telegram.sent if message["chat"]["id"] == -1001)
        assert (direct["text"], topic["text"], topic["message_thread_id"]) == ("re: hello", "re: in a topic", 5)
        assert telegram.called("/sendMessage")[0].body["reply_parameters"]["allow_sending_without_reply"] is True
        edit = Outbound("7", "better", action="edit", message_id=str(direct["message_id"]))
        assert bot.send(edit).is_confirmed
        assert bot.send(edit).is_confirmed, "the same text again is no failure"
        assert telegram.texts[direct["message_id"]] == "better"
        assert bot.send(edit._replace(action="unsend")).is_confirmed
        assert direct["message_id"] not in telegram.texts
        bot.account.typing("7")
        assert telegram.called("/sendChatAction")
        assert bot.state() == "running"


def test_telegram_polls_ask_in_their_topic(telegram: FakeTelegram, tmp_path: Path) -> None:
    with running(telegram_config(telegram), tmp_path) as bot:
        until(lambda: bot.state() == "running", "the account")
        ask = Outbound("-1001", "Lunch?", thread_id="5", key="p", action="poll", poll=Poll(("soup", "salad")))
        assert bot.send(ask).is_confirmed
        bot.account.send(ask)
        refused = bot.send(ask._replace(key="q", poll=Poll(("soup",))))
        assert "2 to 12 options" in refused.error
    (sent,) = telegram.sent
    assert (sent["poll"]["question"], len(sent["poll"]["options"]), sent["message_thread_id"]) == ("Lunch?", 2, 5)


def test_discord_polls_ask_once(discord: FakeDiscord, tmp_path: Path) -> None:
    with running(discord_config(discord), tmp_path) as bot:
        until(lambda: bot.state() == "running", "the account")
        ask = Outbound("500", "Lunch?", key="p", action="poll", poll=Poll(("soup", "salad"), open_s=3600))
        assert bot.send(ask).is_confirmed
        assert "anonymous" in bot.send(ask._replace(key="q", poll=Poll(("a", "b"), is_anonymous=True))).error
    (sent,) = discord.posted
    assert (sent["poll"]["question"]["text"], sent["poll"]["duration"]) == ("Lunch?", 1)


def test_telegram_goes_on_behind_the_last_update_after_a_restart(telegram: FakeTelegram, tmp_path: Path) -> None:
    with running(telegram_config(telegram), tmp_path):
        telegram.say("one")
        until(lambda: len(telegram.sent) == 1, "the first reply")
    telegram.say("while away")
    with running(telegram_config(telegram), tmp_path) as bot:
        until(lambda: len(telegram.sent) == 2, "the second reply")
        assert bot.texts == ["while away"]
    assert [message["text"] for message in telegram.sent] == ["re: one", "re: while away"]


def test_telegram_is_repeated_within_bounds(telegram: FakeTelegram, tmp_path: Path) -> None:
    telegram.fail("/getMe", {"ok": False}, 502)
    telegram.fail("/sendMessage", {"ok": False, "error_code": 429, "parameters": {"retry_after": 1}}, 429)
    telegram.fail("/sendMessage", {"ok": False}, 500)
    with running(telegram_config(telegram), tmp_path) as bot:
        telegram.say("hello")
        until(lambda: bot.receipts, "a reply after two failures")
        assert bot.receipts[0].is_confirmed
        assert len(telegram.called("/sendMessage")) == 3
        refused = bot.send(Outbound("12345", "nobody"))
        assert "chat not found" in refused.error


def test_telegram_refusing_the_token_stops_the_account(telegram: FakeTelegram, tmp_path: Path) -> None:
    config = telegram_config(telegram)._replace(secrets={"botToken": "1:wrong"})
    with running(config, tmp_path) as bot:
        until(lambda: bot.state() == "stopped", "a stop")
        assert len(telegram.calls) == 1
        assert "wrong" not in json.dumps(bot.account.status())


def test_a_long_answer_arrives_whole_and_in_order(telegram: FakeTelegram, tmp_path: Path) -> None:
    config = telegram_config(telegram)
    config = config._replace(options={**config.options, "textChunkLimit": 30})
    with running(config, tmp_path) as bot:
        words = " ".join(f"word{number}" for number in range(12))
        assert len(bot.send(Outbound("7", words)).message_ids) == 3
        assert " ".join(message["text"] for message in telegram.sent) == words


# --- Slack


def test_slack_answers_in_threads_and_edits(slack: FakeSlack, tmp_path: Path) -> None:
    with running(slack_config(slack), tmp_path) as bot:
        until(lambda: slack.connections == 1, "the socket")
        slack.publish(slack.event("hello"))
        channel = {"channel": "C1", "channel_type": "channel", "thread_ts": "1699999999.000001"}
        slack.publish(slack.event("<@UBOT> in a thread &amp; more", **channel))
        until(lambda: len(slack.posted) == 2, "two replies")
        until(lambda: len(slack.acknowledged) == 2, "two acknowledgements")
        threaded = next(message for message in slack.posted if message["channel"] == "C1")
        assert threaded["thread_ts"] == "1699999999.000001"
        assert threaded["text"] == "re: @helper in a thread &amp; more"
        assert (threaded["unfurl_links"], threaded["unfurl_media"]) == (False, False)
        assert bot.send(Outbound("C1", "better", action="edit", message_id=threaded["ts"])).is_confirmed
        assert slack.texts[threaded["ts"]] == "better"
        again = slack.event("and again", **{**channel, "parent_user_id": "U1"})
        slack.publish(again)
        until(lambda: len(bot.heard) == 3, "the third message")
        assert bot.heard[-1].mentions.implicit == ("bot_thread_participant",)


def test_slack_envelopes_that_come_again_are_one_message(slack: FakeSlack, tmp_path: Path) -> None:
    slack.ignored_acks = 2
    with running(slack_config(slack), tmp_path) as bot:
        until(lambda: slack.connections == 1, "the socket")
        slack.publish(slack.event("hello"))
        until(lambda: slack.acknowledged, "an acknowledgement that counts")
        assert bot.account.status()["repeated"] == 2
        assert bot.texts == ["hello"]


def test_slack_takes_a_new_socket_when_asked_to(slack: FakeSlack, tmp_path: Path) -> None:
    with running(slack_config(slack), tmp_path) as bot:
        until(lambda: slack.connections == 1, "the socket")
        slack.refresh()
        until(lambda: slack.connections == 2, "another socket")
        slack.publish(slack.event("hello"))
        until(lambda: bot.receipts, "the reply")


def test_slack_across_a_restart(slack: FakeSlack, tmp_path: Path) -> None:
    payload = slack.event("hello")
    with running(slack_config(slack), tmp_path):
        until(lambda: slack.connections == 1, "the socket")
        slack.publish(payload)
        until(lambda: slack.posted, "the reply")
    with running(slack_config(slack), tmp_path) as bot:
        until(lambda: slack.connections == 2, "another socket")
        slack.publish(payload)
        slack.publish(slack.event("later"))
        until(lambda: len(slack.posted) == 2, "the second reply")
        assert bot.texts == ["later"]


def test_slack_waits_as_long_as_it_is_told(slack: FakeSlack, tmp_path: Path) -> None:
    slack.fail("chat.postMessage", {"ok": False, "error": "ratelimited"}, 429, Retry_After="1")
    with running(slack_config(slack), tmp_path) as bot:
        assert bot.send(Outbound("C1", "hello")).is_confirmed
        assert len(slack.called("chat.postMessage")) == 2
        assert bot.send(Outbound("C1", "x", action="edit", message_id="1.1")).error == "message_not_found"


def test_slack_events_over_http(slack: FakeSlack, tmp_path: Path) -> None:
    secrets = {"botToken": fake_slack.BOT_TOKEN, "signingSecret": fake_slack.SIGNING_SECRET}
    config = slack_config(slack)._replace(transport="webhook", secrets=secrets)
    with running(config, tmp_path) as bot:
        until(lambda: bot.state() == "running", "the account")
        assert bot.account.hook(posted(slack.event("hello"))).status == 401


# --- Discord


def test_discord_answers_replies_and_edits(discord: FakeDiscord, tmp_path: Path) -> None:
    with running(discord_config(discord), tmp_path) as bot:
        until(lambda: discord.identified == 1, "the session")
        message = discord.message("hello")
        discord.publish("MESSAGE_CREATE", message)
        until(lambda: bot.receipts, "the reply")
        (reply,) = discord.posted
        assert (reply["content"], reply["message_reference"]["message_id"]) == ("re: hello", message["id"])
        assert reply["allowed_mentions"] == {"parse": []}
        assert bot.send(Outbound("500", "better", action="edit", message_id=reply["id"])).is_confirmed
        assert discord.texts[reply["id"]] == "better"
        assert bot.send(Outbound("500", "👍", action="react", message_id=reply["id"])).is_confirmed
        until(lambda: discord.heartbeats >= 2, "heartbeats")
        assert discord.identified == 1


DROPS = {
    "reconnect": lambda fake: fake.order({"op": 7, "t": None, "s": None, "d": None}),
    "invalid but resumable": lambda fake: fake.order({"op": 9, "t": None, "s": None, "d": True}),
    "closed 4000": lambda fake: setattr(fake, "close_next", 4000),
    "heartbeats unanswered": lambda fake: setattr(fake, "is_deaf", True),
}


@pytest.mark.parametrize("drop", DROPS.values(), ids=DROPS)
def test_discord_resumes(discord: FakeDiscord, tmp_path: Path, drop: Any) -> None:
    with running(discord_config(discord), tmp_path) as bot:
        until(lambda: discord.identified == 1, "the session")
        discord.publish("MESSAGE_CREATE", discord.message("before"))
        until(lambda: bot.texts == ["before"], "the first message")
        drop(discord)
        until(lambda: not discord.listeners or discord.resumed, "the end of the connection")
        discord.publish("MESSAGE_CREATE", discord.message("meanwhile"))
        until(lambda: discord.resumed, "a resumed session")
        discord.is_deaf = False
        until(lambda: bot.texts == ["before", "meanwhile"], "what was missed")
        assert discord.identified == 1


def test_discord_identifies_anew_when_the_session_is_gone(discord: FakeDiscord, tmp_path: Path) -> None:
    with running(discord_config(discord), tmp_path) as bot:
        until(lambda: discord.identified == 1, "the session")
        discord.close_next = 4009
        until(lambda: discord.identified == 2, "another session")
        discord.publish("MESSAGE_CREATE", discord.message("hello"))
        until(lambda: bot.texts == ["hello"], "the message")


def test_discord_resumes_after_a_restart_and_hears_what_it_missed(discord: FakeDiscord, tmp_path: Path) -> None:
    with running(discord_config(discord), tmp_path) as bot:
        until(lambda: discord.identified == 1, "the session")
        discord.publish("MESSAGE_CREATE", discord.message("one"))
        until(lambda: bot.receipts, "the reply")
    discord.publish("MESSAGE_CREATE", discord.message("while away"))
    with running(discord_config(discord), tmp_path) as bot:
        until(lambda: bot.receipts, "the second reply")
        assert bot.texts == ["while away"]
    assert (discord.identified, discord.resumed) == (1, 1)
    assert [reply["content"] for reply in discord.posted] == ["re: one", "re: while away"]


@pytest.mark.parametrize(("options", "secrets"), [({}, {"botToken": "wrong"}), ({"intents": 513}, {})])
def test_discord_stops_when_told_for_good(
    discord: FakeDiscord, tmp_path: Path, options: dict[str, Any], secrets: dict[str, str]
) -> None:
    config = discord_config(discord)
    config = config._replace(options={**config.options, **options}, secrets={**config.secrets, **secrets})
    with running(config, tmp_path) as bot:
        until(lambda: bot.state() == "stopped", "a stop")
        assert discord.identified == 0


def test_discord_sends_a_part_whose_answer_was_lost_once(discord: FakeDiscord, tmp_path: Path) -> None:
    lost: list[Any] = []
    real = discord.answer

    def answer(called: Any) -> Any:
        reply = real(called)
        if called.path.endswith("/messages") and not lost:
            lost.append(called)
            return reply._replace(status=502)
        return reply

    discord.answer = answer  # type: ignore[method-assign]
    with running(discord_config(discord), tmp_path) as bot:
        assert bot.send(Outbound("500", "hello", key="k")).is_confirmed
        assert len(discord.called("/messages")) == 2
        assert len(discord.posted) == 1


# --- WhatsApp


def take(bot: Running, delivery: dict[str, Any], secret: str = fake_whatsapp.APP_SECRET) -> int:
    """Meta posts it to the account's webhook; the status of the answer."""
    body = json.dumps(delivery).encode()
    return bot.account.hook(posted(body, x_hub_signature_256=f"sha256={mac(secret, body)}")).status


def test_whatsapp_answers_each_message_once(whatsapp: FakeWhatsApp, tmp_path: Path) -> None:
    delivery = whatsapp.say("one", "two")
    with running(whatsapp_config(whatsapp), tmp_path) as bot:
        until(lambda: bot.state() == "running", "the account")
        assert [take(bot, delivery), take(bot, delivery)] == [200, 200]
        until(lambda: len(whatsapp.sent) == 2, "two replies")
        assert take(bot, whatsapp.status("wamid.out1")) == 200
        assert take(bot, whatsapp.say("forged"), "wrong secret") == 401
        assert [sent["text"]["body"] for sent in whatsapp.sent] == ["re: one", "re: two"]
        assert whatsapp.sent[0]["context"]["message_id"] == bot.heard[0].message_id
    with running(whatsapp_config(whatsapp), tmp_path) as bot:
        until(lambda: bot.state() == "running", "the account")
        assert take(bot, delivery) == 200
        assert take(bot, whatsapp.say("three")) == 200
        until(lambda: bot.receipts, "the third reply")
        assert bot.texts == ["three"]
    assert len(whatsapp.sent) == 3


# --- all of them


def test_a_message_that_was_taken_survives_its_process(whatsapp: FakeWhatsApp, tmp_path: Path) -> None:
    """The process ends while the message is being handled: it is handled again, and answered once."""
    config = whatsapp_config(whatsapp)
    with running(config, tmp_path) as bot:
        until(lambda: bot.state() == "running", "the account")
        stuck: list[Inbound] = []

        def hang(message: Inbound) -> None:
            stuck.append(message)
            until(lambda: False, "nothing", 60)

        bot.account._ingress._handle = hang
        assert take(bot, whatsapp.say("hello")) == 200
        until(lambda: stuck, "the message")
    with running(config, tmp_path) as bot:
        until(lambda: bot.receipts, "the reply")
        assert bot.texts == ["hello"]
    assert len(whatsapp.sent) == 1
