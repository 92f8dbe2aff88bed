"""Moving in a transcript's tree: nothing is lost, and only what the leaf leads to is shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import openclaw
from tests.support.scripted_runner import Say, ScriptedRunner, Wait
from tests.support.sessions import FakeClient, House, house

KEY = "agent:main:main"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "s.json", ScriptedRunner({"slow": [Wait(0.3), Say("done")]})) as made:
        yield made


@pytest.fixture
def client(home: House) -> FakeClient:
    client = home.client()
    client.call("sessions.subscribe")
    say(client, "one", "two")
    return client


def say(client: FakeClient, *texts: str) -> None:
    for text in texts:
        client.call("chat.send", sessionKey=KEY, message=text, idempotencyKey=f"k-{text}")
        client._house.idle()


def shown(client: FakeClient, key: str = KEY) -> list[str]:
    return [text_of(m) for m in client.call("chat.history", sessionKey=key)["messages"]]


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else content[0]["text"]


def entry_id(client: FakeClient, text: str) -> str:
    history = client.call("chat.history", sessionKey=KEY)["messages"]
    return next(m["__openclaw"]["id"] for m in history if text_of(m) == text)


def branches(client: FakeClient) -> list[dict[str, Any]]:
    return client.call("sessions.branches.list", sessionKey=KEY)["branches"]


def test_one_conversation_is_one_branch(client: FakeClient) -> None:
    (only,) = branches(client)
    assert (only["headline"], only["messageCount"], only["active"]) == ("echo: two", 4, True)
    assert only["updatedAt"].endswith("Z")


def test_rewinding_gives_the_text_back_and_keeps_the_old_branch(client: FakeClient) -> None:
    cursor = client.call("chat.history", sessionKey=KEY)["deltaCursor"]
    assert client.call("sessions.rewind", sessionKey=KEY, entryId=entry_id(client, "two")) == {"editorText": "two"}
    assert shown(client) == ["one", "echo: one"]
    assert client.call("chat.history", sessionKey=KEY, cursor=cursor) == {"kind": "reset"}
    client.wait_for("sessions.changed", reason="rewind")
    say(client, "three")
    assert shown(client) == ["one", "echo: one", "three", "echo: three"]
    assert [(b["headline"], b["active"]) for b in branches(client)] == [("echo: three", True), ("echo: two", False)]
    seqs = [m["__openclaw"]["seq"] for m in client.call("chat.history", sessionKey=KEY)["messages"]]
    assert seqs == [1, 2, 3, 4]


def test_switching_goes_there_and_back(client: FakeClient) -> None:
    client.call("sessions.rewind", sessionKey=KEY, entryId=entry_id(client, "two"))
    say(client, "three")
    for _ in range(2):
        other = branches(client)[1]
        assert client.call("sessions.branches.switch", sessionKey=KEY, leafEntryId=other["leafEntryId"]) == {}
        assert shown(client)[-1] == other["headline"]
        assert len(branches(client)) == 2
    assert client.call("sessions.list", includeLastMessage=True)["sessions"][0]["lastMessagePreview"] == "echo: three"


def test_rewinding_to_the_very_beginning_shows_nothing(client: FakeClient) -> None:
    client.call("sessions.rewind", sessionKey=KEY, entryId=entry_id(client, "one"))
    assert shown(client) == []
    say(client, "anew")
    assert shown(client) == ["anew", "echo: anew"]


@pytest.mark.parametrize(
    "entry, message",
    [("none", "message entry not found: none"), ("echo: one", "entry is not a user message")],
)
def test_only_a_user_message_can_be_rewound_to(client: FakeClient, entry: str, message: str) -> None:
    found = entry if entry == "none" else entry_id(client, entry)
    for method in ("sessions.rewind", "sessions.fork"):
        assert client.error(method, sessionKey=KEY, entryId=found)["message"].startswith(message)


def test_what_is_off_the_active_path_is_said_to_be(client: FakeClient) -> None:
    gone = entry_id(client, "two")
    client.call("sessions.rewind", sessionKey=KEY, entryId=gone)
    error = client.error("sessions.rewind", sessionKey=KEY, entryId=gone)
    assert error["message"] == f"message entry is not on the active path: {gone}"


def test_switch_refuses_what_is_no_other_tip(client: FakeClient) -> None:
    active = branches(client)[0]["leafEntryId"]
    for leaf, message in (
        (active, f"branch is already active: {active}"),
        (entry_id(client, "one"), "entry is not a branch tip"),
        ("none", "branch entry not found: none"),
    ):
        error = client.error("sessions.branches.switch", sessionKey=KEY, leafEntryId=leaf)
        assert error["message"].startswith(message)


def test_a_fork_is_a_session_of_its_own(client: FakeClient) -> None:
    cut = entry_id(client, "two")
    fork = client.call("sessions.fork", sessionKey=KEY, entryId=cut)
    assert fork["editorText"] == "two"
    assert shown(client, fork["sessionKey"]) == ["one", "echo: one"]
    row = client.call("sessions.describe", key=fork["sessionKey"])["session"]
    assert row["parentSessionKey"] == KEY
    assert (row["forkSource"]["sessionKey"], row["forkSource"]["entryId"]) == (KEY, cut)
    assert shown(client) == ["one", "echo: one", "two", "echo: two"]
    client.call("sessions.rewind", sessionKey=KEY, entryId=entry_id(client, "one"))
    assert shown(client, fork["sessionKey"]) == ["one", "echo: one"]


def test_history_is_not_changed_under_a_run(home: House, client: FakeClient) -> None:
    first = entry_id(client, "one")
    client.call("chat.send", sessionKey=KEY, message="slow", idempotencyKey="slow")
    for method, params in (
        ("sessions.rewind", {"sessionKey": KEY, "entryId": first}),
        ("sessions.branches.switch", {"sessionKey": KEY, "leafEntryId": "x"}),
        ("sessions.compact", {"key": KEY, "maxLines": 1}),
    ):
        error = client.error(method, **params)
        assert (error["code"], error["retryable"]) == ("UNAVAILABLE", True)
        assert "while the agent is working" in error["message"]
    home.idle()


def test_archived_sessions_keep_their_history(client: FakeClient) -> None:
    fork = client.call("sessions.fork", sessionKey=KEY, entryId=entry_id(client, "two"))["sessionKey"]
    client.call("sessions.patch", key=fork, archived=True)
    error = client.error("sessions.branches.switch", sessionKey=fork, leafEntryId="x")
    assert error["message"] == "Branch switch is unavailable for archived sessions."


def test_compaction_trims_what_is_shown_and_loses_nothing(client: FakeClient) -> None:
    client.call("sessions.messages.subscribe", key=KEY)
    assert client.call("sessions.compact", key=KEY, maxLines=1) == {
        "ok": True,
        "key": KEY,
        "compacted": True,
        "kept": 1,
    }
    assert shown(client) == ["echo: two"]
    phases = [payload["phase"] for event, payload in client.events if event == "session.operation"]
    assert phases == ["start", "end"]
    say(client, "three")
    assert shown(client) == ["echo: two", "three", "echo: three"]
    (checkpoint,) = client.call("sessions.compaction.list", key=KEY)["checkpoints"]
    branch = client.call("sessions.compaction.branch", key=KEY, checkpointId=checkpoint["checkpointId"])
    assert shown(client, branch["key"]) == ["one", "echo: one", "two", "echo: two"]
    restored = client.call("sessions.compaction.restore", key=KEY, checkpointId=checkpoint["checkpointId"])
    assert restored["checkpoint"]["checkpointId"] == checkpoint["checkpointId"]
    assert shown(client) == ["one", "echo: one", "two", "echo: two"]


def test_compaction_that_has_nothing_to_do_says_why(client: FakeClient) -> None:
    assert client.call("sessions.compact", key=KEY, maxLines=99)["compacted"] is False
    assert "summarise" in client.call("sessions.compact", key=KEY)["reason"]
    client.call("sessions.create", key="empty")
    assert client.call("sessions.compact", key="empty", maxLines=1)["reason"] == "no transcript"
    error = client.error("sessions.compaction.restore", key=KEY, checkpointId="none")
    assert error["message"] == "checkpoint not found: none"


def test_tool_results_stay_with_their_call(home: House, client: FakeClient) -> None:
    from gw.methods.session_branches import _kept
    from gw.session.transcript import Numbered

    roles = ["user", "assistant", "toolResult", "toolResult", "assistant"]
    rows = [Numbered({"message": {"role": role}}, n, n) for n, role in enumerate(roles, 1)]
    assert [one.seq for one in _kept(rows, 2)] == [2, 3, 4, 5]
    assert [one.seq for one in _kept(rows, 1)] == [5]


@pytest.mark.openclaw
def test_answers_fit_the_published_schema(client: FakeClient) -> None:
    client.call("sessions.compact", key=KEY, maxLines=2)
    checkpoints = client.call("sessions.compaction.list", key=KEY)
    mark = checkpoints["checkpoints"][0]["checkpointId"]
    answers = {
        "SessionsCompactionListResult": checkpoints,
        "SessionsBranchesListResult": client.call("sessions.branches.list", sessionKey=KEY),
        "SessionsCompactionBranchResult": client.call("sessions.compaction.branch", key=KEY, checkpointId=mark),
        "SessionsCompactionRestoreResult": client.call("sessions.compaction.restore", key=KEY, checkpointId=mark),
        "SessionsForkResult": client.call("sessions.fork", sessionKey=KEY, entryId=entry_id(client, "two")),
        "SessionsRewindResult": client.call("sessions.rewind", sessionKey=KEY, entryId=entry_id(client, "two")),
    }
    for definition, answer in answers.items():
        assert openclaw.problems(definition, answer) == [], definition
    for event, payload in client.events:
        if event == "session.operation":
            assert openclaw.problems("SessionOperationEvent", payload) == []


def test_the_tree_is_the_same_after_a_restart(tmp_path: Path) -> None:
    with house(tmp_path / "r.sqlite", ScriptedRunner()) as first:
        client = first.client()
        say(client, "one", "two")
        client.call("sessions.rewind", sessionKey=KEY, entryId=entry_id(client, "two"))
        before = branches(client)
    with house(tmp_path / "r.sqlite", ScriptedRunner()) as second:
        client = second.client()
        assert branches(client) == before
        assert shown(client) == ["one", "echo: one"]
