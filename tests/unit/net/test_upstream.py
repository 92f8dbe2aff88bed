"""gw/net/upstream: pauses that grow, one that knocks while the others wait, and news of coming back."""

from collections.abc import Callable

import pytest
from gevent import socket

from gw import hub
from gw.errors import UpstreamError
from gw.net import upstream as upstreams
from gw.net.dial import DialOptions, Opened, Refused, Target
from gw.net.upstream import Backoff, Upstream
from gw.observe.lines import fields_of
from gw.ports import Clock
from tests.support.policies import FakeClock

TARGET = Target("127.0.0.1", 1)


def test_pauses_double_up_to_a_bound_and_are_shortened_at_random() -> None:
    chances = iter([0.0, 1.0, 0.5, 0.0, 0.0, 0.0])
    backoff = Backoff(0.1, 1.0, chance=lambda: next(chances))
    assert [backoff.pause_s() for _ in range(5)] == pytest.approx([0.1, 0.1, 0.3, 0.8, 1.0])
    backoff.reset()
    assert backoff.pause_s() == pytest.approx(0.1)


class Wire:
    """Stands in for dialling: `down` attempts fail, then it works."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, down: int, error: Callable[[], Exception] | None = None
    ) -> None:
        self.attempts: list[float] = []
        self.down = down
        self.error = error or (lambda: UpstreamError("refused"))
        self.clock: Clock = hub.SystemClock()
        monkeypatch.setattr(upstreams, "open_websocket", self.open)
        monkeypatch.setattr(upstreams, "open_stream", lambda target, ca, timeout: self.open(target, None))

    def open(self, target: Target, options: DialOptions | None) -> Opened:
        self.attempts.append(self.clock.monotonic())
        hub.sleep(0.01)
        if len(self.attempts) <= self.down:
            raise self.error()
        return Opened(target.resource, b"")

    def upstream(self, **backoff: float) -> Upstream:
        return Upstream(TARGET, DialOptions(), self.clock, Backoff(**backoff, chance=lambda: 0.0))


def test_a_restart_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch, down=2)
    upstream = wire.upstream(first_s=0.05, most_s=0.1)
    assert upstream.websocket((), "/x?y").sock == "/x?y"
    assert len(wire.attempts) == 3 and upstream.is_up
    assert wire.attempts[1] - wire.attempts[0] >= 0.05 and wire.attempts[2] - wire.attempts[1] >= 0.1


def test_what_stays_away_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(upstreams, "sleep", clock.advance)
    monkeypatch.setattr(upstreams, "PATIENCE_S", 0.2)
    wire = Wire(monkeypatch, down=1000)
    wire.clock = clock
    upstream = wire.upstream(first_s=0.05, most_s=0.05)
    with pytest.raises(UpstreamError):
        upstream.stream()
    assert not upstream.is_up and 2 <= len(wire.attempts) <= 6


def test_many_who_wait_knock_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch, down=3)
    upstream = wire.upstream(first_s=0.05, most_s=0.05)
    upstream.is_up = False
    got: list[Opened] = []
    tasks = [hub.spawn(lambda: got.append(upstream.websocket((), "/"))) for _ in range(20)]
    for task in tasks:
        task.join(30)
    assert len(got) == 20 and len(wire.attempts) == 3 + 20
    gaps = [later - earlier for earlier, later in zip(wire.attempts[:4], wire.attempts[1:4], strict=False)]
    assert all(gap >= 0.05 for gap in gaps), "while it is down, one knock per pause, whoever knocks"


def test_a_refusal_means_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch, down=1, error=lambda: Refused(403, b"HTTP/1.1 403 x\r\n\r\n"))
    upstream = wire.upstream()
    upstream.is_up = False
    with pytest.raises(Refused):
        upstream.websocket((), "/")
    assert upstream.is_up and len(wire.attempts) == 1


class Door:
    """A socket that is closed at once."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_who_is_away_is_said_once_with_what_to_do_and_once_that_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wire, door = Wire(monkeypatch, down=4), Door()
    monkeypatch.setattr(upstreams, "open_stream", lambda *_: wire.open(TARGET, None) and door)
    monkeypatch.setattr(upstreams, "WATCH_S", 0.01)
    upstream = wire.upstream(first_s=0.01)
    assert not upstream.knock()
    watching = hub.spawn(upstream.watch)
    try:
        while not upstream.is_up:
            hub.sleep(0.01)
        hub.sleep(0.1)
    finally:
        watching.kill()
    assert (len(wire.attempts), door.closed) == (5, 1), "nobody knocks where somebody is"
    lost, back = (fields_of(record) for record in caplog.records)
    assert (lost["event"], lost["why"], back["event"]) == ("upstream.lost", "refused", "upstream.back")
    assert "start it, or correct upstream.url" in lost["fix"]


def test_a_knock_is_heard_where_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target(*server.getsockname())
        assert Upstream(target, DialOptions(), hub.SystemClock()).knock()
    assert not Upstream(target, DialOptions(), hub.SystemClock()).knock()
