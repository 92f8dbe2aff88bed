"""gw/modes/guard/desk: every item gets an answer, and people wake what waits."""

from collections.abc import Callable
from typing import Any

import gevent
import pytest

from gw import hub
from gw.defender.review import Reviews
from gw.errors import RequestError
from gw.model.action import Action, Part, PartKind
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from gw.modes.guard import desk as desking
from gw.modes.guard.desk import GuardDesk
from gw.modes.guard.relay import Relay
from tests.support.relays import FakeSide, Line, shared_by
from tests.support.waiting import until


class Memory:
    def append(self, event: Any) -> None: ...


class Bench:
    """A desk over a judge that says what the words in a message ask for."""

    def __init__(self, hold_s: float = 5.0) -> None:
        self.clock = hub.SystemClock()
        self.reviews = Reviews(Memory(), self.clock)
        self.judged: list[Action] = []
        self.settled: list[Decision] = []
        self.told: list[Decision] = []
        self.unrecordable = ""
        self.enforced: Verdict | None = None  # in place of the verdict
        self.on_settle: Callable[[], object] = lambda: None
        self.desk = GuardDesk(self, self.reviews, self.told.append, self.clock, hold_s)
        self.reviews.listener = self.desk.reviewed
        self.shared = shared_by(self.desk)
        self.line = Line(shared=self.shared)

    def evaluate(self, action: Action) -> Decision:
        self.judged.append(action)
        words = " ".join(part.value for part in action.parts)
        if "crash" in words:
            raise ZeroDivisionError
        verdict = Verdict.BLOCK if "evil" in words else Verdict.REVIEW if "odd" in words else Verdict.ALLOW
        finding = Finding("a.rule", 50, say="Because.", instead="Do less.")
        return Decision(
            f"dec_{len(self.judged)}", action.id, action.method, action.digest, verdict, verdict,
            verdict if self.enforced is None else self.enforced, 50,
            (finding,), PolicyRef("p", 1, "e"), "enforce", 1, self.clock.now_ms(), action.session_key,
        )  # fmt: skip

    def settle(self, decision: Decision, action: Action) -> Decision:
        self.on_settle()
        assert decision.id != self.unrecordable
        self.settled.append(decision)
        if decision.enforced is Verdict.REVIEW:
            decision = self.reviews.grant(decision, action)
        if decision.enforced is Verdict.REVIEW:
            self.reviews.hold(decision, action)
        return decision

    def send(self, request_id: str, words: str) -> None:
        self.line.ask("chat.send", request_id, sessionKey="s", message=words)
        settle()

    @property
    def held(self) -> list[str]:
        return [held.id for held in self.reviews.pending()]


def settle() -> None:
    for _ in range(5):
        hub.sleep(0)


def test_allowed_blocked_and_held() -> None:
    bench = Bench()
    bench.send("1", "fine")
    bench.send("2", "evil")
    bench.send("3", "odd")
    assert bench.line.passed == ["1"] and bench.line.answers == {"2": "GUARD_BLOCKED"}
    assert bench.desk.waiting == 1 and [decision.verdict for decision in bench.told] == [Verdict.BLOCK, Verdict.REVIEW]
    action = bench.judged[0]
    assert (action.mode, action.conn_id, action.client_id, action.session_key) == ("guard", "conn-1", "cli", "s")
    assert len({action.id for action in bench.judged}) == 3
    assert [decision.action_id for decision in bench.settled] == [action.id for action in bench.judged], "in order"


def test_what_passed_is_recorded_behind_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desking, "SETTLE_S", 60.0)
    bench = Bench()
    bench.send("1", "fine")
    assert bench.line.passed == ["1"] and bench.settled == []


def test_what_passed_is_recorded_soon() -> None:
    bench = Bench()
    bench.send("1", "fine")
    until(lambda: bool(bench.settled), "the record")
    assert [decision.id for decision in bench.settled] == ["dec_1"]


def test_one_that_cannot_be_recorded_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.unrecordable = "dec_1"
    bench.send("1", "fine")
    bench.send("2", "fine")
    bench.desk.settle()
    assert [decision.id for decision in bench.settled] == ["dec_2"] and "guard.unrecorded" in caplog.text


