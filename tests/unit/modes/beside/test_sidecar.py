"""A sidecar beside a scripted gateway: what it answers, watches, ends and proves."""

from typing import Any

import pytest

from gw.cli.judge import make_pipeline
from gw.defender.review import Reviews
from gw.errors import UpstreamError
from gw.hub import Greenlets, sleep
from gw.model.action import Action
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from gw.modes.beside import rules
from gw.modes.beside import sidecar as module
from gw.modes.beside.coverage import Coverage
from gw.modes.beside.device import OwnDevice
from gw.modes.beside.operator import Login
from gw.modes.beside.sidecar import METRIC, Ports, Sidecar
from gw.observe.metrics import Metrics
from gw.policy.compiled import Risk
from tests.support.policies import FakeClock
from tests.support.upstream import FakeUpstream, Refuse
from tests.support.waiting import until
from tests.unit.modes.beside.test_rules import PAYLOAD, REQUEST, event, result

USER = {"role": "user", "content": "evil", "idempotencyKey": "r1:user"}
ASKING = {"parsed": {"tools": {"exec": {"host": "gateway", "ask": "always"}}}}


class Disk:
    """Takes everything at once, until it is `full`."""

    full = False

    def append(self, event: object) -> None:
        if self.full:
            raise OSError(28, "No space left on device")


class Beside:
    """A running sidecar; `verdicts` maps words in an action to its verdict."""

    def __init__(
        self, upstream: FakeUpstream, risk: Risk | None = None, verdicts: dict[str, Verdict] | None = None
    ) -> None:
        self.upstream = upstream
        self.metrics = Metrics()
        self.clock = FakeClock()
        self.disk = Disk()
        self.reviews = Reviews(self.disk, self.clock)
        self.coverage = Coverage(self.clock, self.metrics)
        self.verdicts = verdicts or {}
        self.judged: list[Action] = []
        self.told: list[Decision] = []
        self.held: dict[str, str] = {}
        self.plugin = False
        ports = Ports(
            judge=self.judge,
            risk=lambda action: risk or Risk(),
            tell=self.told.append,
            reviews=self.reviews,
            coverage=self.coverage,
            metrics=self.metrics,
            clock=self.clock,
            held_of=self.held.get,
            has_plugin=lambda: self.plugin,
        )
        login = Login("t", OwnDevice("s" * 48), ("operator.admin",))
        self.sidecar = Sidecar(upstream.connect, login, ports, canary_s=0)
        self.reviews.listener = self.sidecar.reviewed
        self.task = Greenlets().spawn(self.sidecar.run)

    def judge(self, action: Action) -> Decision:
        self.judged.append(action)
        text = " ".join(part.value for part in action.parts)
        verdict = next((verdict for word, verdict in self.verdicts.items() if word in text), Verdict.ALLOW)
        findings = () if verdict is Verdict.ALLOW else (Finding("test.rule", 40),)
        ref = PolicyRef("p", 1, "d")
        name = f"dec_{len(self.judged)}"
        decision = Decision(
            *(name, action.id, action.method, "d", verdict, verdict, verdict, 0, findings, ref, "enforce", 1, 0)
        )
        if verdict is Verdict.REVIEW:
            decision = self.reviews.grant(decision, action)
            self.reviews.hold(decision, action)
        return decision

    def ask(self, **request: Any) -> None:
        self.upstream.event("exec.approval.requested", {**PAYLOAD, "request": {**REQUEST, **request}})

    def answers(self) -> list[tuple[str, str]]:
        return [(row["id"], row["decision"]) for row in self.upstream.params("exec.approval.resolve")]

    def counted(self, outcome: str) -> float:
        return self.metrics.value(METRIC, outcome)


