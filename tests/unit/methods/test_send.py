"""Messages on somebody's behalf: where they go, and one effect per key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw import hub
from gw.channels.base import Outbound, Poll, Receipt
from gw.errors import Overloaded, StoreError
from gw.methods import send
from gw.methods.outlet import Outlet
from gw.methods.send import Send
from tests.support.chats import FakeAccount, FakeDefender
from tests.support.sessions import FakeClient, House, house


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "s.json") as made:
        yield made


def serve(home: House, *accounts: FakeAccount) -> FakeClient:
    outlet = Outlet(FakeDefender().judge, lambda decision: None)
    for account in accounts:
        outlet.add(account)
    home.router.attach(Send(outlet, home.talk.claimed, hub.Greenlets()))
    return home.client()


def say(**fields: Any) -> dict[str, Any]:
    return {"to": "5", "message": "hi", "idempotencyKey": "k", **fields}


def test_a_message_is_sent_once_per_key(home: House) -> None:
    account = FakeAccount()
    client = serve(home, account)
    answer = client.call("send", **say(threadId="t", replyToId="m"))
    assert answer == {"runId": "k", "channel": "telegram", "chatId": "5", "messageId": "sent-1"}
    assert client.call("send", **say(threadId="t", replyToId="m")) == answer
    assert [(out.chat_id, out.thread_id, out.reply_to, out.text) for out in account.sent] == [("5", "t", "m", "hi")]
    error = client.error("send", **say(message="something else"))
    assert error["details"]["reason"] == "chat-request-conflict"
    assert len(account.sent) == 1


@pytest.mark.parametrize(
    ("fields", "channel", "chat_id"),
    [
        ({"to": "telegram:7"}, "telegram", "7"),
        ({"to": "channel:C1", "channel": "slack"}, "slack", "C1"),
        ({"to": "SLACK:channel:C1"}, "slack", "C1"),
        ({"to": "7", "channel": "Telegram"}, "telegram", "7"),
        ({"to": "a:b", "channel": "telegram"}, "telegram", "a:b"),
    ],
)
def test_targets(home: House, fields: dict[str, Any], channel: str, chat_id: str) -> None:
    answer = serve(home, FakeAccount(), FakeAccount("slack")).call("send", **say(**fields))
    assert (answer["channel"], answer["chatId"]) == (channel, chat_id)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "name one"),
        ({"to": "telegram:7", "channel": "slack"}, "not of slack"),
        ({"to": "7", "channel": "webchat"}, "chat.send"),
        ({"to": "webchat:7"}, "chat.send"),
        ({"to": "7", "channel": "irc"}, "does not run"),
        ({"to": "7", "channel": "slack", "accountId": "other"}, "does not run"),
        ({"to": "slack:"}, "names no target"),
        ({"channel": "slack", "message": " "}, "message or media"),
        ({"channel": "slack", "mediaUrl": "https://x.example/a.png"}, "no media"),
        ({"channel": "slack", "buffer": "aGk="}, "not served"),
    ],
)
def test_what_is_refused(home: House, fields: dict[str, Any], message: str) -> None:
    client = serve(home, FakeAccount(), FakeAccount("slack"))
    assert message in client.error("send", **say(**fields))["message"]


def test_without_channels(home: House) -> None:
    assert "no channel" in serve(home).error("send", **say())["message"]


def test_media_are_sent_by_reference(home: House) -> None:
    account = FakeAccount(media=True)
    serve(home, account).call("send", **say(mediaUrls=["https://x.example/a.PNG?x=1", "https://x.example/b"]))
    assert [(one.kind, one.url) for one in account.sent[0].media] == [
        ("image", "https://x.example/a.PNG?x=1"),
        ("document", "https://x.example/b"),
    ]


def test_what_the_provider_refuses_may_be_tried_again(home: House) -> None:
    class Refusing(FakeAccount):
        refuses = True

        def send(self, out: Outbound, done: Any = None) -> None:
            if self.refuses:
                self.keys.add(out.key)  # like an outbox, which remembers what it gave up
                done(Receipt(out.chat_id, error="chat_not_found"))
            else:
                super().send(out, done)

    account = Refusing()
    client = serve(home, account)
    error = client.error("send", **say())
    assert (error["code"], "chat_not_found" in error["message"]) == ("UNAVAILABLE", True)
    account.refuses = False
    assert client.call("send", **say())["messageId"] == "sent-1"


def test_callers_do_not_share_keys(home: House) -> None:
    account = FakeAccount()
    client = serve(home, account)
    assert client.call("send", **say())["messageId"] == "sent-1"
    assert home.client("two").call("send", **say(message="from another"))["messageId"] == "sent-2"


@pytest.mark.parametrize("error", [StoreError("no space left"), Overloaded("channels.outbox")])
def test_what_could_not_be_taken_may_be_tried_again(home: House, error: Exception) -> None:
    account = FakeAccount()
    account.error = error
    client = serve(home, account)
    assert client.error("send", **say())["code"] == "UNAVAILABLE"
    account.error = None
    assert client.call("send", **say())["messageId"] == "sent-1"


def test_a_slow_provider_is_not_waited_for_without_end(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(FakeAccount):
        def send(self, out: Outbound, done: Any = None) -> None:
            self.sent.append(out)

    monkeypatch.setattr(send, "WAIT_S", 0.05)
    account = Silent()
    assert "messageId" not in serve(home, account).call("send", **say())
    assert len(account.sent) == 1


def ask(**fields: Any) -> dict[str, Any]:
    return {"to": "telegram:5", "question": "Lunch?", "options": ["a", "b"], "idempotencyKey": "p", **fields}


def test_a_poll_is_sent_once_per_key(home: House) -> None:
    account = FakeAccount(poll_options=10)
    client = serve(home, account)
    answer = client.call("poll", **ask(threadId="t", maxSelections=2, durationHours=1, silent=True, isAnonymous=False))
    assert answer == {"runId": "p", "channel": "telegram", "chatId": "5", "messageId": "sent-1"}
    (out,) = account.sent
    assert (out.action, out.text, out.thread_id) == ("poll", "Lunch?", "t")
    assert out.poll == Poll(("a", "b"), True, 3600, False, True)
    assert client.error("poll", **ask())["details"]["reason"] == "chat-request-conflict"
    client.call("poll", **ask(idempotencyKey="q"))
    assert account.sent[1].poll == Poll(("a", "b"))
    assert client.call("send", **say(idempotencyKey="p"))["messageId"] == "sent-3", "keys are of one method"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"options": ["a", "b", "c", "d"]}, "at most 3 options"),
        ({"options": ["a", " "]}, "must say something"),
        ({"maxSelections": 3}, "maxSelections"),
        ({"durationSeconds": 60, "durationHours": 1}, "not both"),
    ],
)
def test_polls_that_make_no_sense(home: House, fields: dict[str, Any], words: str) -> None:
    error = serve(home, FakeAccount(poll_options=3)).error("poll", **ask(**fields))
    assert (error["code"], words in error["message"]) == ("INVALID_REQUEST", True)


def test_who_has_no_polls_says_so(home: House) -> None:
    assert serve(home, FakeAccount()).error("poll", **ask())["message"] == "unsupported poll channel: telegram"
