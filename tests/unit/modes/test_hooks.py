"""What the plugin is told, frame by frame, with a judge in the pipeline's place."""

import json
from typing import Any

import pytest

from gw.defender.review import Held, Reviews
from gw.errors import Overloaded
from gw.model.action import Action, PartKind, Provenance
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from gw.modes.beside.coverage import Coverage
from gw.modes.hooks import Hooks
from gw.net.http import Request
from gw.observe.metrics import Metrics
from tests.support.policies import FakeClock

WIPE = Finding("command.wipe", points=80, floor=Verdict.BLOCK, say="This would wipe.", instead="Name a folder.")
SHADOW = Finding("shadow.rule", points=80, live=False)


class Disk:
    def append(self, event: object) -> None:
        """Everything is on disk at once."""


class Judge:
    def __init__(self, verdict: Verdict = Verdict.ALLOW, *findings: Finding) -> None:
        self.verdict, self.findings = verdict, findings
        self.actions: list[Action] = []
        self.told: list[Decision] = []
        self.reviews = Reviews(Disk(), FakeClock())
        self.coverage = Coverage(FakeClock(), Metrics())
        self.hooks = Hooks(self.judge, self.told.append, self.reviews, lambda: self.coverage, lambda: 7)

    def judge(self, action: Action) -> Decision:
        self.actions.append(action)
        decision = Decision(
            id="dec_1", action_id=action.id, method=action.method, digest=action.digest, verdict=self.verdict,
            would=self.verdict, enforced=self.verdict, score=80, findings=self.findings, policy=PolicyRef("p", 1, "0"),
            mode="enforce", elapsed_us=1, at_ms=0,
        )  # fmt: skip
        if self.verdict is Verdict.REVIEW:
            self.reviews.hold(decision, action)
        return decision

    def ask(self, method: str, params: object = None, **more: object) -> dict[str, Any]:
        frame = {"type": "req", "id": "7", "method": method, "params": params or {}, **more}
        answer: dict[str, Any] = json.loads(self.hooks.answer(json.dumps(frame).encode()))
        return answer


def test_a_tool_call_becomes_an_action() -> None:
    judge = Judge()
    params = {
        "tool": "bash",
        "arguments": {"command": "ls"},
        "sessionKey": "agent:main:main",
        "channel": "Telegram",
        "toolCallId": "t1",
        "agentId": "main",
    }
    assert judge.ask("hook.tool", params)["payload"]["enforced"] == "allow"
    [action] = judge.actions
    assert (action.tool, action.channel, action.mode, action.id) == ("exec", "telegram", "plugin", "t1")
    assert (action.session_key, action.agent_id) == ("agent:main:main", "main")
    assert (PartKind.COMMAND, "ls") in [(part.kind, part.value) for part in action.parts]
    assert judge.told == []


def test_the_digest_covers_the_arguments_and_nothing_else() -> None:
    judge = Judge()
    judge.ask("hook.tool", {"tool": "exec", "arguments": {"command": "ls"}, "toolCallId": "a"})
    judge.ask("hook.tool", {"tool": "exec", "arguments": {"command": "ls"}, "toolCallId": "b"})
    judge.ask("hook.tool", {"tool": "exec", "arguments": {"command": "ls "}, "toolCallId": "b"})
    first, second, third = (action.digest for action in judge.actions)
    assert first == second != third


@pytest.mark.parametrize(
    "hook, claimed, expected",
    [
        ("hook.prompt", None, Provenance.USER),
        ("hook.prompt", "channel", Provenance.CHANNEL),
        ("hook.prompt", "nonsense", Provenance.USER),
        ("hook.message", None, Provenance.CHANNEL),
        ("hook.result", None, Provenance.TOOL_OUTPUT),
        ("hook.result", "web", Provenance.WEB),
    ],
)
def test_provenance(hook: str, claimed: str | None, expected: Provenance) -> None:
    judge = Judge()
    judge.ask(hook, {"text": "hello", "provenance": claimed})
    [action] = judge.actions
    assert action.provenance is expected
    assert [(part.kind, part.value) for part in action.parts] == [(PartKind.PROMPT, "hello")]


def test_outbound_text_is_output() -> None:
    judge = Judge()
    judge.ask("hook.outbound", {"text": "hello"})
    assert [part.kind for part in judge.actions[0].parts] == [PartKind.OUTPUT]


def test_a_block_is_explained_and_told() -> None:
    judge = Judge(Verdict.BLOCK, SHADOW, WIPE)
    payload = judge.ask("hook.tool", {"tool": "exec", "arguments": {}})["payload"]
    assert payload == {
        "decisionId": "dec_1", "verdict": "block", "enforced": "block", "score": 80, "rules": ["command.wipe"],
        "say": "This would wipe.", "instead": "Name a folder.",
    }  # fmt: skip
    assert [decision.id for decision in judge.told] == ["dec_1"]


def test_hello_lists_the_hooks() -> None:
    assert "hook.tool" in Judge().ask("hook.hello")["payload"]["hooks"]


