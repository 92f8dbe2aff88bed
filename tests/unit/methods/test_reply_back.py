"""Answers of turns that clients began, in the chat they belong to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.methods.errands import Errands
from gw.methods.reply_back import ReplyBack
from tests.support.chats import Chats, direct
from tests.support.scripted_runner import Fail, ScriptedRunner
from tests.support.sessions import FakeClient, House, house


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "s.json", ScriptedRunner({"fail": [Fail("no", "unknown")]}, steerable=False)) as made:
        yield made


@pytest.fixture
def chats(home: House) -> Chats:
    made = Chats(home, {"channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"]}}})
    defender = made.defender
    errands = Errands(home.talk.desk, home.talk.turns, made.outlet, defender.judge, defender.told.append)
    home.talk.commands.reply_for = ReplyBack(made.outlet, errands.last_target)
    return made


@pytest.fixture
def client(home: House, chats: Chats) -> FakeClient:
    return home.client()


def send(client: FakeClient, key: str = "k", **fields: Any) -> dict[str, Any]:
    return {"sessionKey": "main", "message": "hi", "idempotencyKey": key, **fields}


def test_nothing_leaves_unless_asked(home: House, chats: Chats, client: FakeClient) -> None:
    chats.hear(direct("hello"))
    home.idle()
    client.call("chat.send", **send(client))
    client.call("chat.send", **send(client, "k2", deliver=False))
    home.idle()
    assert chats.account.texts == ["echo: hello"]


def test_back_to_where_the_session_last_talked(home: House, chats: Chats, client: FakeClient) -> None:
    chats.hear(direct("hello"))
    home.idle()
    client.call("chat.send", **send(client, deliver=True))
    client.call("chat.send", **send(client, "k2", message="fail", deliver=True))
    home.idle()
    assert [(out.chat_id, out.text) for out in chats.account.sent[1:]] == [("17", "echo: hi")]


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("chat.send", {"originatingChannel": "telegram", "originatingTo": "99", "originatingThreadId": "t"}),
        ("agent", {"channel": "webchat", "replyChannel": "telegram", "to": "99", "threadId": "t"}),
        ("agent", {"channel": "Telegram", "to": "99", "threadId": "t", "accountId": "default"}),
    ],
)
def test_where_the_caller_says(
    home: House, chats: Chats, client: FakeClient, method: str, fields: dict[str, Any]
) -> None:
    client.frames(method, send(client, deliver=True, **fields))
    home.idle()
    assert [(out.chat_id, out.thread_id, out.text) for out in chats.account.sent] == [("99", "t", "echo: hi")]
    assert chats.defender.asked[-1].method == "channel.reply"


@pytest.mark.parametrize(
    ("fields", "message"),
    [({}, "has no chat"), ({"originatingChannel": "slack", "originatingTo": "C1"}, "does not run")],
)
def test_a_target_that_cannot_be_reached_is_refused_before_anything_runs(
    home: House, client: FakeClient, fields: dict[str, Any], message: str
) -> None:
    assert message in client.error("chat.send", **send(client, deliver=True, **fields))["message"]
    assert home.talk.book.get("agent:main:main") is None


def test_best_effort(home: House, client: FakeClient) -> None:
    params = send(client, deliver=True, bestEffortDeliver=True)
    assert client.frames("agent", params, answers=2)[1]["payload"]["status"] == "ok"


def test_without_channels_nothing_changes(tmp_path: Path) -> None:
    with house(tmp_path / "other.json") as home:
        client = home.client()
        assert client.call("chat.send", **send(client, deliver=True))["status"] == "started"
        home.idle()
