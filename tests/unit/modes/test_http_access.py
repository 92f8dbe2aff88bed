"""Who a plain HTTP request may be from."""

import pytest

from gw.access.admission import Secrets
from gw.access.pairing import Identity, Pairings
from gw.access.throttle import LoginThrottle
from gw.modes.http_access import HttpAccess
from gw.net.http import Request
from gw.ports import Json


class Nowhere:
    def load(self) -> Json | None:
        return None

    def save(self, records: Json) -> None:
        pass


class Clock:
    now = 100.0

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def pairings() -> Pairings:
    made = Pairings(Nowhere())
    made.pair(Identity("d1", "key", "openclaw-control-ui", "webchat", "linux"), "operator", ("operator.read",), 1)
    return made


def ask(access: HttpAccess, token: str | None, remote: str = "203.0.113.1") -> bool:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return access(Request("GET", "/metrics", "", headers, b"", remote, False))


def test_the_shared_secret_or_a_devices_own_token(pairings: Pairings) -> None:
    access = HttpAccess(lambda: Secrets("token", "right"), pairings, LoginThrottle(), Clock())
    assert ask(access, "right")
    assert ask(access, pairings.issue("d1", "operator", 1).token)
    assert not ask(access, "wrong")
    assert not ask(access, None)


def test_guessing_is_slowed_down_per_address(pairings: Pairings) -> None:
    clock = Clock()
    access = HttpAccess(lambda: Secrets("password", "right"), pairings, LoginThrottle(3), clock)
    assert not any(ask(access, f"guess {n}") for n in range(3))
    assert not ask(access, "right"), "too many failures: not even looked at"
    assert ask(access, "right", remote="203.0.113.2")
    clock.now += 61
    assert ask(access, "right")


def test_asking_without_a_token_is_no_guess(pairings: Pairings) -> None:
    access = HttpAccess(lambda: Secrets("token", "right"), pairings, LoginThrottle(1), Clock())
    assert not any(ask(access, None) for _ in range(5))
    assert ask(access, "right")


def test_mode_none_asks_for_nothing(pairings: Pairings) -> None:
    access = HttpAccess(lambda: Secrets("none", None), pairings, LoginThrottle(), Clock())
    assert ask(access, None)
