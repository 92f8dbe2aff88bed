"""channels.status, without channels and with some."""

import pytest

from gw.methods.channels import Channels
from gw.observe.health import Health, LoopSample
from tests.support import openclaw
from tests.support.chats import FakeAccount
from tests.unit.methods.plain import FixedClock, ask

SOME = Channels(FixedClock(), Health(0), [FakeAccount(), FakeAccount("slack"), FakeAccount("slack", "work")])


def make() -> Channels:
    health = Health(0)
    health.sample_loop(LoopSample(1.25, 1000.7, 3.3), 1)
    return Channels(FixedClock(), health)


def test_there_are_none() -> None:
    answer = ask(make(), "channels.status", {"probe": True})
    assert (answer["channels"], answer["channelOrder"], answer["channelAccounts"]) == ({}, [], {})
    assert answer["eventLoop"]["delayMaxMs"] == 1.2


def test_accounts_are_shown_by_channel() -> None:
    answer = ask(SOME, "channels.status")
    assert answer["channelOrder"] == ["telegram", "slack"]
    assert [row["accountId"] for row in answer["channelAccounts"]["slack"]] == ["default", "work"]
    assert answer["channels"]["slack"] == {"configured": True, "running": True}
    assert answer["channelDefaultAccountId"]["slack"] == "default"
    assert ask(SOME, "channels.status", {"channel": "slack"})["channelOrder"] == ["slack"]


def test_what_was_stopped_does_not_run() -> None:
    channels = Channels(FixedClock(), Health(0), [FakeAccount()], {("telegram", "default")})
    answer = ask(channels, "channels.status")
    assert answer["channelAccounts"]["telegram"][0]["running"] is False
    assert answer["channels"]["telegram"]["running"] is False


@pytest.mark.openclaw
def test_the_answer_fits_the_published_schema() -> None:
    for channels in (make(), SOME):
        assert openclaw.problems("ChannelsStatusResult", ask(channels, "channels.status")) == []