def test_what_only_audit_lets_through_is_told_too() -> None:
    bench = Bench()
    bench.enforced = Verdict.ALLOW
    bench.send("1", "evil")
    bench.desk.settle()
    assert bench.line.passed == ["1"] and [decision.verdict for decision in bench.told] == [Verdict.BLOCK]


def test_a_slow_disk_holds_up_nothing_but_the_answer_it_is_for() -> None:
    bench = Bench()
    disk = hub.Latch()
    bench.on_settle = lambda: disk.wait(30)
    bench.send("1", "evil")
    bench.send("2", "fine")
    assert bench.line.passed == ["2"] and bench.line.answers == {}
    bench.line.relay.client_gone(1000, "")
    assert bench.line.gateway.closed_with == (1000, ""), "who has left is not told, so its gateway need not wait"
    disk.set()
    settle()
    assert bench.line.passed == ["2"] and [decision.id for decision in bench.settled] == ["dec_1"]


def test_who_leaves_before_a_hold_is_written_down_ends_at_once() -> None:
    bench = Bench()
    disk = hub.Latch()
    bench.on_settle = lambda: disk.wait(30)
    bench.send("1", "odd")
    bench.line.relay.client_gone(1000, "")
    assert bench.line.gateway.closed_with == (1000, "")
    disk.set()
    settle()
    assert bench.line.passed == [] and bench.desk.waiting == 0 and len(bench.held) == 1, "the hold stays on record"


def test_asked_from_a_callback_of_the_loop_it_answers_in_the_same_turn() -> None:
    bench = Bench()
    seen: list[list[str]] = []

    def callback() -> None:
        bench.line.ask("chat.send", "1", sessionKey="s", message="fine")
        seen.append(bench.line.passed)

    gevent.get_hub().loop.run_callback(callback)
    settle()
    assert seen == [["1"]]


def test_leave_lets_it_pass_once() -> None:
    bench = Bench()
    bench.send("1", "odd")
    bench.reviews.approve(bench.held[0], "me")
    settle()
    assert bench.line.passed == ["1"] and bench.desk.waiting == 0
    bench.send("2", "odd")
    assert bench.line.passed == ["1"] and bench.desk.waiting == 1


def test_two_that_are_alike_need_leave_each() -> None:
    bench = Bench()
    other = Line(shared=bench.shared)
    bench.send("1", "odd")
    other.ask("chat.send", "2", sessionKey="s", message="odd")
    settle()
    assert len(bench.held) == 1 and bench.desk.waiting == 2
    bench.reviews.approve(bench.held[0], "me")
    settle()
    assert bench.line.passed + other.passed == ["1"] and len(bench.held) == 1
    bench.reviews.approve(bench.held[0], "me")
    settle()
    assert other.passed == ["2"]


def test_a_no_is_told_and_stays() -> None:
    bench = Bench()
    bench.send("1", "odd")
    bench.reviews.deny(bench.held[0], "me")
    settle()
    assert bench.line.passed == [] and bench.line.answers == {"1": "GUARD_DENIED"}
    bench.send("2", "odd")
    assert bench.line.answers["2"] == "GUARD_REVIEW" and bench.desk.waiting == 0


def test_nobody_waits_for_ever() -> None:
    bench = Bench(hold_s=0.05)
    bench.send("1", "odd")
    until(lambda: bool(bench.line.answers), "the end of the hold")
    assert bench.line.answers == {"1": "GUARD_REVIEW"} and bench.desk.waiting == 0
    bench.reviews.approve(bench.held[0], "me")
    settle()
    assert bench.line.passed == [], "leave that comes too late lets nothing pass by itself"
    bench.send("2", "odd")
    assert bench.line.passed == ["2"], "but the next time it is asked"


