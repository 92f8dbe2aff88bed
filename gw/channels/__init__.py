"""One driver per chat provider, behind the contract in `base.py`."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gw.channels.base import Driver

# Channel -> the class that drives it. Named, not imported: an idle gateway loads no driver.
DRIVERS: Final[Mapping[str, str]] = {
    "telegram": "gw.channels.telegram:Telegram",
    "slack": "gw.channels.slack:Slack",
    "discord": "gw.channels.discord:Discord",
    "whatsapp": "gw.channels.whatsapp:WhatsApp",
    "webchat": "gw.channels.webchat:Webchat",
    "generic": "gw.channels.generic:Generic",
}


def load(channel: str) -> "type[Driver]":
    """The driver of a channel; raises KeyError for one we do not have."""
    module, _, name = DRIVERS[channel].partition(":")
    driver: type[Driver] = getattr(import_module(module), name)
    return driver
