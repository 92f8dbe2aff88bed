"""The way of one look-up: cache, quota, breaker, network."""

from collections.abc import Mapping

import pytest

from gw.defender.virustotal.client import Indicator, Report
from gw.defender.virustotal.lookup import FAILURES_TO_OPEN, MINUTE_S, OPEN_S, Lookup
from gw.errors import IntelError

CLEAN = b'{"data": {"attributes": {"last_analysis_stats": {"harmless": 70}}}}'


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def now_ms(self) -> int:
        return int(self.now * 1000)

    def monotonic(self) -> float:
        return self.now


class Http:
    def __init__(self, *answers: tuple[int, bytes] | str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, str], float]] = []

    def get(self, url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
        self.asked.append((url, headers, timeout_s))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise IntelError(answer)
        return answer


def url(number: int) -> Indicator:
    return Indicator("url", f"http://{number}.example/")


def make(*answers: tuple[int, bytes] | str) -> tuple[Lookup, Http, Clock, list[str]]:
    http, clock, outcomes = Http(*answers), Clock(), list[str]()
    return (
        Lookup(http, clock, lambda: "K", base_url="http://vt/api/", on_outcome=outcomes.append),
        http,
        clock,
        outcomes,
    )


def test_the_key_travels_in_the_header_and_answers_are_cached() -> None:
    lookup, http, _, outcomes = make((200, CLEAN))
    assert lookup.ask(url(1), 1.4) == lookup.ask(url(1), 1.4) == Report(True, 0, 0, 70)
    assert len(http.asked) == 1
    address, headers, timeout_s = http.asked[0]
    assert address.startswith("http://vt/api/urls/")
    assert headers["x-apikey"] == "K"
    assert timeout_s == 1.4
    assert outcomes == ["answered", "cached"]


def test_unknown_is_remembered_too() -> None:
    lookup, http, _, _ = make((404, b""))
    assert lookup.ask(url(1), 1) == lookup.ask(url(1), 1) == Report(False)
    assert len(http.asked) == 1


def test_no_more_requests_a_minute_than_the_quota() -> None:
    lookup, http, clock, _ = make((200, CLEAN))
    for number in range(4):
        lookup.ask(url(number), 1)
    with pytest.raises(IntelError, match="quota"):
        lookup.ask(url(4), 1)
    clock.now += MINUTE_S
    lookup.ask(url(4), 1)
    assert len(http.asked) == 5


@pytest.mark.parametrize("failure", ["timeout", "network", (500, b""), (401, b"")])
def test_a_failing_service_is_left_alone_for_a_while(failure: tuple[int, bytes] | str) -> None:
    lookup, http, clock, outcomes = make(*[failure] * FAILURES_TO_OPEN, (200, CLEAN))
    for number in range(FAILURES_TO_OPEN):
        with pytest.raises(IntelError):
            lookup.ask(url(number), 1)
    with pytest.raises(IntelError, match="open-circuit"):
        lookup.ask(url(9), 1)
    assert len(http.asked) == FAILURES_TO_OPEN
    clock.now += max(OPEN_S, MINUTE_S)
    assert lookup.ask(url(9), 1).known
    assert outcomes[-1] == "answered"


def test_half_open_closes_only_on_success() -> None:
    lookup, http, clock, _ = make(*["timeout"] * (FAILURES_TO_OPEN + 1), (200, CLEAN))
    for number in range(FAILURES_TO_OPEN):
        with pytest.raises(IntelError):
            lookup.ask(url(number), 1)
    clock.now += max(OPEN_S, MINUTE_S)
    with pytest.raises(IntelError, match="timeout"):
        lookup.ask(url(8), 1)
    with pytest.raises(IntelError, match="open-circuit"):
        lookup.ask(url(9), 1)
    assert len(http.asked) == FAILURES_TO_OPEN + 1


def test_a_quota_answer_does_not_open_the_circuit() -> None:
    lookup, _, _, outcomes = make((429, b""))
    for number in range(FAILURES_TO_OPEN + 1):
        with pytest.raises(IntelError, match="quota"):
            lookup.ask(url(number), 1)
    assert outcomes == ["quota"] * (FAILURES_TO_OPEN + 1)
