"""How long a message waits: channel over common setting over the channel's default, and longer behind a cut text."""

from typing import Any

import pytest

from gw.routing.debounce import wait_ms


@pytest.mark.parametrize(
    ("settings", "channel", "chars", "expected"),
    [
        ({}, "telegram", 10, 300),
        ({}, "slack", 10, 0),
        ({"debounceMs": 700}, "telegram", 10, 700),
        ({"debounceMs": 700}, "slack", 10, 700),
        ({"debounceMs": 0}, "telegram", 10, 0),
        ({"debounceMs": 700, "byChannel": {"slack": 50}}, "slack", 10, 50),
        ({"debounceMs": 700, "byChannel": {"slack": 50}}, "discord", 10, 700),
        ({"debounceMs": 700, "byChannel": {"telegram": 0}}, "telegram", 5000, 0),
        ({}, "telegram", 3999, 300),
        ({}, "telegram", 4000, 1500),
        ({"debounceMs": 2000}, "telegram", 4000, 2000),
        ({"debounceMs": 700}, "slack", 5000, 700),
        ({"byChannel": None}, "telegram", 10, 300),
    ],
)
def test_wait(settings: dict[str, Any], channel: str, chars: int, expected: int) -> None:
    assert wait_ms(settings, channel, chars) == expected
