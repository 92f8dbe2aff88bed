"""chat.* against the real router, turns and store: a message in, a true answer out, in the order clients know."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sessions import WRITE, House, house

KEY = "agent:main:main"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "sessions.json") as made:
        yield made


def test_a_message_is_stored_acknowledged_and_answered_in_plain_words(home: House) -> None:
    client = home.client(scopes=WRITE)
    ack = client.call("chat.send", sessionKey="main", message="hello", idempotencyKey="k1")
    assert ack == {"runId": "k1", "status": "started", "messageSeq": 1}
    home.idle()
    page = client.call("chat.history", sessionKey=KEY)
    assert [(m["role"], m["__openclaw"]["seq"]) for m in page["messages"]] == [("user", 1), ("assistant", 2)]
    assert page["messages"][0]["content"] == "hello"
    assert "No model is configured" in page["messages"][1]["content"][0]["text"]
    assert page["totalMessages"] == 2
    assert not page["hasMore"]


def test_the_events_of_a_plain_turn_come_in_the_documented_order(home: House) -> None:
    client = home.client(scopes=WRITE)
    client.call("sessions.subscribe")
    client.call("sessions.messages.subscribe", key=KEY)
    client.call("chat.send", sessionKey=KEY, message="hello", idempotencyKey="k1")
    home.idle()
    seen = [short(event, payload) for event, payload in client.events]
    assert seen == [
        "changed send",
        "chat status preparing_workspace",
        "agent run_status",
        "chat status preparing_context",
        "agent run_status",
        "message user",
        "agent lifecycle start",
        "chat status starting_model",
        "agent run_status",
        "changed start",
        "changed agent.run.started",
        "agent assistant",
        "chat delta",
        "message assistant",
        "agent lifecycle finishing",
        "agent lifecycle end",
        "chat final",
        "changed agent.input.settled",
        "changed end",
    ]
    assert client.log.index("sessions.changed") > client.log.index(next(e for e in client.log if "chat.send" in e))
    counts = [payload["seq"] for event, payload in client.events if event in ("chat", "agent")]
    assert counts == sorted(counts)


def short(event: str, payload: dict) -> str:  # type: ignore[type-arg]
    if event == "sessions.changed":
        return f"changed {payload.get('reason') or payload.get('phase')}"
    if event == "session.message":
        return f"message {payload['message']['role']}"
    if event == "chat":
        return " ".join(filter(None, ["chat", payload["state"], payload.get("phase")]))
    phase = payload["data"].get("phase") if payload["stream"] == "lifecycle" else None
    return " ".join(filter(None, ["agent", payload["stream"], phase]))


def test_the_same_key_has_one_effect_and_other_content_is_a_conflict(home: House) -> None:
    client = home.client(scopes=WRITE)
    for _ in range(2):
        client.call("chat.send", sessionKey=KEY, message="hello", idempotencyKey="k1")
        home.idle()
    assert client.call("chat.send", sessionKey=KEY, message="hello", idempotencyKey="k1") == {
        "runId": "k1",
        "status": "ok",
    }
    error = client.error("chat.send", sessionKey=KEY, message="rm -rf /", idempotencyKey="k1")
    assert (error["code"], error["details"]["reason"]) == ("INVALID_REQUEST", "chat-request-conflict")
    assert client.call("chat.history", sessionKey=KEY)["totalMessages"] == 2


def test_a_cursor_gives_what_is_new_and_a_reset_gives_everything_anew(home: House) -> None:
    client = home.client()
    client.call("chat.send", sessionKey=KEY, message="one", idempotencyKey="k1")
    home.idle()
    cursor = client.call("chat.startup", sessionKey=KEY)["deltaCursor"]
    assert client.call("chat.history", sessionKey=KEY, cursor=cursor)["messages"] == []
    client.call("chat.send", sessionKey=KEY, message="two", idempotencyKey="k2")
    home.idle()
    delta = client.call("chat.history", sessionKey=KEY, cursor=cursor)
    assert delta["kind"] == "delta"
    assert [row["messageSeq"] for row in delta["messages"]] == [3, 4]
    client.call("sessions.reset", key=KEY)
    assert client.call("chat.history", sessionKey=KEY, cursor=cursor) == {"kind": "reset"}
    assert client.call("chat.history", sessionKey=KEY)["messages"] == []


def test_paging_counts_from_the_newest(home: House) -> None:
    client = home.client()
    for number in range(5):
        client.call("chat.send", sessionKey=KEY, message=f"m{number}", idempotencyKey=f"k{number}")
        home.idle()
    page = client.call("chat.history", sessionKey=KEY, limit=3, offset=2)
    assert [m["__openclaw"]["seq"] for m in page["messages"]] == [6, 7, 8]
    assert (page["hasMore"], page["nextOffset"], page["totalMessages"]) == (True, 5, 10)


def test_a_single_message_can_be_fetched_whole(home: House) -> None:
    client = home.client()
    client.call("chat.send", sessionKey=KEY, message="x" * 500, idempotencyKey="k1")
    home.idle()
    cut = client.call("chat.history", sessionKey=KEY, maxChars=10)["messages"][0]
    assert (cut["content"], cut["__openclaw"]["truncated"]) == ("x" * 10 + "…", True)
    whole = client.call("chat.message.get", sessionKey=KEY, messageId=cut["__openclaw"]["id"])
    assert whole["message"]["content"] == "x" * 500
    missing = client.call("chat.message.get", sessionKey=KEY, messageId="nope")
    assert missing == {"ok": False, "unavailableReason": "not_found"}


def test_text_is_normalised_and_nul_refused(home: House) -> None:
    client = home.client()
    error = client.error("chat.send", sessionKey=KEY, message="a\0b", idempotencyKey="k0")
    assert "null bytes" in error["message"]
    client.call("chat.send", sessionKey=KEY, message="e\u0301\x07\n", idempotencyKey="k1")
    home.idle()
    assert client.call("chat.history", sessionKey=KEY)["messages"][0]["content"] == "é\n"


def test_an_unknown_session_shows_an_empty_page(home: House) -> None:
    page = home.client().call("chat.startup", sessionKey=KEY, limit=80)
    assert (page["messages"], page["totalMessages"], page["activity"]) == ([], 0, [])


def test_inject_is_an_assistant_row_with_its_label(home: House) -> None:
    client = home.client()
    client.call("chat.send", sessionKey=KEY, message="hi", idempotencyKey="k1")
    home.idle()
    said = client.call("chat.inject", sessionKey=KEY, message="text", label="note")
    last = client.call("chat.history", sessionKey=KEY)["messages"][-1]
    assert (last["__openclaw"]["id"], last["content"][0]["text"]) == (said["messageId"], "[note]\n\ntext")


def test_aborting_an_idle_session_is_no_error(home: House) -> None:
    assert home.client().call("chat.abort", sessionKey="main") == {"ok": True, "aborted": False, "runIds": []}


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    for path in (tmp_path / "a.json", tmp_path / "b.sqlite"):
        with house(path) as first:
            first.client().call("chat.send", sessionKey=KEY, message="hello", idempotencyKey="k1")
            first.idle()
        with house(path) as second:
            client = second.client()
            assert client.call("chat.history", sessionKey=KEY)["totalMessages"] == 2
            assert client.call("chat.send", sessionKey=KEY, message="hello", idempotencyKey="k1")["status"] == "ok"
