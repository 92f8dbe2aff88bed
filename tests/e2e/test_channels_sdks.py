"""Do our fakes speak as the providers do? Their usual Python libraries say so.

Set CLAWGATE_SDK_PYTHON to an interpreter that has slack_sdk, aiogram and discord.py; without one these are skipped.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.support import fake_discord, fake_slack, fake_telegram
from tests.support.fake_discord import FakeDiscord
from tests.support.fake_provider import until
from tests.support.fake_slack import FakeSlack
from tests.support.fake_telegram import FakeTelegram

PYTHON = os.environ.get("CLAWGATE_SDK_PYTHON")
SESSION = Path(__file__).parents[1] / "support/sdk_session.py"
TIMEOUT_S = 30

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="no interpreter with the providers' libraries (CLAWGATE_SDK_PYTHON)"),
]


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


def test_slack_sdk() -> None:
    with FakeSlack() as fake, session("slack", fake.http, fake_slack.BOT_TOKEN, fake_slack.APP_TOKEN) as bot:
        until(lambda: fake.listeners or bot.is_over(), "the socket")
        envelope = fake.publish(fake.event("hello"))
        saw = bot.saw()
        assert (saw["me"], saw["heard"], saw["edited"]) == ("UBOT", ["events_api", "hello", "D1"], True)
        assert fake.acknowledged == [envelope]
        assert fake.texts == {saw["posted"]: "better"}


def test_aiogram() -> None:
    with FakeTelegram() as fake:
        fake.say("hello")
        with session("telegram", fake.http, fake_telegram.TOKEN) as bot:
            saw = bot.saw()
        assert (saw["me"], saw["heard"], saw["again"]) == ("HelperBot", ["hello", "private"], 0)
        assert (saw["edited"], saw["topic"]) == ("better", 5)
        assert fake.texts[saw["posted"]] == "better"


def test_discord_py() -> None:
    with FakeDiscord() as fake, session("discord", fake.http, fake_discord.TOKEN) as bot:
        until(lambda: fake.identified or bot.is_over(), "the session")
        gevent.sleep(0.3)
        fake.publish("MESSAGE_CREATE", fake.message("hello"))
        saw = bot.saw()
        assert (saw["heard"], saw["posted"], saw["edited"]) == (["hello", "7"], "re", "better")
        assert fake.heartbeats >= 1
        assert list(fake.texts.values()) == ["better"]