@pytest.mark.parametrize(
    "line, request_id",
    [
        (b"", "invalid"),
        (b"nonsense", "invalid"),
        (b'{"type":"res","id":"1","ok":true}', "invalid"),
        (b'{"type":"req","id":"9","method":"hook.unknown"}', "9"),
        (b'{"type":"req","id":"9","method":"hook.tool","params":[1]}', "9"),
        (b'{"type":"req","id":"9","id":"10","method":"hook.tool"}', None),
    ],
)
def test_unusable_questions_get_an_error(line: bytes, request_id: str | None) -> None:
    answer = json.loads(Judge().hooks.answer(line))
    assert answer["ok"] is False
    if request_id is not None:
        assert answer["id"] == request_id


@pytest.mark.parametrize("error", [Overloaded("evaluations"), RuntimeError("boom")])
def test_a_judge_that_fails_is_an_error_not_an_allow(error: Exception) -> None:
    def fail(action: Action) -> Decision:
        raise error

    answer = json.loads(Hooks(fail).answer(b'{"type":"req","id":"1","method":"hook.prompt","params":{"text":"x"}}'))
    assert answer["ok"] is False
    assert "boom" not in answer["error"]["message"]


@pytest.mark.parametrize("method, allowed, status", [("POST", True, 200), ("POST", False, 401), ("GET", True, 405)])
def test_over_http(method: str, allowed: bool, status: int) -> None:
    frame = b'{"type":"req","id":"1","method":"hook.prompt","params":{"text":"x"}}'
    request = Request(method, "/guard/ask", "", {}, frame, "127.0.0.1", False)
    judge = Judge()
    response = judge.hooks.route(lambda _: allowed)(request)
    assert response.status == status
    assert len(judge.actions) == (status == 200)


CALL = {"tool": "exec", "toolCallId": "t1", "runId": "r1"}


@pytest.mark.parametrize("verdict, unguarded", [(Verdict.ALLOW, 0), (Verdict.BLOCK, 1), (Verdict.REVIEW, 1)])
def test_what_ran_is_set_against_what_was_said(verdict: Verdict, unguarded: int) -> None:
    judge = Judge(verdict)
    judge.ask("hook.tool", {**CALL, "arguments": {}})
    assert judge.ask("hook.ran", {"calls": [CALL, "nonsense"]})["payload"] == {"unguarded": unguarded}
    assert judge.coverage.executions == 1


def test_what_ran_unasked_is_raised() -> None:
    judge = Judge()
    assert (
        judge.ask("hook.ran", {"calls": [CALL, {**CALL, "toolCallId": "t2", "away": True}]})["payload"]["unguarded"]
        == 2
    )
    assert judge.ask("hook.ran", {"calls": "nonsense"})["payload"] == {"unguarded": 0}
    assert Hooks(judge.judge).answer(b'{"type":"req","id":"1","method":"hook.ran","params":{"calls":[{}]}}')


def held(judge: Judge) -> Held:
    name = judge.ask("hook.tool", {**CALL, "arguments": {"command": "x"}})["payload"]["heldId"]
    return judge.reviews.get(name)


def test_a_held_call_can_be_asked_after() -> None:
    judge = Judge(Verdict.REVIEW)
    name = held(judge).id
    assert judge.hooks.held_of("t1") == name and judge.hooks.held_of("t2") is None
    assert judge.ask("hook.review", {"heldId": name})["payload"] == {"state": "pending"}
    judge.reviews.deny(name, "me")
    assert judge.ask("hook.review", {"heldId": name})["payload"] == {"state": "denied"}
    assert judge.ask("hook.review", {"heldId": "unknown"})["payload"] == {"state": "expired"}


@pytest.mark.parametrize(
    "resolution, settled, state, unguarded",
    [
        ("allow-once", True, "approved", 0),
        ("allow-always", True, "approved", 0),
        ("deny", True, "denied", 1),
        ("timeout", False, "pending", 1),
        ("cancelled", False, "pending", 1),
    ],
)
def test_what_a_person_said_in_openclaw(resolution: str, settled: bool, state: str, unguarded: int) -> None:
    judge = Judge(Verdict.REVIEW)
    name = held(judge).id
    report = {**CALL, "heldId": name, "resolution": resolution}
    assert judge.ask("hook.resolved", report)["payload"] == {"settled": settled}
    assert judge.reviews.get(name).state == state
    assert judge.ask("hook.ran", {"calls": [CALL]})["payload"] == {"unguarded": unguarded}
    if settled:
        assert judge.ask("hook.resolved", report)["payload"] == {"settled": False}


def test_the_plugin_says_who_it_is() -> None:
    judge = Judge()
    assert judge.hooks.plugin == {}
    judge.ask("hook.hello", {"version": "0.1.0", "openclaw": "2026.9.6", "canary": True, "other": "x"})
    assert judge.hooks.plugin == {"version": "0.1.0", "openclaw": "2026.9.6", "canary": True, "seenMs": 7}
