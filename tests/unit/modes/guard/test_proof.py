"""gw/modes/guard/proof: only the guard's own refusal, with nothing passed on, is a bite."""

from typing import Any

import pytest

from gw import hub
from gw.errors import Blocked, Expired
from gw.modes.beside.canary import METRIC, Outcome, Record
from gw.modes.guard import proof as proving
from gw.modes.guard.lanes import Item
from gw.modes.guard.proof import Proof, probe_relay
from gw.modes.guard.relay import Judged, Relay
from gw.observe.metrics import Metrics
from tests.support.relays import FakeDesk, shared_by
from tests.support.waiting import until

OURS = Blocked("blocked", details={"code": "GUARD_BLOCKED", "rules": ["canary.probe"]})
OTHER = Blocked("blocked", details={"code": "GUARD_BLOCKED", "rules": ["another.rule"]})


class Answering(FakeDesk):
    """A desk that says the same to everything, a little later; None: nothing at all."""

    def __init__(self, outcome: Judged | None) -> None:
        super().__init__()
        self.outcome = outcome

    def judge(self, relay: Relay, item: Item) -> None:
        super().judge(relay, item)
        if self.outcome is not None:
            hub.spawn(relay.judged, item, self.outcome)


@pytest.mark.parametrize(
    "outcome, found",
    [
        (Judged(OURS), Outcome.BITES),
        (Judged(), Outcome.OPEN),
        (Judged(OTHER), Outcome.UNREACHABLE),  # stopped, but by something that a policy may change
        (None, Outcome.UNREACHABLE),
    ],
)
def test_the_websocket_way(outcome: Judged | None, found: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PROBE_S", 0.05)
    desk = Answering(outcome)
    assert probe_relay(shared_by(desk)) is found
    assert [item.method for _, item in desk.asked] == ["tools.invoke"]


def answers(answer: bytes | Exception) -> Any:
    def ask(request: bytes, timeout_s: float) -> bytes:
        assert request.startswith(b"POST /tools/invoke HTTP/1.1\r\n") and b"X-Token: t\r\n" in request
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


@pytest.mark.parametrize(
    "answer, found",
    [
        (b'HTTP/1.1 403 Forbidden\r\n\r\n{"rules":["canary.probe"]}', Outcome.BITES),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n{}", Outcome.OPEN),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", Outcome.OPEN),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Outcome.OPEN),
        (b"", Outcome.UNREACHABLE),
        (Expired("late"), Outcome.UNREACHABLE),
        (ConnectionResetError(), Outcome.UNREACHABLE),
    ],
)
def test_the_http_way(answer: bytes | Exception, found: Outcome) -> None:
    desk = Answering(Judged(OURS))
    proof = Proof(shared_by(desk), answers(answer), lambda: {"X-Token": "t"}, Record(Metrics(), hub.SystemClock()))
    assert dict(proof.probe()) == {"guard": Outcome.BITES, "guard-http": found}


def test_it_is_done_again_and_again_and_told(caplog: pytest.LogCaptureFixture) -> None:
    metrics, desk = Metrics(), Answering(Judged(OURS))
    record = Record(metrics, hub.SystemClock())
    proof = Proof(shared_by(desk), answers(b"HTTP/1.1 200 OK\r\n\r\n"), lambda: {"X-Token": "t"}, record)
    task = hub.spawn(proof.run, 0.01)
    until(lambda: metrics.cell(METRIC, "guard-http", "open").value > 1, "a second probe")
    task.kill()
    assert len(desk.asked) > 1 and {gate: probe["outcome"] for gate, probe in record.status().items()} == {
        "guard": "bites", "guard-http": "open",
    }  # fmt: skip
    assert "gate.open" in caplog.text