@pytest.fixture
def start() -> Any:
    running: list[Beside] = []

    def begin(upstream: FakeUpstream | None = None, **more: Any) -> Beside:
        upstream = upstream or FakeUpstream()
        upstream.answers.setdefault("exec.approval.resolve", {"ok": True})
        upstream.answers.setdefault("chat.abort", {"ok": True, "aborted": True})
        beside = Beside(upstream, **more)
        running.append(beside)
        until(lambda: upstream.params("config.get"))
        return beside

    yield begin
    for beside in running:
        beside.task.kill()


def test_the_worst_is_denied_at_once(start: Any) -> None:
    beside = start()
    beside.verdicts = {"rm -rf x": Verdict.BLOCK}
    beside.ask()
    until(beside.answers)
    assert beside.answers() == [("a1", "deny")]
    assert [decision.id for decision in beside.told] == ["dec_1"]
    assert beside.counted("deny") == 1


@pytest.mark.parametrize("answer_allow, expected", [(True, [("a1", "allow-once")]), (False, [])])
def test_what_is_allowed_is_answered_where_the_policy_says_so(start: Any, answer_allow: bool, expected: Any) -> None:
    beside = start(risk=Risk(answer_allow=answer_allow))
    beside.ask()
    until(lambda: beside.counted("allow-once") + beside.counted("left"))
    assert beside.answers() == expected


@pytest.mark.parametrize("approved, said", [(True, "allow-once"), (False, "deny")])
def test_what_is_held_waits_for_clawgate_review(start: Any, approved: bool, said: str) -> None:
    beside = start()
    beside.verdicts = {"rm": Verdict.REVIEW}
    beside.ask()
    until(lambda: beside.counted("left"))
    assert beside.answers() == [] and beside.sidecar.status()["waiting"] == 1
    (beside.reviews.approve if approved else beside.reviews.deny)("dec_1", "me")
    until(beside.answers)
    assert beside.answers() == [("a1", said)]
    assert until(lambda: beside.reviews.grants() == [])  # used up: the same command would be asked about again


def test_leave_is_for_one_of_two_that_ask_the_same(start: Any) -> None:
    beside = start()
    beside.verdicts = {"rm": Verdict.REVIEW}
    for name in ("a1", "a2"):
        beside.upstream.event("exec.approval.requested", {**PAYLOAD, "id": name})
    until(lambda: beside.counted("left") == 2)
    assert beside.sidecar.status()["waiting"] == 2
    beside.reviews.approve("dec_1", "me")
    until(lambda: beside.counted("left") == 3)  # the other waits again, under a hold of its own
    assert beside.answers() == [("a1", "allow-once")]
    [held] = beside.reviews.pending()
    beside.reviews.deny(held.id, "me")
    until(lambda: len(beside.answers()) == 2)
    assert beside.answers()[1] == ("a2", "deny")


def test_a_disk_that_refuses_keeps_no_leave(start: Any) -> None:
    def resolve(params: Any) -> Any:
        beside.disk.full = True
        return {"ok": True}

    beside = start(FakeUpstream(**{"exec.approval.resolve": resolve}))
    beside.verdicts = {"rm": Verdict.REVIEW}
    beside.ask()
    until(lambda: beside.counted("left"))
    beside.reviews.approve("dec_1", "me")
    until(lambda: beside.answers() and beside.reviews.grants() == [])


def test_a_denial_is_for_all_that_ask_the_same(start: Any) -> None:
    beside = start()
    beside.verdicts = {"rm": Verdict.REVIEW}
    for name in ("a1", "a2"):
        beside.upstream.event("exec.approval.requested", {**PAYLOAD, "id": name})
    until(lambda: beside.counted("left") == 2)
    beside.reviews.deny("dec_1", "me")
    until(lambda: len(beside.answers()) == 2)
    assert beside.answers() == [("a1", "deny"), ("a2", "deny")]


