"""gw/modes/guard/access: the guard's own token, where it may stand, and that the gateway never sees it."""

import pytest

from gw.access.throttle import WINDOW_S, LoginThrottle
from gw.modes.guard.access import COOKIE, FrontAccess, without_token
from gw.net.front import Asked
from gw.ports import UpgradeFacts
from tests.support.policies import FakeClock

SECRET = "correct horse"


def asked(target: str = "/", method: str = "GET", **headers: str) -> Asked:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    facts = UpgradeFacts("10.0.0.1", target.partition("?")[0], named, False)
    return Asked(method, target, tuple(named.items()), facts)


def access(secret: str | None = SECRET, failures: int = 100, clock: FakeClock | None = None) -> FrontAccess:
    return FrontAccess(lambda: secret, LoginThrottle(failures), clock or FakeClock())


def test_without_a_token_of_its_own_everybody_may() -> None:
    request = asked("/?clawgate_token=x", cookie=f"{COOKIE}=y")
    assert access(None).admit(request) == (request, None)


GOOD = [
    (asked(x_clawgate_token=SECRET, host="h"), "/", (("host", "h"),)),
    (asked("/x?a=1&clawgate_token=correct%20horse&b=2", "POST"), "/x?a=1&b=2", ()),
    (asked("/?clawgate_token=correct+horse", upgrade="websocket"), "/", (("upgrade", "websocket"),)),
    (asked("/x?clawgate%5Ftoken=correct+horse&b=2", "POST"), "/x?b=2", ()),
    (asked("/x", cookie=f"one=1; {COOKIE}={SECRET}; two=2"), "/x", (("cookie", "one=1; two=2"),)),
    (asked("/x", cookie=f"{COOKIE}={SECRET}"), "/x", (("cookie", ""),)),
]


@pytest.mark.parametrize("request_, target, headers", GOOD)
def test_the_token_lets_in_and_stays_here(request_: Asked, target: str, headers: tuple[tuple[str, str], ...]) -> None:
    handed_on, refused = access().admit(request_)
    assert refused is None and handed_on.target == target
    assert handed_on.headers == tuple(pair for pair in headers if pair[1])


BAD = [
    asked(),
    asked(x_clawgate_token="wrong"),
    asked("/?clawgate_token="),
    asked(cookie="other=1"),
    asked(cookie=COOKIE),
]


@pytest.mark.parametrize("request_", BAD)
def test_nothing_else_does(request_: Asked) -> None:
    _, refused = access().admit(request_)
    assert refused is not None and refused.status == 401


def test_guessing_is_slowed_down() -> None:
    door = access(failures=2)
    for _ in range(3):
        door.admit(asked(x_clawgate_token="wrong"))
    _, refused = door.admit(asked(x_clawgate_token=SECRET))
    assert refused is not None


def test_a_wait_ends_though_the_right_token_comes_meanwhile() -> None:
    clock = FakeClock()
    door = access(failures=1, clock=clock)
    door.admit(asked(x_clawgate_token="wrong"))
    clock.advance(WINDOW_S - 1)
    assert door.admit(asked(x_clawgate_token=SECRET))[1] is not None
    clock.advance(2)
    assert door.admit(asked(x_clawgate_token=SECRET))[1] is None


def test_a_page_takes_the_token_out_of_its_address() -> None:
    page = asked("/chat?clawgate_token=correct+horse&x=1", accept="text/html,*/*")
    _, answer = access().admit(page)
    assert answer is not None and answer.status == 303
    headers = dict(answer.headers)
    assert headers["Location"] == "/chat?x=1"
    assert headers["Set-Cookie"] == f"{COOKIE}=correct%20horse; Path=/; HttpOnly; SameSite=Strict"


def test_the_cookie_that_a_page_keeps_lets_it_in() -> None:
    _, answer = access().admit(asked("/?clawgate_token=correct+horse", accept="text/html"))
    assert answer is not None
    pair = dict(answer.headers)["Set-Cookie"].partition(";")[0]
    assert access().admit(asked(cookie=pair))[1] is None


def test_other_cookies_and_parameters_are_left_alone() -> None:
    request = asked("/x?a=clawgate_token&b", cookie="a=1; b=2")
    assert without_token(request) == request
