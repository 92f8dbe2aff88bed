"""What the plugin is told, frame by frame, with a judge in the pipeline's place."""

import json
from typing import Any

import pytest

from gw.errors import Overloaded
from gw.model.action import Action, PartKind, Provenance
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from gw.modes.hooks import Hooks
from gw.net.http import Request

WIPE = Finding("command.wipe", points=80, floor=Verdict.BLOCK, say="This would wipe.", instead="Name a folder.")
SHADOW = Finding("shadow.rule", points=80, live=False)


class Judge:
    def __init__(self, verdict: Verdict = Verdict.ALLOW, *findings: Finding) -> None:
        self.verdict, self.findings = verdict, findings
        self.actions: list[Action] = []
        self.told: list[Decision] = []
        self.hooks = Hooks(self.judge, self.told.append)

    def judge(self, action: Action) -> Decision:
        self.actions.append(action)
        return Decision(
            id="dec_1", action_id=action.id, method=action.method, digest=action.digest, verdict=self.verdict,
            would=self.verdict, enforced=self.verdict, score=80, findings=self.findings, policy=PolicyRef("p", 1, "0"),
            mode="enforce", elapsed_us=1, at_ms=0,
        )  # fmt: skip

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
