"""Webhook entry points: tokens first, sessions by leave, and what is judged."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.errors import StoreError
from gw.methods.errands import Errands
from gw.methods.heartbeats import Heartbeats
from gw.model.action import Provenance
from gw.modes.webhooks import BAD_TOKENS_PER_MINUTE, MOST_BODY_BYTES, Webhooks
from gw.net.http import Request, Response
from tests.support.chats import Chats, direct
from tests.support.scripted_runner import ScriptedRunner
from tests.support.sessions import House, house

TOKEN = "right"


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner(steerable=False)


@pytest.fixture
def home(tmp_path: Path, runner: ScriptedRunner) -> Iterator[House]:
    with house(tmp_path / "s.json", runner) as made:
        yield made


class Lab:
    def __init__(self, home: House, **settings: Any) -> None:
        self.home = home
        self.chats = Chats(home, {"channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"]}}})
        defender = self.chats.defender
        errands = Errands(home.talk.desk, home.talk.turns, self.chats.outlet, defender.judge, defender.told.append)
        self.beats = Heartbeats(errands, home.clock, {}, lambda agent: f"agent:{agent}:main")
        self.hooks = Webhooks(settings, TOKEN, errands, self.beats, home.talk.desk)

    def post(self, name: str, body: Any, **fields: Any) -> tuple[int, Any]:
        answer = self.ask(name, body, **fields)
        return answer.status, json.loads(answer.body) if answer.body else None

    def ask(
        self, name: str, body: Any, headers: dict[str, str] | None = None, method: str = "POST", query: str = ""
    ) -> Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {TOKEN}"} if headers is None else headers
        return self.hooks.answer(Request(method, self.hooks.path + name, query, sent, data, "10.0.0.1", False))


def test_only_with_the_right_token(home: House) -> None:
    lab = Lab(home)
    body = {"message": "hi"}
    assert lab.post("agent", body, headers={"x-openclaw-token": TOKEN})[0] == 200
    assert lab.post("agent", body, headers={})[0] == 401
    assert lab.post("agent", body, query="token=right")[0] == 400
    assert lab.post("agent", body, method="GET")[0] == 405
    for _ in range(BAD_TOKENS_PER_MINUTE):
        lab.post("agent", body, headers={"authorization": "Bearer wrong"})
    assert lab.post("agent", body)[0] == 429
    home.idle()


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("agent", b"{", 400),
        ("agent", [], 400),
        ("agent", {}, 400),
        ("agent", {"message": " "}, 400),
        ("agent", {"message": 5}, 400),
        ("agent", {"message": "x", "agentId": "ghost"}, 400),
        ("agent", {"message": "x", "sessionKey": "main"}, 400),
        ("agent", {"message": "x", "idempotencyKey": "k" * 257}, 400),
        ("agent", {"message": "x", "timeoutSeconds": "soon", "waitForCompletion": True}, 400),
        ("agent", {"message": "x", "timeoutSeconds": -1}, 400),
        ("agent", b'{"message": "x", "timeoutSeconds": 1e999}', 400),
        ("agent", b" " * (MOST_BODY_BYTES + 1), 413),
        ("wake", {}, 400),
        ("nothing", {}, 404),
        ("agent", {"message": "something forbidden"}, 403),
        ("agent", {"message": "something doubtful"}, 403),
        ("wake", {"text": "something forbidden"}, 403),
    ],
)
def test_what_is_refused(home: House, runner: ScriptedRunner, name: str, body: Any, status: int) -> None:
    assert Lab(home).ask(name, body).status == status
    assert runner.turns == []


def test_a_turn_in_a_session_of_its_own_by_default(home: House, runner: ScriptedRunner) -> None:
    lab = Lab(home)
    status, answer = lab.post("agent", {"message": "look", "name": "ci", "thinking": "low", "timeoutSeconds": 5})
    assert (status, answer["ok"], answer["status"]) == (200, True, "started")
    home.idle()
    (turn,) = runner.turns
    assert turn.session_key.startswith("agent:main:hook:")
    assert (turn.facts["thinking"], turn.timeout_ms) == ("low", 5000)
    action = lab.chats.defender.asked[0]
    assert (action.channel, action.sender, action.provenance) == ("hook", "hook:ci", Provenance.CHANNEL)


def test_half_a_character_is_no_crash(home: House, runner: ScriptedRunner) -> None:
    lab = Lab(home)
    body = b'{"message": "look \\ud800", "name": "\\ud800", "idempotencyKey": "\\udc00"}'
    first, again = lab.post("agent", body), lab.post("agent", body)
    assert (first[0], again[1]["runId"]) == (200, first[1]["runId"])
    home.idle()
    assert [turn.prompt for turn in runner.turns] == ["look ?"]
    assert lab.post("agent", b'{"message": "x", "n": NaN}')[0] == 400


def test_the_same_key_is_one_turn(home: House, runner: ScriptedRunner) -> None:
    lab = Lab(home, defaultSessionKey="inbox")
    first = lab.post("agent", {"message": "look", "idempotencyKey": "k"})
    home.idle()
    again = lab.post("agent", {"message": "look", "idempotencyKey": "k"})
    assert (first[1]["runId"], again[1]["status"]) == (again[1]["runId"], "ok")
    assert lab.post("agent", {"message": "other", "idempotencyKey": "k"})[0] == 400
    assert [turn.session_key for turn in runner.turns] == ["agent:main:inbox"]
    lab = Lab(home)
    assert [lab.post("agent", {"message": "new", "idempotencyKey": "n"})[0] for _ in range(2)] == [200, 200]
    home.idle()
    assert len(runner.turns) == 2


def test_callers_choose_sessions_where_they_may(home: House, runner: ScriptedRunner) -> None:
    lab = Lab(home, allowRequestSessionKey=True, allowedSessionKeyPrefixes=["hook:"])
    assert lab.post("agent", {"message": "a", "sessionKey": "hook:a"})[0] == 200
    assert lab.post("agent", {"message": "a", "sessionKey": "main"})[0] == 400
    assert Lab(home, allowedAgentIds=["ops"]).post("agent", {"message": "a", "agentId": "main"})[0] == 400
    home.idle()
    assert [turn.session_key for turn in runner.turns] == ["agent:main:hook:a"]


@pytest.mark.parametrize(
    ("fields", "chat_id"),
    [({}, "17"), ({"deliver": False}, None), ({"channel": "telegram", "to": "99"}, "99")],
)
def test_where_the_answer_goes(home: House, fields: dict[str, Any], chat_id: str | None) -> None:
    lab = Lab(home)
    lab.chats.hear(direct("hello"))
    home.idle()
    lab.post("agent", {"message": "look", **fields})
    home.idle()
    assert [out.chat_id for out in lab.chats.account.sent if out.text == "echo: look"] == ([chat_id] if chat_id else [])


def test_waiting_for_the_answer(home: House) -> None:
    status, answer = Lab(home).post("agent", {"message": "look", "waitForCompletion": True})
    assert (status, answer["status"], answer["text"]) == (200, "ok", "echo: look")


def test_wake(home: House, runner: ScriptedRunner) -> None:
    lab = Lab(home)
    assert lab.post("wake", {"text": "the door rang"}) == (200, {"ok": True, "mode": "now"})
    lab.beats.beat()
    home.idle()
    assert runner.turns[0].prompt.startswith("the door rang")
    assert runner.turns[0].session_key == "agent:main:main"


def test_mappings(home: House, runner: ScriptedRunner) -> None:
    rows = [
        {"match": {"path": "ci"}, "messageTemplate": "build {{n}}", "sessionKey": "hook:ci", "idempotencyKey": "x"},
        {"match": {"path": "many"}, "messageTemplate": "item {{item}}", "forEach": "items"},
        {"match": {"path": "bell"}, "action": "wake", "textTemplate": "{{text}}"},
    ]
    lab = Lab(home, path="in/", mappings=rows)
    assert lab.hooks.path == "/in/"
    assert list(lab.hooks.routes()) == ["/in/"]
    assert lab.post("ci", {"n": 7})[0] == 200
    assert lab.post("many", {"items": [1, 2]}) == (200, {"ok": True, "count": 2})
    assert lab.ask("many", {"items": []}).status == 204
    assert lab.post("bell", {"text": "ding"})[0] == 200
    home.idle()
    assert {turn.prompt for turn in runner.turns} == {"build 7", "item 1", "item 2"}
    assert runner.turns[0].session_key == "agent:main:hook:ci"


def test_what_cannot_be_taken_now_is_for_later(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(home)

    def full() -> None:
        from gw.errors import Overloaded

        raise Overloaded("memory", 3000)

    home.talk.turns.admit = full
    answer = lab.ask("agent", {"message": "look"})
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "3")

    def broken() -> None:
        raise StoreError("no disk")

    home.talk.turns.admit = broken
    assert lab.ask("agent", {"message": "look"}).status == 503
