"""Slash commands in messages: what they do, who may, and once per key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.errors import StoreError
from tests.support.scripted_runner import Say, ScriptedRunner, Wait
from tests.support.sessions import WRITE, FakeClient, House, house

KEY = "agent:main:main"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "s.json", ScriptedRunner({"slow": [Wait(0.4), Say("done")]}, steerable=False)) as made:
        yield made


@pytest.fixture
def client(home: House) -> FakeClient:
    return home.client()


def send(client: FakeClient, text: str, key: str = KEY, **params: Any) -> Any:
    return client.call("chat.send", sessionKey=key, message=text, idempotencyKey=f"k-{text}", **params)


def told(client: FakeClient, text: str) -> str:
    return client.wait_for("chat", runId=f"k-{text}", state="final")["message"]["content"][0]["text"]


def history(client: FakeClient) -> list[str]:
    messages = client.call("chat.history", sessionKey=KEY)["messages"]
    return [m["content"] if isinstance(m["content"], str) else m["content"][0]["text"] for m in messages]


def test_new_begins_a_conversation_and_may_bring_its_first_prompt(home: House, client: FakeClient) -> None:
    send(client, "one")
    home.idle()
    assert send(client, "/new") == {"runId": "k-/new", "status": "started"}
    assert told(client, "/new") == "A new conversation has begun."
    assert history(client) == []
    send(client, "/RESET what now")
    home.idle()
    assert history(client) == ["what now", "echo: what now"]


def test_a_retried_reset_does_not_reset_again(home: House, client: FakeClient) -> None:
    send(client, "/new")
    send(client, "two")
    home.idle()
    assert send(client, "/new") == {"runId": "k-/new", "status": "ok"}
    assert history(client) == ["two", "echo: two"]


def test_a_command_that_could_not_be_stored_is_free_to_be_sent_again(
    home: House, client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(changes: object) -> None:
        raise StoreError("no space left")

    with monkeypatch.context() as disk:
        disk.setattr(home.talk.book._store, "commit", refuse)
        error = client.error("chat.send", sessionKey=KEY, message="/new", idempotencyKey="k-/new")
        assert error["code"] == "UNAVAILABLE"
    assert send(client, "/new") == {"runId": "k-/new", "status": "started"}
    assert told(client, "/new") == "A new conversation has begun."


def test_stop_does_not_wait_in_the_queue(home: House, client: FakeClient) -> None:
    send(client, "slow")
    send(client, "m2", queueMode="followup")
    send(client, "/stop")
    assert told(client, "/stop") == "Stopped 2 messages."
    home.idle()
    assert history(client) == ["slow"]


def test_nothing_to_stop(client: FakeClient) -> None:
    send(client, "/stop")
    assert told(client, "/stop") == "Nothing is running."


def test_queue_settings_stay_with_the_session(client: FakeClient) -> None:
    send(client, "/queue collect debounce:0.2s cap:7 drop:old")
    assert told(client, "/queue collect debounce:0.2s cap:7 drop:old") == (
        "Queue: collect, debounce 200 ms, cap 7, drop old."
    )
    assert client.call("sessions.describe", key="main")["session"]["effectiveQueueMode"] == "collect"
    send(client, "/queue default")
    assert told(client, "/queue default") == "Queue: steer, debounce 500 ms, cap 20, drop summarize."
    send(client, "/queue")
    assert told(client, "/queue").startswith("Queue: steer")


def test_a_word_that_is_not_understood_is_an_error_and_the_key_stays_free(client: FakeClient) -> None:
    error = client.error("chat.send", sessionKey=KEY, message="/queue fast", idempotencyKey="k")
    assert error["message"].startswith('"fast" is not understood')
    assert client.call("chat.send", sessionKey=KEY, message="/queue", idempotencyKey="k")["status"] == "started"


def test_activation_is_for_groups(client: FakeClient) -> None:
    group = "agent:main:telegram:group:-1"
    send(client, "/activation always")
    assert told(client, "/activation always") == "Activation is for groups only."
    client.call("chat.send", sessionKey=group, message="/activation mention", idempotencyKey="g")
    assert client.call("sessions.describe", key=group)["session"]["groupActivation"] == "mention"


def test_an_unknown_activation_is_a_message(home: House, client: FakeClient) -> None:
    send(client, "/activation sometimes")
    home.idle()
    assert history(client) == ["/activation sometimes", "echo: /activation sometimes"]


@pytest.mark.parametrize("text", ["/new", "/reset and go on", "/activation always"])
def test_what_needs_admin_by_method_needs_it_here(home: House, text: str) -> None:
    plain = home.client("two", WRITE)
    error = plain.error("chat.send", sessionKey=KEY, message=text, idempotencyKey="k")
    assert (error["code"], error["details"]["missingScope"]) == ("FORBIDDEN", "operator.admin")


def test_interpretation_can_be_switched_off(home: House, client: FakeClient) -> None:
    send(client, "/stop", suppressCommandInterpretation=True)
    home.idle()
    assert history(client) == ["/stop", "echo: /stop"]


def test_by_every_method_that_takes_messages(home: House, client: FakeClient) -> None:
    first, second = client.frames("agent", {"message": "/new", "idempotencyKey": "a1"}, answers=2)
    assert first["payload"]["status"] == "accepted"
    assert second["payload"]["result"]["payloads"][0]["text"] == "A new conversation has begun."
    client.call("sessions.send", key="main", message="/stop", idempotencyKey="s1")
    assert client.wait_for("chat", runId="s1", state="final")["message"]["content"][0]["text"] == "Nothing is running."
