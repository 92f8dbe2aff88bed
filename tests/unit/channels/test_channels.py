"""The table of drivers: every row loads and says of itself what the table says."""

import pytest

from gw.channels import DRIVERS, load
from tests.support.shared import shared_json

CHAT_TYPES = {"direct", "group", "channel", "thread"}
TRANSPORTS = {"poll", "socket", "webhook", "internal"}


@pytest.mark.parametrize("channel", DRIVERS)
def test_a_driver_declares_what_it_can(channel: str) -> None:
    driver = load(channel)
    capabilities = driver.capabilities
    assert capabilities.channel == channel
    assert set(capabilities.chat_types) <= CHAT_TYPES
    assert capabilities.transports
    assert set(capabilities.transports) <= TRANSPORTS
    assert set(driver.SECRETS) == set(capabilities.transports)
    assert capabilities.text_limit > 0


@pytest.mark.parametrize("channel", DRIVERS)
def test_what_a_transport_needs_is_an_option_it_knows(channel: str) -> None:
    driver = load(channel)
    assert set(driver.NEEDS) <= set(driver.capabilities.transports)
    assert {name for names in driver.NEEDS.values() for name in names} <= set(driver.OPTIONS)


def test_the_vectors_of_every_driver_are_run() -> None:
    """Those of Signal are not: it needs a daemon of its own beside the gateway, and is none of the drivers wanted."""
    cases = shared_json("openclaw/vectors/inbound_normalise.json")["cases"]
    assert {row["channel"] for row in cases} - set(DRIVERS) == {"signal"}


def test_an_unknown_channel_is_an_error() -> None:
    with pytest.raises(KeyError):
        load("carrier-pigeon")
