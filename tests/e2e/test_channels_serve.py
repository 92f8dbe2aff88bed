"""Each provider's fake against a real `clawgate serve`: in, judged, a turn, its answer out, kills in the middle."""

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support import fake_discord, fake_slack, fake_telegram, fake_whatsapp
from tests.support.fake_discord import FakeDiscord
from tests.support.fake_provider import Called, FakeProvider, Reply
from tests.support.fake_slack import FakeSlack
from tests.support.fake_telegram import FakeTelegram
from tests.support.fake_whatsapp import FakeWhatsApp
from tests.support.serving import Serving, serving
from tests.support.waiting import until

pytestmark = pytest.mark.slow

POLICY = """
version: 1
kind: policy
id: test.channels
title: One word is not for channels
mode: enforce
deny:
  - id: chan.word
    title: The word
    severity: critical
    target: [prompt]
    when: {provenance: [channel]}
    pattern: ['xyzzy']
    say: That word is not for here
    hit: ['xyzzy']
    miss: ['abc']
"""


class Way:
    """One provider and transport: how people talk there, and what they see."""

    def __init__(
        self, fake: FakeProvider, channel: str, transport: str, options: dict[str, Any], secrets: dict[str, str]
    ) -> None:
        self.fake = fake
        self.channel = channel
        self.transport = transport
        self.options = options
        self.secrets = secrets
        self.ready: Callable[[], object] = lambda: True
        self.say: Callable[[Serving, str], object]
        self.again: Callable[[Serving], object]  # the same message once more
        self.replies: Callable[[], list[str]]
        self.say_in_a_thread: Callable[[Serving, str, bool], object]
        self.thread_replies: Callable[[], list[Any]]

    def in_a_thread(self, deliver: Callable[[Serving, str, bool], object], replies: Callable[[], list[Any]]) -> None:
        """`say_in_a_thread(served, text, is_mentioned)` says it in a thread of a group; what was answered there."""
        self.say_in_a_thread, self.thread_replies = deliver, replies

    def talk(self, make: Callable[[str], Any], deliver: Callable[[Serving, Any], object]) -> None:
        """`say` makes a message and delivers it, `again` delivers the last one."""
        said: list[Any] = []

        def say(served: Serving, text: str) -> None:
            said.append(make(text))
            deliver(served, said[-1])

        self.say, self.again = say, lambda served: deliver(served, said[-1])

    def hook_url(self, served: Serving) -> str:
        return f"{served.http}/channels/{self.channel}/default"


def telegram_poll(fake: FakeTelegram) -> Way:
    way = Way(fake, "telegram", "poll", {"apiRoot": fake.http, "pollSeconds": 1}, {"botToken": fake_telegram.TOKEN})
    way.say = lambda served, text: fake.say(text)
    way.again = lambda served: None  # Telegram repeats what was not confirmed, nothing else
    way.ready = lambda: fake.called("/getUpdates")

    def in_a_topic(served: Serving, text: str, is_mentioned: bool) -> None:
        marks = [{"type": "mention", "offset": 0, "length": 10}] if is_mentioned else []
        text = f"@HelperBot {text}" if is_mentioned else text
        fake.say(text, fake_telegram.FORUM, message_thread_id=5, is_topic_message=True, entities=marks)

    way.in_a_thread(in_a_topic, lambda: [sent["text"] for sent in fake.sent if sent.get("message_thread_id") == 5])
    way.replies = lambda: [message["text"] for message in fake.sent]
    return way


def telegram_webhook(fake: FakeTelegram) -> Way:
    secrets = {"botToken": fake_telegram.TOKEN, "webhookSecret": "s3cret"}
    way = Way(fake, "telegram", "webhook", {"apiRoot": fake.http}, secrets)

    def deliver(served: Serving, update: dict[str, Any]) -> None:
        assert fake.deliver(way.hook_url(served), update, "s3cret") == 200
        assert fake.deliver(way.hook_url(served), update, "wrong") == 401

    way.talk(fake.say, deliver)
    way.replies = lambda: [message["text"] for message in fake.sent]
    return way


