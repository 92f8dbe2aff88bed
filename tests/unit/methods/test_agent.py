"""Method agent answers twice; agent.wait waits from elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_runner import Fail, Say, ScriptedRunner, Wait
from tests.support.sessions import FakeClient, House, house


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    scripts = {"fail": [Fail("the model refused", "refusal")], "slow": [Wait(0.2), Say("slow answer")]}
    with house(tmp_path / "s.json", ScriptedRunner(scripts)) as made:
        yield made


@pytest.fixture
def client(home: House) -> FakeClient:
    return home.client()


def test_accepted_first_then_the_reply(client: FakeClient) -> None:
    first, second = client.frames("agent", {"message": "hi", "idempotencyKey": "a1", "agentId": "main"}, answers=2)
    assert first["payload"]["status"] == "accepted"
    assert (first["payload"]["runId"], first["payload"]["sessionKey"]) == ("a1", "agent:main:main")
    answer = second["payload"]
    assert (answer["status"], answer["summary"]) == ("ok", "completed")
    assert answer["result"]["payloads"] == [{"text": "echo: hi", "mediaUrl": None}]
    assert answer["result"]["meta"]["agentMeta"]["model"] == "mock-1"
    states = [payload["state"] for event, payload in client.events if event == "chat"]
    assert states == ["delta", "final"], "no preparation states in plain runs"


def test_a_failed_turn_is_a_failed_second_answer(client: FakeClient) -> None:
    first, second = client.frames("agent", {"message": "fail", "idempotencyKey": "a1"}, answers=2)
    assert first["ok"]
    assert (second["ok"], second["error"]["message"]) == (False, "the model refused")
    assert client.wait_for("chat", state="error")["errorKind"] == "refusal"


def test_the_same_key_again(client: FakeClient) -> None:
    request = {"message": "slow", "idempotencyKey": "a1"}
    running = client.start("agent", request)
    assert client.call("agent", **request) == {"runId": "a1", "status": "in_flight"}
    client._house.idle()
    replay = client.call("agent", **request)
    assert replay == client.answers[running][1]["payload"]


def test_waiting_for_a_run(client: FakeClient) -> None:
    client.start("agent", {"message": "slow", "idempotencyKey": "a1"})
    assert client.call("agent.wait", runId="a1", timeoutMs=1) == {"runId": "a1", "status": "timeout"}
    done = client.call("agent.wait", runId="a1", timeoutMs=3000)
    assert (done["status"], done["endedAt"] >= done["startedAt"]) == ("ok", True)
    assert client.call("agent.wait", runId="never", timeoutMs=1)["status"] == "timeout"


def test_waiting_for_a_run_that_was_aborted(client: FakeClient) -> None:
    client.start("agent", {"message": "slow", "idempotencyKey": "a1"})
    client.call("chat.abort", sessionKey="main", runId="a1")
    assert client.call("agent.wait", runId="a1", timeoutMs=3000)["error"] == "aborted"


def test_a_queued_request_hears_how_its_own_work_ended(client: FakeClient) -> None:
    client.start("agent", {"message": "slow", "idempotencyKey": "a1"})
    client.call("chat.send", sessionKey="main", message="m2", idempotencyKey="m2", queueMode="followup")
    done = client.call("agent.wait", runId="m2", timeoutMs=4000)
    assert done["status"] == "ok"


@pytest.mark.parametrize(
    "params, key",
    [
        ({"sessionKey": "notes"}, "agent:main:notes"),
        ({}, "agent:main:main"),
        ({"agentId": "MAIN"}, "agent:main:main"),
    ],
)
def test_where_it_goes(client: FakeClient, params: dict[str, str], key: str) -> None:
    frames = client.frames("agent", {"message": "x", "idempotencyKey": "k", **params}, answers=2)
    assert frames[0]["payload"]["sessionKey"] == key


def test_by_session_id(client: FakeClient) -> None:
    made = client.call("sessions.create", key="x")
    params = {"message": "x", "idempotencyKey": "k", "sessionId": made["sessionId"]}
    assert client.frames("agent", params, answers=2)[0]["payload"]["sessionKey"] == "agent:main:x"
    error = client.error("agent", message="x", idempotencyKey="k2", sessionId="none")
    assert error["message"] == "No session found: none"


def test_an_agent_there_is_not(client: FakeClient) -> None:
    error = client.error("agent", message="x", idempotencyKey="k", agentId="ghost")
    assert error["message"] == 'unknown agent id "ghost"'