def test_what_a_node_is_asked_is_not_held_longer_than_its_asker_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    due: list[tuple[float, Callable[[], object]]] = []

    def after(tasks: hub.Greenlets, delay_s: float, function: Callable[..., object], *args: Any) -> Any:
        due.append((delay_s, lambda: function(*args)))
        return hub.spawn(lambda: None)

    monkeypatch.setattr(hub.Greenlets, "after", after)
    bench = Bench()
    payload = {"id": "i", "nodeId": "n", "command": "system.run", "paramsJSON": '{"command":["odd"]}', "timeoutMs": 50}
    bench.line.hear({"type": "event", "event": "node.invoke.request", "payload": payload})
    settle()
    ((delay_s, give_up),) = due
    assert bench.desk.waiting == 1 and delay_s == 0.05
    give_up()
    assert bench.desk.waiting == 0 and bench.line.client.raw == []
    assert bench.line.gateway.frames[0]["params"]["error"]["code"] == "GUARD_REVIEW"


def test_an_aborted_one_is_forgotten() -> None:
    bench = Bench()
    bench.send("1", "odd")
    bench.line.ask("chat.abort", "2", sessionKey="s")
    assert bench.desk.waiting == 0
    bench.reviews.approve(bench.held[0], "me")
    settle()
    assert bench.line.passed == ["2"]


def test_a_judge_that_fails_lets_nothing_pass(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.send("1", "crash")
    assert bench.line.passed == [] and bench.line.answers == {"1": "UNAVAILABLE"}
    assert "guard.crashed" in caplog.text


def test_events_for_nodes_are_judged_as_such() -> None:
    bench = Bench()
    bench.line.hear(
        {"type": "event", "event": "node.invoke.request",
         "payload": {"id": "i", "nodeId": "n", "command": "system.run", "paramsJSON": '{"command":["evil"]}'}}
    )  # fmt: skip
    settle()
    assert bench.judged[0].tool == "exec" and bench.line.client.raw == []
    assert bench.line.gateway.frames[0]["params"]["error"]["code"] == "GUARD_BLOCKED"


@pytest.mark.parametrize("event, provenance", [("agent.request", "user"), ("exec.finished", "tool_output")])
def test_what_nodes_tell_is_judged_as_said_by_whom_it_comes_from(event: str, provenance: str) -> None:
    bench = Bench()
    bench.line.ask("node.event", "1", event=event, payloadJSON='{"sessionKey":"s","message":"m","output":"o"}')
    settle()
    action = bench.judged[0]
    assert (action.provenance, action.session_key) == (provenance, "s")
    assert [part.value for part in action.parts if part.kind is PartKind.PROMPT] == ["m", "o"]


# --- callers with a greenlet of their own ----------------------------------------------------------------------------


def action(words: str) -> Action:
    return Action("a", "http.chat", (Part(PartKind.PROMPT, "", words),), "d" * 64, 1)


def ask(bench: Bench, words: str) -> list[RequestError | None]:
    answers: list[RequestError | None] = []
    hub.spawn(lambda: answers.append(bench.desk.decide_and_wait(action(words))))
    settle()
    return answers


def test_a_caller_waits_for_a_person() -> None:
    bench = Bench()
    assert ask(bench, "fine") == [None]
    assert ask(bench, "evil")[0] is not None
    waiting = ask(bench, "odd")
    assert waiting == [] and bench.desk.waiting == 1
    bench.reviews.approve(bench.held[0], "me")
    settle()
    assert waiting == [None] and bench.desk.waiting == 0


def test_a_waiting_caller_is_told_no() -> None:
    bench = Bench()
    waiting = ask(bench, "odd")
    bench.reviews.deny(bench.held[0], "me")
    settle()
    assert waiting[0] is not None and (waiting[0].details or {})["code"] == "GUARD_DENIED"


def test_a_caller_does_not_wait_for_ever() -> None:
    bench = Bench(hold_s=0.05)
    waiting = ask(bench, "odd")
    until(lambda: bool(waiting), "the end of the hold")
    assert waiting[0] is not None and (waiting[0].details or {})["code"] == "GUARD_REVIEW"
    assert bench.desk.waiting == 0


def test_what_is_done_already_is_not_judged() -> None:
    bench = Bench()
    relay = Relay("c", FakeSide(), FakeSide(), bench.shared)
    bench.line.ask("chat.send", "1", sessionKey="s", message="fine")
    bench.line.ask("chat.abort", "2", sessionKey="s")
    settle()
    assert bench.judged == [] and relay.unanswered == 0