def slack_socket(fake: FakeSlack) -> Way:
    secrets = {"botToken": fake_slack.BOT_TOKEN, "appToken": fake_slack.APP_TOKEN}
    way = Way(fake, "slack", "socket", {"apiRoot": f"{fake.http}/api"}, secrets)
    way.talk(fake.event, lambda served, payload: fake.publish(payload))
    way.ready = lambda: fake.listeners

    def in_a_thread(served: Serving, text: str, is_mentioned: bool) -> None:
        place = {"channel": "C1", "channel_type": "channel", "thread_ts": "1699999999.000001"}
        fake.publish(fake.event(f"<@UBOT> {text}" if is_mentioned else text, **place))

    way.in_a_thread(in_a_thread, lambda: [sent["text"] for sent in fake.posted if sent.get("thread_ts")])
    way.replies = lambda: [message["text"] for message in fake.posted]
    return way


def slack_events(fake: FakeSlack) -> Way:
    secrets = {"botToken": fake_slack.BOT_TOKEN, "signingSecret": fake_slack.SIGNING_SECRET}
    way = Way(fake, "slack", "webhook", {"apiRoot": f"{fake.http}/api"}, secrets)

    def deliver(served: Serving, payload: dict[str, Any]) -> None:
        url = way.hook_url(served)
        assert fake.deliver(url, payload)[0] == 200
        assert fake.deliver(url, payload, at=time.time() - 400)[0] == 401
        assert fake.deliver(url, payload, secret="wrong")[0] == 401
        assert fake.deliver(url, {"type": "url_verification", "challenge": "abc"}) == (200, b"abc")

    way.talk(fake.event, deliver)
    way.replies = lambda: [message["text"] for message in fake.posted]
    return way


def discord_gateway(fake: FakeDiscord) -> Way:
    way = Way(fake, "discord", "socket", {"apiRoot": f"{fake.http}/v10"}, {"botToken": fake_discord.TOKEN})
    way.talk(fake.message, lambda served, message: fake.publish("MESSAGE_CREATE", message))
    way.ready = lambda: fake.listeners and fake.identified + fake.resumed

    def in_a_thread(served: Serving, text: str, is_mentioned: bool) -> None:
        fake.publish("THREAD_CREATE", {"id": "600", "parent_id": "500", "guild_id": "1", "type": 11, "name": "t"})
        mentions = [fake_discord.BOT] if is_mentioned else []
        text = f"<@900> {text}" if is_mentioned else text
        place = {"channel_id": "600", "guild_id": "1", "mentions": mentions}
        fake.publish("MESSAGE_CREATE", fake.message(text, **place))

    way.in_a_thread(in_a_thread, lambda: [sent["content"] for sent in fake.posted if sent["channel_id"] == "600"])
    way.replies = lambda: [message["content"] for message in fake.posted]
    return way


def whatsapp_webhook(fake: FakeWhatsApp) -> Way:
    secrets = {
        "accessToken": fake_whatsapp.ACCESS_TOKEN,
        "appSecret": fake_whatsapp.APP_SECRET,
        "verifyToken": fake_whatsapp.VERIFY_TOKEN,
    }
    options = {"apiRoot": f"{fake.http}/v23.0", "phoneNumberId": fake_whatsapp.PHONE}
    way = Way(fake, "whatsapp", "webhook", options, secrets)

    def deliver(served: Serving, delivery: dict[str, Any]) -> None:
        url = way.hook_url(served)
        assert fake.deliver(url, delivery) == 200
        assert fake.deliver(url, delivery, "wrong") == 401
        assert fake.verify(url) == b"1158201444"

    way.talk(fake.say, deliver)
    way.replies = lambda: [message["text"]["body"] for message in fake.sent]
    return way