def test_what_openclaws_own_people_answer_closes_the_hold(start: Any) -> None:
    beside = start()
    beside.verdicts = {"rm": Verdict.REVIEW}
    beside.ask()
    until(lambda: beside.counted("left"))
    beside.upstream.event("exec.approval.resolved", {"id": "a1", "decision": "deny", "resolvedBy": "someone"})
    until(lambda: beside.reviews.get("dec_1").state == "denied")
    assert beside.reviews.get("dec_1").by == "someone"
    assert beside.answers() == []


def test_a_question_whose_time_is_over_leaves_the_hold(start: Any) -> None:
    beside = start()
    beside.verdicts = {"rm": Verdict.REVIEW}
    beside.ask()
    until(lambda: beside.counted("left"))
    beside.upstream.event("exec.approval.resolved", {"id": "a1", "decision": "deny", "resolvedBy": None})
    until(lambda: beside.sidecar.status()["waiting"] == 0)
    assert beside.reviews.get("dec_1").state == "pending"


@pytest.mark.parametrize(
    "reason, outcome",
    [("APPROVAL_ALREADY_RESOLVED", "lost"), ("APPROVAL_NOT_FOUND", "lost"), ("MISSING_SCOPE", "failed")],
)
def test_a_lost_race_is_counted_and_forgotten(start: Any, reason: str, outcome: str) -> None:
    def refuse(params: Any) -> Any:
        raise Refuse(code="INVALID_REQUEST", message="no", details={"reason": reason})

    beside = start(FakeUpstream(**{"exec.approval.resolve": refuse}))
    beside.verdicts = {"rm": Verdict.BLOCK}
    beside.ask()
    until(lambda: beside.counted(outcome))
    assert beside.counted("deny") == 0


def test_a_session_that_may_not_be_followed_keeps_nothing_else_from_being(start: Any) -> None:
    def follow(params: dict[str, Any]) -> dict[str, Any]:
        if params["key"].startswith("gone"):
            raise Refuse(code="INVALID_REQUEST", message="session not found")
        return {"subscribed": True}

    rows = {"sessions": [{"key": "gone"}, {"key": "here"}]}
    beside = start(FakeUpstream(**{"sessions.list": rows, "sessions.messages.subscribe": follow}))
    beside.upstream.event("sessions.changed", {"sessions": [{"key": "gone too"}, {"key": "new"}]})
    asked = beside.upstream.params
    until(lambda: {"key": "new"} in asked("sessions.messages.subscribe"))
    assert len(asked("connect")) == 1


