"""The table of drivers: every row loads and says of itself what the table says."""

import pytest

from gw.channels import ALIASES, DRIVERS, load

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


def test_aliases_lead_to_drivers() -> None:
    assert set(ALIASES.values()) <= set(DRIVERS)


def test_an_unknown_channel_is_an_error() -> None:
    with pytest.raises(KeyError):
        load("carrier-pigeon")
