"""channels.status without channels."""

import pytest

from gw.methods.channels import Channels
from gw.observe.health import Health, LoopSample
from tests.support import openclaw
from tests.unit.methods.plain import FixedClock, ask


def make() -> Channels:
    health = Health(0)
    health.sample_loop(LoopSample(1.25, 1000.7, 3.3), 1)
    return Channels(FixedClock(), health)


def test_there_are_none() -> None:
    answer = ask(make(), "channels.status", {"probe": True})
    assert (answer["channels"], answer["channelOrder"], answer["channelAccounts"]) == ({}, [], {})
    assert answer["eventLoop"]["delayMaxMs"] == 1.2


@pytest.mark.openclaw
def test_the_answer_fits_the_published_schema() -> None:
    assert openclaw.problems("ChannelsStatusResult", ask(make(), "channels.status")) == []