def test_an_answer_that_the_disk_refuses_is_said_and_the_hold_stays(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    beside = start()
    beside.verdicts = {"rm": Verdict.REVIEW}
    beside.ask()
    until(lambda: beside.counted("left"))
    beside.disk.full = True
    beside.upstream.event("exec.approval.resolved", {"id": "a1", "decision": "deny", "resolvedBy": "ann"})
    until(lambda: "approval.not_settled" in caplog.messages)
    assert len(beside.reviews.pending()) == 1


def test_pending_approvals_are_read_after_every_connect(start: Any) -> None:
    beside = start(FakeUpstream(**{"exec.approval.list": [PAYLOAD]}), verdicts={"rm": Verdict.BLOCK})
    until(beside.answers)
    beside.upstream.operators[0].closed(1012, "service restart")
    until(lambda: len(beside.upstream.params("connect")) == 2)
    until(lambda: len(beside.answers()) == 2)


def test_an_approval_is_answered_once(start: Any) -> None:
    beside = start()
    beside.verdicts = {"rm": Verdict.BLOCK}
    beside.ask()
    beside.ask()
    until(beside.answers)
    sleep(0.02)
    assert len(beside.answers()) == 1


def test_our_own_plugins_question_waits_for_its_hold(start: Any) -> None:
    beside = start(FakeUpstream(**{"plugin.approval.resolve": {"ok": True}}))
    beside.verdicts = {"rm": Verdict.REVIEW}
    beside.judge(rules.approval_action(rules.Approval("x", "exec.approval.requested", PAYLOAD)))
    beside.held["t1"] = "dec_1"
    request = {"pluginId": "clawgate", "toolName": "exec", "toolCallId": "t1"}
    beside.upstream.event("plugin.approval.requested", {"id": "plugin:1", "request": request})
    until(lambda: beside.counted("left"))
    assert len(beside.judged) == 1  # not judged again
    beside.reviews.approve("dec_1", "me")
    until(lambda: beside.upstream.params("plugin.approval.resolve"))
    assert beside.upstream.params("plugin.approval.resolve") == [{"id": "plugin:1", "decision": "allow-once"}]


def test_every_session_is_followed(start: Any) -> None:
    beside = start(FakeUpstream(**{"sessions.list": {"sessions": [{"key": "a"}, {"key": "b"}]}}))
    beside.upstream.event("sessions.changed", {"sessionKey": "c", "reason": "create"})
    beside.upstream.event("sessions.changed", {"sessionKey": "a", "reason": "send"})
    until(lambda: len(beside.upstream.params("sessions.messages.subscribe")) == 3)
    assert beside.sidecar.status()["sessions"] == 3


@pytest.mark.parametrize(
    "name, payload",
    [
        ("session.message", {"sessionKey": "s", "message": USER}),
        ("session.tool", {**event("start", args={"command": "evil"}), "sessionKey": "s"}),
        ("agent", {**result("evil", status="completed", exitCode=0), "sessionKey": "s"}),
    ],
)  # fmt: skip
def test_a_run_that_must_not_go_on_is_ended(start: Any, name: str, payload: Any) -> None:
    beside = start()
    beside.verdicts = {"evil": Verdict.BLOCK}
    beside.upstream.event(name, payload)
    until(lambda: beside.upstream.params("chat.abort"))
    assert beside.upstream.params("chat.abort") == [{"sessionKey": "s", "runId": "r1"}]
    assert until(lambda: beside.sidecar.status()["aborted"]) == 1


def test_where_a_gate_is_asked_nothing_is_judged_twice(start: Any) -> None:
    beside = start(FakeUpstream(**{"config.get": ASKING}))
    beside.upstream.event("session.tool", event("start", args={"command": "x"}))
    beside.plugin = True
    beside.upstream.event("session.tool", event("start", name="write", toolCallId="t2", args={"path": "x"}))
    beside.upstream.event("session.message", {"sessionKey": "s", "message": {"role": "user", "content": "x"}})
    beside.upstream.event("sessions.changed", {"sessionKey": "end"})
    until(lambda: beside.upstream.params("sessions.messages.subscribe"))
    assert beside.judged == []
    assert beside.sidecar.gates() == ["approvals", "plugin"]


def test_executions_are_set_against_answers(start: Any) -> None:
    beside = start(risk=Risk(answer_allow=True))
    beside.ask()
    until(lambda: beside.counted("allow-once"))
    beside.upstream.event("session.tool", result("done", status="completed", exitCode=0))
    beside.upstream.event("agent", result("done", status="completed", exitCode=0))  # the same, by its other way
    until(lambda: beside.coverage.executions)
    assert (beside.coverage.executions, beside.coverage.gaps) == (1, 0)
    refused = event("result", toolCallId="t2", isError=True, result={"content": "Exec denied (user-denied)"})
    beside.upstream.event("session.tool", refused)
    beside.upstream.event("session.tool", event("result", toolCallId="t3", name="write", result="wrote it"))
    until(lambda: beside.coverage.gaps)
    assert beside.coverage.status()["byTool"] == {"write": 1}
    assert beside.coverage.executions == 2


def test_a_gateway_that_is_away_is_found_again(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.05)
    beside = start()
    connect, tries = beside.upstream.connect, []

    def away(make_peer: Any) -> None:
        tries.append(1)
        if len(tries) < 4:
            raise UpstreamError("connection refused")
        connect(make_peer)

    beside.sidecar._connect = away
    beside.upstream.operators[0].closed(1006, "")
    until(lambda: 2 <= len(tries) < 4)
    assert beside.sidecar.status()["connected"] is False
    assert "refused" in str(beside.sidecar.status()["problem"])
    until(lambda: len(beside.upstream.params("connect")) == 2)
    until(lambda: beside.sidecar.status()["connected"])


def test_the_approvals_are_proved_by_another_client(start: Any) -> None:
    pipeline = make_pipeline(None)

    def request(params: Any) -> Any:
        """As a gateway does: whoever else is connected is asked, and the asker waits for the answer."""
        action = rules.approval_action(rules.Approval("c", "exec.approval.requested", {"id": "c", "request": params}))
        return {"id": "c", "decision": "deny" if pipeline.evaluate(action).enforced is Verdict.BLOCK else None}

    beside = start(FakeUpstream(**{"config.get": ASKING, "exec.approval.request": request}))
    beside.sidecar._prove()
    assert beside.sidecar.status()["canaries"]["approvals"]["outcome"] == "bites"
    assert beside.metrics.value("clawgate_canary_total", "approvals", "bites") == 1
    beside.upstream.answers["exec.approval.request"] = {"id": "c", "decision": None}
    beside.sidecar._prove()
    assert beside.metrics.value("clawgate_canary_total", "approvals", "open") == 1
    assert beside.upstream.params("connect")[-1]["scopes"] == list(rules.ASKER_SCOPES)


def test_a_gate_that_appears_is_proved_at_once(start: Any) -> None:
    answer = {"ok": False, "error": {"message": "clawgate: blocked. [canary.probe; decision dec_1]"}}
    beside = start(FakeUpstream(**{"tools.invoke": answer}))
    beside.sidecar._canary_s = 3600.0
    until(lambda: beside.sidecar._is_proving is False)
    assert beside.sidecar.status()["canaries"] == {}
    beside.plugin = True
    beside.upstream.event("sessions.changed", {"sessionKey": "wake"})
    until(lambda: beside.sidecar.status()["canaries"].get("plugin", {}).get("outcome") == "bites")


def test_what_a_gateway_does_not_know_is_done_without(start: Any) -> None:
    def refuse(params: Any) -> Any:
        raise Refuse(code="INVALID_REQUEST", message="unknown method")

    beside = start(FakeUpstream(**{"plugin.approval.list": refuse, "sessions.subscribe": refuse}))
    beside.verdicts = {"rm": Verdict.BLOCK}
    beside.ask()
    until(beside.answers)
    assert len(beside.upstream.params("connect")) == 1


def test_approvals_among_dropped_events_are_read_again(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVENT_QUEUE", 1)
    monkeypatch.setattr(module, "POLL_S", 0.01)
    beside = start()
    beside.verdicts = {"rm": Verdict.BLOCK}
    beside.upstream.answers["exec.approval.list"] = [PAYLOAD]
    for number in range(3):
        beside.upstream.event("sessions.changed", {"sessionKey": str(number)})
    until(beside.answers)
    assert beside.metrics.value("clawgate_overload_total", "upstream-events") == 2


def test_a_changed_configuration_is_read_again(start: Any) -> None:
    beside = start()
    assert beside.sidecar.gates() == []
    beside.upstream.answers["config.get"] = ASKING
    beside.upstream.event("config.changed", {})
    until(lambda: beside.sidecar.gates() == ["approvals"])


def test_a_refused_login_closes_the_connection(start: Any) -> None:
    def refuse(params: Any) -> Any:
        raise Refuse(code="INVALID_REQUEST", message="token mismatch")

    beside = start()
    beside.upstream.answers["connect"] = refuse
    beside.upstream.operators[0].closed(1012, "")
    until(lambda: "token mismatch" in str(beside.sidecar.status()["problem"]))
    assert beside.upstream.closed_with == (1000, "")
