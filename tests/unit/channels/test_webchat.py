"""Webchat is the gateway's own: nothing to call, and no destination."""

import pytest

from gw.channels.base import AccountConfig, Answer, Outbound, SendRefused
from gw.channels.webchat import Webchat


def test_it_is_no_destination() -> None:
    driver = Webchat(AccountConfig("webchat"))
    with pytest.raises(SendRefused):
        driver.send(Outbound("main", "hi"), 0)


def test_it_asks_nobody_anything() -> None:
    driver = Webchat(AccountConfig("webchat"))
    answer = Answer(200, {}, b"")
    assert driver.hello() is None  # type: ignore[func-returns-value]
    assert driver.met(answer) is None  # type: ignore[func-returns-value]
    assert driver.typing("main", "") is None
    assert (driver.pause_s(answer), driver.sent(Outbound("main", "x"), answer)) == (0, "")
