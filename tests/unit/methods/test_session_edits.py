"""Changing sessions: create, send, steer, abort, patch, reset, delete; what is refused, and what subscribers hear."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_runner import Say, ScriptedRunner, Wait
from tests.support.sessions import WRITE, FakeClient, House, house
from tests.support.waiting import until

KEY = "agent:main:main"
SLOW = {"slow": [Wait(0.4), Say("done")]}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "s.json", ScriptedRunner(SLOW, steerable=False)) as made:
        yield made


@pytest.fixture
def client(home: House) -> FakeClient:
    client = home.client()
    client.call("sessions.subscribe")
    return client


def reasons(client: FakeClient) -> list[str]:
    return [payload.get("reason") for event, payload in client.events if event == "sessions.changed"]


# --- create ---------------------------------------------------------------------------------------------------


def test_creating_sets_what_patch_could_set(client: FakeClient) -> None:
    answer = client.call(
        "sessions.create", key="x", label="L", thinkingLevel="HIGH", model="p/m", cwd="/w", displayName="D"
    )
    entry = answer["entry"]
    assert (entry["label"], entry["thinkingLevel"], entry["execCwd"], entry["displayName"]) == ("L", "high", "/w", "D")
    assert (entry["providerOverride"], entry["modelOverride"], entry["parentSessionKey"]) == ("p", "m", KEY)
    assert not any(name.startswith("_") for name in entry)
    assert reasons(client) == ["create"]


def test_creating_again_adopts_and_patches(client: FakeClient) -> None:
    first = client.call("sessions.create", key="x")
    second = client.call("sessions.create", key="x", label="later")
    assert second["sessionId"] == first["sessionId"]
    assert second["entry"]["label"] == "later"


def test_creating_with_a_message_starts_its_run(home: House, client: FakeClient) -> None:
    answer = client.call("sessions.create", message="hello", idempotencyKey="k1")
    assert (answer["runStarted"], answer["runId"], answer["messageSeq"]) == (True, "k1", 1)
    home.idle()
    assert client.call("chat.history", sessionKey=answer["key"])["totalMessages"] == 2


def test_a_first_message_that_is_refused_leaves_the_session(client: FakeClient) -> None:
    client.call("sessions.create", message="hello", key="x", idempotencyKey="k1")
    client._house.idle()
    answer = client.call("sessions.create", message="other", key="x", idempotencyKey="k1")
    assert (answer["ok"], answer["runStarted"]) == (True, False)
    assert answer["runError"]["details"]["reason"] == "chat-request-conflict"


def test_an_incognito_session_never_reaches_the_disk(tmp_path: Path, home: House, client: FakeClient) -> None:
    key = client.call("sessions.create", incognito=True, message="secret words")["key"]
    home.idle()
    assert client.call("chat.history", sessionKey=key)["totalMessages"] == 2
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert not any(b"secret words" in data or key.encode() in data for data in files)
    assert client.call("sessions.reset", key=key) == {"ok": True, "key": key, "deleted": True}
    assert client.call("sessions.describe", key=key) == {"session": None}


# --- send, steer, abort ---------------------------------------------------------------------------------------


def test_sending_creates_only_the_main_session(home: House, client: FakeClient) -> None:
    assert client.call("sessions.send", key="main", message="hi", idempotencyKey="k1")["status"] == "started"
    home.idle()
    assert client.error("sessions.send", key="none", message="x")["message"] == "session not found: none"


def test_steering_interrupts(home: House, client: FakeClient) -> None:
    client.call("sessions.send", key="main", message="slow", idempotencyKey="r1")
    client.wait_for("sessions.changed", phase="start")
    ack = client.call("sessions.steer", key="main", message="now", idempotencyKey="r2")
    assert ack["interruptedActiveRun"] is True
    home.idle()
    assert "steer" in reasons(client)
    assert [state for run, state in client.chat_states() if run == "r1"][-1] == "aborted"


def test_aborting_a_run_keeps_the_words_said_so_far(home: House, client: FakeClient) -> None:
    home.talk.turns._runner._scripts = {"talk": [Say("w0 "), Wait(0.4), Say("w1")]}  # type: ignore[attr-defined]
    client.call("chat.send", sessionKey=KEY, message="talk", idempotencyKey="r1")
    client.wait_for("chat", state="delta")
    answer = client.call("chat.abort", sessionKey=KEY, runId="r1")
    assert answer == {"ok": True, "aborted": True, "runIds": ["r1"]}
    final = client.wait_for("chat", state="aborted")
    assert (final["stopReason"], final["message"]["content"][0]["text"]) == ("rpc", "w0 ")
    home.idle()
    last = client.call("chat.history", sessionKey=KEY)["messages"][-1]
    assert (last["content"][0]["text"], last["openclawAbort"]["origin"]) == ("w0 ", "rpc")
    row = client.call("sessions.describe", key="main")["session"]
    assert (row["status"], row["abortedLastRun"]) == ("killed", True)
    again = client.call("chat.send", sessionKey=KEY, message="talk", idempotencyKey="r1")
    assert again["status"] == "aborted"


def test_aborting_a_message_that_waits(home: House, client: FakeClient) -> None:
    for name in ("slow", "m2"):
        client.call("chat.send", sessionKey=KEY, message=name, idempotencyKey=name, queueMode="followup")
    assert client.call("sessions.abort", runId="m2")["abortedRunId"] == "m2"
    home.idle()
    assert client.chat_states().count(("m2", "aborted")) == 1
    texts = [message["content"] for message in client.call("chat.history", sessionKey=KEY)["messages"]]
    assert "m2" not in texts


def test_somebody_elses_run_is_theirs_unless_you_are_admin(home: House, client: FakeClient) -> None:
    client.call("chat.send", sessionKey=KEY, message="slow", idempotencyKey="r1")
    other = home.client("two", WRITE)
    for method, params in (("chat.abort", {"sessionKey": KEY}), ("sessions.abort", {"runId": "r1"})):
        assert other.error(method, **params)["message"] == "unauthorized"
    admin = home.client("three")
    assert admin.call("chat.abort", sessionKey=KEY)["runIds"] == ["r1"]
    home.idle()


def test_a_run_is_aborted_only_in_its_own_session(home: House, client: FakeClient) -> None:
    client.call("chat.send", sessionKey=KEY, message="slow", idempotencyKey="r1")
    assert client.error("chat.abort", sessionKey="x", runId="r1")["message"] == "runId does not match session"
    assert client.error("sessions.abort", key="x", runId="r1")["message"] == "runId does not match session"
    client.call("chat.abort", sessionKey=KEY)
    home.idle()


# --- patch ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "patch, row",
    [
        ({"label": "L"}, {"label": "L"}),
        ({"pinned": True}, {"pinned": True}),
        ({"archived": True}, {"archived": True, "archiveReason": "user"}),
        ({"unread": True}, {"unread": True}),
        ({"unread": False}, {"unread": False}),
        ({"sendPolicy": "deny"}, {"sendPolicy": "deny"}),
        ({"groupActivation": "always"}, {"groupActivation": "always"}),
        ({"fastMode": True}, {"effectiveFastMode": True, "effectiveFastModeSource": "session"}),
        ({"responseUsage": "full"}, {"effectiveResponseUsage": "full"}),
        ({"model": "p/m"}, {"modelProvider": "p", "model": "m"}),
        ({"model": "m"}, {"modelProvider": "clawgate", "model": "m"}),
    ],
)
def test_patching_shows_in_the_row(client: FakeClient, patch: dict[str, Any], row: dict[str, Any]) -> None:
    client.call("sessions.create", key="x")
    client.call("sessions.patch", key="x", **patch)
    shown = client.call("sessions.describe", key="x")["session"]
    assert {name: shown[name] for name in row} == row


def test_null_takes_it_back(client: FakeClient) -> None:
    client.call("sessions.create", key="x", label="L", model="p/m")
    entry = client.call("sessions.patch", key="x", label=None, model=None, archived=False)["entry"]
    assert not {"label", "modelOverride", "providerOverride", "archivedAt"} & set(entry)


def test_the_agents_own_status_has_a_life(client: FakeClient) -> None:
    client.call("sessions.create", key="x")
    entry = client.call("sessions.patch", key="x", statusNote="busy", attention="hand", ttlMinutes=5)["entry"]
    status = entry["agentStatus"]
    assert (status["note"], status["attention"]) == ("busy", "hand")
    assert status["expiresAt"] - status["updatedAt"] == 300_000
    assert "agentStatus" not in client.call("sessions.patch", key="x", statusNote=None, attention=None)["entry"]


@pytest.mark.parametrize(
    "params, message",
    [
        ({"key": "x", "thinkingLevel": "huge"}, "invalid thinkingLevel (use off|minimal"),
        ({"key": "x", "label": "taken"}, "label already in use: taken"),
        ({"key": "x", "expectedLifecycleRevision": "old", "label": "a"}, "session changed"),
        ({"key": "x", "expectedMarkedUnreadAt": 5, "unread": False}, "session changed"),
        ({"key": "main", "archived": True}, "Cannot archive an agent's main session."),
    ],
)
def test_patches_that_are_refused_change_nothing(client: FakeClient, params: dict[str, Any], message: str) -> None:
    client.call("sessions.create", key="y", label="taken")
    client.call("sessions.create", key="x")
    before = client.call("sessions.list")["sessions"]
    error = client.error("sessions.patch", **params)
    assert error["code"] == "INVALID_REQUEST"
    assert message in error["message"]
    after = client.call("sessions.list")["sessions"]
    assert [row["updatedAt"] for row in after] == [row["updatedAt"] for row in before]


def test_many_at_once_each_with_its_own_outcome(client: FakeClient) -> None:
    for key in ("a", "b"):
        client.call("sessions.create", key=key)
    outcomes = client.call(
        "sessions.patchMany",
        targets=[{"key": "a"}, {"key": "none"}, {"key": "b", "expectedSessionId": "other"}],
        patch={"category": "c"},
    )["outcomes"]
    assert [(one["key"], one["ok"]) for one in outcomes] == [("a", True), ("none", False), ("b", False)]
    assert outcomes[2]["error"]["details"]["reason"] == "session-changed"
    assert client.call("sessions.describe", key="a")["session"]["category"] == "c"


# --- reset and delete -----------------------------------------------------------------------------------------


def test_resetting_stops_what_runs_and_waits(home: House, client: FakeClient) -> None:
    for name in ("slow", "m2"):
        client.call("chat.send", sessionKey=KEY, message=name, idempotencyKey=name, queueMode="followup")
    client.call("sessions.reset", key="main", reason="new")
    home.idle()
    assert client.call("chat.history", sessionKey=KEY)["messages"] == []
    assert client.call("chat.send", sessionKey=KEY, message="m2", idempotencyKey="m2", queueMode="followup") == {
        "runId": "m2",
        "status": "error",
        "summary": "the session was reset",
    }
    assert "new" in reasons(client)


def test_the_old_conversation_stays_in_the_file(home: House, client: FakeClient) -> None:
    client.call("chat.send", sessionKey=KEY, message="before", idempotencyKey="k1")
    home.idle()
    client.call("sessions.reset", key="main")
    client.call("chat.send", sessionKey=KEY, message="after", idempotencyKey="k2")
    home.idle()
    history = client.call("chat.history", sessionKey=KEY)["messages"]
    assert [(m["__openclaw"]["seq"], m["role"]) for m in history] == [(1, "user"), (2, "assistant")]
    entry = home.talk.book.get(KEY)
    assert entry is not None
    kinds = [record["type"] for record in home.talk.book.records(KEY, entry)]
    assert kinds == ["message", "message", "reset", "message", "message"]


def test_a_busy_session_is_not_deleted(home: House, client: FakeClient) -> None:
    client.call("sessions.create", key="x")
    client.call("chat.send", sessionKey="x", message="slow", idempotencyKey="k1")
    error = client.error("sessions.delete", key="x")
    assert (error["code"], error["retryable"]) == ("UNAVAILABLE", True)
    home.idle()
    assert client.call("sessions.delete", key="x")["deleted"] is True
    assert reasons(client)[-2:] == ["delete", "delete"]


@pytest.mark.parametrize(
    "params, message",
    [
        ({"key": "x", "archivedOnly": True}, "session is not archived"),
        ({"key": "x", "expectedSessionId": "other"}, "session changed"),
        ({"key": "global"}, "Cannot delete the main session (global)."),
    ],
)
def test_deletes_that_are_refused(client: FakeClient, params: dict[str, Any], message: str) -> None:
    client.call("sessions.create", key="x")
    assert message in client.error("sessions.delete", **params)["message"]
    assert client.call("sessions.describe", key="x")["session"] is not None


def test_a_run_writes_nothing_into_a_session_that_was_reset_meanwhile(home: House, client: FakeClient) -> None:
    client.call("sessions.create", key="x")
    client.call("chat.send", sessionKey="x", message="slow", idempotencyKey="k1")
    until(lambda: bool(home.talk.turns._runner.turns), "the run")  # type: ignore[attr-defined]
    entry = home.talk.book.get("agent:main:x")
    assert entry is not None
    fresh = {**entry, "sessionId": "another", "_count": 0}
    home.talk.book.write(home.talk.book.put("agent:main:x", fresh))
    home.idle()
    after = home.talk.book.get("agent:main:x")
    assert after is not None
    assert (after["sessionId"], after["_count"], after.get("status")) == ("another", 0, "running")