WAYS: dict[str, tuple[type[FakeProvider], Callable[[Any], Way]]] = {
    "telegram poll": (FakeTelegram, telegram_poll),
    "telegram webhook": (FakeTelegram, telegram_webhook),
    "slack socket": (FakeSlack, slack_socket),
    "slack events": (FakeSlack, slack_events),
    "discord gateway": (FakeDiscord, discord_gateway),
    "whatsapp webhook": (FakeWhatsApp, whatsapp_webhook),
}


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    provider, make = WAYS[request.param]
    with provider() as fake:
        yield make(fake)


@contextmanager
def serve(way: Way, folder: Path, debounce_ms: int | None = None, **more: Any) -> Iterator[Serving]:
    account: dict[str, Any] = {
        "dmPolicy": "open",
        "allowFrom": ["*"],
        "transport": way.transport,
        "options": way.options,
        "secretFiles": {},
        "groupPolicy": "open",
        "groups": {"*": {"requireMention": True}},
        **more,
    }
    folder.mkdir(exist_ok=True)
    for name, text in way.secrets.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        account["secretFiles"][name] = str(path)
    channels: dict[str, Any] = {"channels": {way.channel: account}, "session": {"dmScope": "per-channel-peer"}}
    if debounce_ms is not None:
        channels["messages"] = {"inbound": {"byChannel": {way.channel: debounce_ms}}}
    (folder / "channels.yaml").write_text(json.dumps(channels), encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    flags = ["--channels", str(folder / "channels.yaml"), "--policy", str(folder / "policy.yaml")]
    with serving(folder / "home", *flags, module="tests.support.scripted_serve") as served:
        until(lambda: status(served, way)["running"], "the account")
        until(way.ready, "the connection")
        yield served


def status(served: Serving, way: Way) -> dict[str, Any]:
    """What the gateway says of the one account."""
    with served.client("operator.read") as client:
        (account,) = client.call("channels.status")["channelAccounts"][way.channel]
    return dict(account)


def test_a_conversation_with_a_kill_in_the_middle(way: Way, tmp_path: Path) -> None:
    with serve(way, tmp_path, debounce_ms=0) as served:  # the kill is for a turn that has begun
        way.say(served, "m2")
        until(lambda: way.replies() == ["two"], "the answer")
        way.again(served)
        way.say(served, "say xyzzy")
        until(lambda: len(way.replies()) == 2, "the refusal")
        assert way.replies()[1].startswith("Blocked by clawgate: That word is not for here")
        until(lambda: status(served, way)["waiting"]["out"] == 0, "a note that it was sent")  # else it may be repeated
        way.say(served, "no end")
        state = tmp_path / "home" / "state"
        until(lambda: any("no end" in one.read_text() for one in state.glob("sessions.json.journal-*")), "the turn")
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(10)
    with serve(way, tmp_path) as served:
        until(lambda: len(way.replies()) == 3, "word of the restart")
        assert "restarted" in way.replies()[2]
        way.again(served)
        way.say(served, "m3")
        until(lambda: len(way.replies()) == 4, "the next answer")
        way.again(served)
        time.sleep(0.5)
        assert way.replies()[3:] == ["three"]
        log = served.log.read_text(encoding="utf-8")
        assert served.stop() == 0
    kept = "".join(path.read_text(encoding="utf-8", errors="replace") for path in state.rglob("*") if path.is_file())
    for secret in way.secrets.values():
        assert secret not in log
        assert secret not in kept


@pytest.mark.parametrize("way", ["telegram poll", "discord gateway"], indirect=True)
def test_what_is_said_while_it_is_stopped_is_heard_afterwards(way: Way, tmp_path: Path) -> None:
    """Telegram keeps what was not fetched, and Discord a session that was not closed for good."""
    with serve(way, tmp_path) as served:
        way.say(served, "m2")
        until(lambda: way.replies() == ["two"], "the answer")
        assert served.stop() == 0
    way.say(served, "m3")
    with serve(way, tmp_path):
        until(lambda: way.replies() == ["two", "three"], "the answer to what was said meanwhile")


@pytest.mark.parametrize("way", ["telegram poll", "telegram webhook"], indirect=True)
def test_what_is_said_in_one_breath_is_one_turn(way: Way, tmp_path: Path) -> None:
    with serve(way, tmp_path, debounce_ms=2500) as served:
        for text in ("a long story", "in three", "pieces"):
            way.say(served, text)
        until(lambda: way.replies() == ["echo: a long story\nin three\npieces"], "one answer")
        way.say(served, "say xy")
        way.say(served, "and xyzzy")
        until(lambda: len(way.replies()) == 2, "one refusal")
        assert way.replies()[1].startswith("Blocked by clawgate")


def test_an_album_is_one_turn(tmp_path: Path) -> None:
    with FakeTelegram() as fake, serve(telegram_poll(fake), tmp_path, debounce_ms=0):
        for number in range(3):
            caption: dict[str, Any] = {"caption": "our trip"} if number == 0 else {}
            photo = [{"file_id": f"p{number}", "width": 1, "height": 1}]
            fake.say("", photo=photo, media_group_id="13", **caption)
        until(lambda: fake.sent, "an answer")
        assert [sent["text"] for sent in fake.sent] == ["echo: our trip" + "\n<media:image>" * 3]


@pytest.mark.parametrize("way", ["telegram poll", "telegram webhook", "slack events"], indirect=True)
def test_what_waits_for_more_survives_a_kill(way: Way, tmp_path: Path) -> None:
    """The provider has been told that it was taken."""
    received = tmp_path / "home" / "state" / "channels" / f"{way.channel}-default" / "received.jsonl"
    said = ["hello one", "hello two", "hello three"]
    with serve(way, tmp_path, debounce_ms=60_000) as served:
        for text in said:
            way.say(served, text)
        until(lambda: received.read_bytes().count(b"\n") == 3, "all of it on disk")
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(10)
        assert way.replies() == []
    with serve(way, tmp_path, debounce_ms=2500) as served:
        until(lambda: way.replies() == [f"echo: {text}" for text in said], "an answer to each")
        way.again(served)
        way.say(served, "and then")
        way.say(served, "together")
        until(lambda: way.replies()[3:] == ["echo: and then\ntogether"], "the answer to both")
        assert served.stop() == 0
    assert len(way.replies()) == 4


@pytest.mark.parametrize("way", ["telegram poll", "slack socket", "discord gateway"], indirect=True)
def test_a_thread_of_a_group_is_answered_there_when_the_agent_is_meant(way: Way, tmp_path: Path) -> None:
    with serve(way, tmp_path) as served:
        way.say_in_a_thread(served, "nobody in particular", False)
        way.say_in_a_thread(served, "say xyzzy", True)
        until(lambda: len(way.thread_replies()) == 1, "the refusal")
        way.say_in_a_thread(served, "hello", True)
        until(lambda: len(way.thread_replies()) == 2, "the answer")
        assert way.replies() == way.thread_replies()
        assert way.thread_replies()[0].startswith("Blocked by clawgate")
        assert "hello" in way.thread_replies()[1]
        with served.client("operator.read") as client:
            (session,) = client.call("sessions.list")["sessions"]
        assert f":{way.channel}:" in session["key"]


def test_discord_interactions_over_http(tmp_path: Path) -> None:
    with FakeDiscord() as fake:
        options = {"apiRoot": f"{fake.http}/v10", "publicKey": fake_discord.PUBLIC_KEY}
        way = Way(fake, "discord", "webhook", options, {"botToken": fake_discord.TOKEN})
        with serve(way, tmp_path) as served:
            url = way.hook_url(served)
            assert fake.interact(url, {"id": "1", "type": 1}) == (200, {"type": 1})
            other = Ed25519PrivateKey.from_private_bytes(bytes(32))
            assert fake.interact(url, {"id": "1", "type": 1}, other) == (401, None)
            command = fake.command("ask", about="the weather")
            for _ in range(2):  # Discord repeats itself
                assert fake.interact(url, command) == (200, {"type": 5})
            (call,) = until(lambda: fake.called("/messages/@original"), "the answer")
            assert call.path == f"/v10/webhooks/901/{command['token']}/messages/@original"
            assert "the weather" in call.body["content"]
            time.sleep(0.5)
            assert len(fake.called("/messages/@original")) == 1


def test_a_provider_that_hangs_holds_up_nobody_else(tmp_path: Path) -> None:
    """Other chats are answered meanwhile, and a stop does not wait for the hanging call."""
    with FakeTelegram() as fake:
        way = telegram_poll(fake)
        real = fake.answer

        def answer(called: Called) -> Reply:
            if called.path.endswith("/sendMessage") and called.body["chat_id"] == "7":
                gevent.sleep(600)  # far longer than anything here waits
            return real(called)

        fake.answer = answer  # type: ignore[method-assign]
        with serve(way, tmp_path) as served:
            fake.say("hello")
            until(lambda: len(fake.called("/sendMessage")) == 1, "the call that hangs")
            way.say_in_a_thread(served, "hello there", True)
            until(lambda: way.thread_replies(), "the answer to somebody else")
            assert served.stop() == 0


KILLS = 5


@pytest.mark.parametrize("way", ["telegram poll", "slack socket", "discord gateway"], indirect=True)
def test_kills_at_random_lose_nothing(way: Way, tmp_path: Path) -> None:
    """Everything said is answered, by its answer or by word of a restart, whenever the gateway was killed.

    Once: Telegram and Slack know no key for a message, so what was out at a kill may come twice there.
    """
    chance = random.Random(7)
    said: list[str] = []
    for _ in range(KILLS):
        with serve(way, tmp_path, debounce_ms=0) as served:
            for _ in range(chance.randint(1, 5)):
                said.append(f"hello {len(said)}")
                way.say(served, said[-1])
            time.sleep(chance.random() * 0.35)
            served.process.send_signal(signal.SIGKILL)
            served.process.wait(10)
    with serve(way, tmp_path) as served:
        until(lambda: len(way.replies()) >= len(said), "an answer to everything", 40)
        time.sleep(1.0)
        assert served.stop() == 0
    answers = Counter(way.replies())
    heard = [text for text in said if answers[f"echo: {text}"]]
    notices = [text for text in way.replies() if "restarted" in text]
    assert len(heard) + len(notices) >= len(said)
    assert len(way.replies()) <= len(said) + (0 if way.channel == "discord" else KILLS)


def test_kills_at_random_lose_nothing_that_was_to_be_joined(tmp_path: Path) -> None:
    """Everything said is in one answer, or in a message whose sender was told of a restart; never in two answers."""
    chance = random.Random(11)
    said: dict[str, str] = {}  # message id -> text, in order
    with FakeTelegram() as fake:
        way = telegram_poll(fake)

        def answers() -> set[str]:
            return {text.removeprefix("echo: ") for text in way.replies() if text.startswith("echo: ")}

        def unaccounted() -> list[str]:
            answered = {line for text in answers() for line in text.split("\n")}
            told = {
                str(call.body["reply_parameters"]["message_id"])
                for call in fake.called("/sendMessage")
                if "restarted" in call.body["text"]
            }
            left: list[str] = []
            since: list[str] = []  # the last answer: what a notice may stand for
            for message_id, text in said.items():
                since.append(text)
                if text in answered:
                    left += since[:-1]
                if text in answered or message_id in told:
                    since = []
            return left + since

        for _ in range(KILLS):
            with serve(way, tmp_path, debounce_ms=80, replyToMode="all") as served:
                for _ in range(chance.randint(2, 6)):
                    text = f"hello {len(said)}"
                    said[str(fake.say(text)["message"]["message_id"])] = text
                    time.sleep(chance.random() * 0.1)
                time.sleep(chance.random() * 0.2)
                served.process.send_signal(signal.SIGKILL)
                served.process.wait(10)
        with serve(way, tmp_path, debounce_ms=80, replyToMode="all") as served:
            until(lambda: not unaccounted(), "word of everything", 40)
            time.sleep(1.0)
            assert served.stop() == 0
        lines = Counter(line for text in answers() for line in text.split("\n"))
        assert lines and max(lines.values()) == 1
        assert any("\n" in text for text in answers()), "something was joined"
