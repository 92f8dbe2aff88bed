"""What others wrote for the same APIs: do our fakes speak as the providers do, and do our drivers?

Set CLAWGATE_SDK_PYTHON to an interpreter that has slack_sdk, aiogram and discord.py (they drive our fakes), and
CLAWGATE_SDK_NODE to a folder where npm installed telegram-test-api (our driver talks to it); the others are skipped.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest

from gw.channels.base import AccountConfig, Outbound
from tests.support import fake_discord, fake_slack, fake_telegram
from tests.support.channel_account import running
from tests.support.fake_discord import FakeDiscord
from tests.support.fake_provider import post
from tests.support.fake_slack import FakeSlack
from tests.support.fake_telegram import FakeTelegram
from tests.support.waiting import until

PYTHON = os.environ.get("CLAWGATE_SDK_PYTHON")
SERVER = Path(__file__).parents[1] / "support/telegram_test_api.mjs"
SESSION = Path(__file__).parents[1] / "support/sdk_session.py"
TIMEOUT_S = 30

NODE_FOLDER = os.environ.get("CLAWGATE_SDK_NODE")

pytestmark = pytest.mark.slow
needs_python = pytest.mark.skipif(PYTHON is None, reason="no interpreter with the libraries (CLAWGATE_SDK_PYTHON)")
needs_node = pytest.mark.skipif(NODE_FOLDER is None, reason="no folder with telegram-test-api (CLAWGATE_SDK_NODE)")


class Session:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def saw(self) -> Any:
        out, errors = self.process.communicate(timeout=TIMEOUT_S)
        assert self.process.returncode == 0, errors
        return json.loads(out)


@contextmanager
def session(*arguments: str) -> Iterator[Session]:
    assert PYTHON is not None
    process = subprocess.Popen(
        [PYTHON, str(SESSION), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield Session(process)
    finally:
        process.kill()
        process.communicate()


@needs_python
def test_slack_sdk() -> None:
    with FakeSlack() as fake, session("slack", fake.http, fake_slack.BOT_TOKEN, fake_slack.APP_TOKEN) as bot:
        until(lambda: fake.listeners or bot.is_over(), "the socket")
        envelope = fake.publish(fake.event("hello"))
        saw = bot.saw()
        assert (saw["me"], saw["heard"], saw["edited"]) == ("UBOT", ["events_api", "hello", "D1"], True)
        assert fake.acknowledged == [envelope]
        assert fake.texts == {saw["posted"]: "better"}


@needs_python
def test_aiogram() -> None:
    with FakeTelegram() as fake:
        fake.say("hello")
        with session("telegram", fake.http, fake_telegram.TOKEN) as bot:
            saw = bot.saw()
        assert (saw["me"], saw["heard"], saw["again"]) == ("HelperBot", ["hello", "private"], 0)
        assert (saw["edited"], saw["topic"]) == ("better", 5)
        assert fake.texts[saw["posted"]] == "better"


@needs_python
def test_discord_py() -> None:
    with FakeDiscord() as fake, session("discord", fake.http, fake_discord.TOKEN) as bot:
        until(lambda: fake.identified or bot.is_over(), "the session")
        gevent.sleep(0.3)
        fake.publish("MESSAGE_CREATE", fake.message("hello"))
        saw = bot.saw()
        assert (saw["heard"], saw["posted"], saw["edited"]) == (["hello", "7"], "re", "better")
        assert fake.heartbeats >= 1
        assert list(fake.texts.values()) == ["better"]


@contextmanager
def telegram_test_api() -> Iterator[str]:
    assert NODE_FOLDER is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["node", str(SERVER), NODE_FOLDER, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


@needs_node
def test_our_driver_against_telegram_test_api(tmp_path: Path) -> None:
    token = "sampleToken"
    person = {"id": 1, "first_name": "Ann", "username": "ann", "is_bot": False}
    said = {"botToken": token, "from": person, "chat": {**person, "type": "private"}, "date": 1_700_000_000}

    def call(url: str, value: dict[str, Any]) -> Any:
        status, body = post(url, json.dumps(value).encode(), {"Content-Type": "application/json"})
        assert status == 200
        return json.loads(body)["result"]

    def converse(config: AccountConfig, text: str) -> None:
        with running(config, tmp_path) as bot:
            call(f"{config.options['apiRoot']}/sendMessage", {**said, "text": text})
            until(lambda: bot.receipts, "the reply")
            assert (bot.texts, bot.receipts[0].is_confirmed) == ([text], True)
            edit = Outbound("1", "better", action="edit", message_id=bot.receipts[0].message_ids[0])
            assert bot.send(edit).is_confirmed

    with telegram_test_api() as url:
        options = {"apiRoot": url, "pollSeconds": 1}
        for text in ("hello", "again"):  # each in a process of its own
            converse(AccountConfig("telegram", "default", "poll", options, {"botToken": token}), text)
        updates = call(f"{url}/getUpdates", {"token": token, "chatId": 1})
        assert [update["message"]["text"] for update in updates] == ["better", "better"]
        assert updates[0]["message"]["reply_parameters"]["message_id"] == 1
