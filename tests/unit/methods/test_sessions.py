"""Reading sessions: lists and filters, resolving, previews, search, subscriptions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gw.session.config import SessionConfig
from gw.session.keys import KeyRules
from tests.support import openclaw
from tests.support.scripted_runner import ScriptedRunner
from tests.support.sessions import WRITE, FakeClient, FakeClock, House, house

GROUP = "agent:main:telegram:group:-1"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    rules = KeyRules(("main", "ops"), "main")
    clock = FakeClock()
    with house(tmp_path / "s.json", ScriptedRunner(), config=SessionConfig(rules), clock=clock) as made:
        yield made


@pytest.fixture
def client(home: House) -> FakeClient:
    return home.client()


@pytest.fixture
def five(client: FakeClient, home: House) -> FakeClient:
    """main, a labelled one, a group, one of another agent, an archived one; oldest first."""
    client.call("chat.send", sessionKey="main", message="Hello you", idempotencyKey="k1")
    home.idle()
    client.call("sessions.create", key="project", label="Project Ä")
    client.call("sessions.create", key=GROUP)
    client.call("sessions.create", key="agent:ops:main")
    client.call("sessions.create", key="old")
    client.call("sessions.patch", key="old", archived=True)
    return client


def keys(answer: dict[str, Any]) -> list[str]:
    return [row["key"].removeprefix("agent:main:") for row in answer["sessions"]]


@pytest.mark.parametrize(
    "params, expected",
    [
        ({}, ["agent:ops:main", "telegram:group:-1", "project", "main"]),
        ({"limit": 2, "offset": 1}, ["telegram:group:-1", "project"]),
        ({"archived": True}, ["old"]),
        ({"archived": "all", "limit": 1}, ["old"]),
        ({"agentId": "ops"}, ["agent:ops:main"]),
        ({"agentId": "main", "configuredAgentsOnly": True}, ["telegram:group:-1", "project", "main"]),
        ({"configuredAgentsOnly": True, "limit": 1}, ["agent:ops:main"]),
        ({"label": "Project Ä"}, ["project"]),
        ({"label": "project ä"}, []),
        ({"search": "PROJECT ä"}, ["project"]),
        ({"search": "telegram:GROUP"}, ["telegram:group:-1"]),
        ({"search": "hello"}, ["main"]),
        ({"search": "nowhere"}, []),
        ({"requireLastInteraction": True}, ["main"]),
        ({"sortBy": "lastInteractionAt", "limit": 1}, ["main"]),
        ({"spawnedBy": "main"}, []),
        ({"involvingProfileId": "ann"}, []),
        ({"activeOnly": True}, []),
    ],
)
def test_filters(five: FakeClient, params: dict[str, Any], expected: list[str]) -> None:
    assert keys(five.call("sessions.list", **params)) == expected


def test_pinned_sessions_stand_first(five: FakeClient) -> None:
    five.call("sessions.patch", key="main", pinned=True)
    five.call("sessions.patch", key="project", unread=True)
    assert keys(five.call("sessions.list"))[:2] == ["main", "project"]


def test_pages_say_where_the_next_one_is(five: FakeClient) -> None:
    first = five.call("sessions.list", limit=3)
    assert (first["count"], first["totalCount"], first["nextOffset"], first["hasMore"]) == (3, 4, 3, True)
    last = five.call("sessions.list", limit=3, offset=3)
    assert (last["count"], last["nextOffset"], last["hasMore"], last["offset"]) == (1, None, False, 3)


def test_recently_active(home: House, five: FakeClient) -> None:
    home.clock.ms += 3_600_000
    five.call("sessions.patch", key=GROUP, unread=True)
    assert keys(five.call("sessions.list", activeMinutes=30)) == ["telegram:group:-1"]


def test_spawned_sessions_are_found_by_their_parent(home: House, client: FakeClient) -> None:
    entry = home.talk.desk.new_entry("agent:main:subagent:1", via="spawn") | {"spawnedBy": "agent:main:main"}
    home.talk.book.write(home.talk.book.put("agent:main:subagent:1", entry))
    rows = client.call("sessions.list", spawnedBy="main")["sessions"]
    assert [(row["key"], row["kind"], row["classification"]) for row in rows] == [
        ("agent:main:subagent:1", "direct", "spawn-child")
    ]
    assert client.call("sessions.list", excludeSubagents=True)["totalCount"] == 0


def test_sentinels_and_hidden_sessions_show_only_when_asked(home: House, client: FakeClient) -> None:
    for key in ("global", "unknown", "agent:main:internal-session-effects:x"):
        home.talk.book.write(home.talk.book.put(key, home.talk.desk.new_entry(key)))
    assert client.call("sessions.list")["totalCount"] == 0
    shown = client.call("sessions.list", includeGlobal=True, includeUnknown=True)
    assert sorted(row["kind"] for row in shown["sessions"]) == ["global", "unknown"]


def test_a_row_says_what_it_knows(five: FakeClient) -> None:
    rows = {row["key"]: row for row in five.call("sessions.list", includeLastMessage=True)["sessions"]}
    main, group = rows["agent:main:main"], rows[GROUP]
    assert (main["isMain"], main["classification"], main["status"]) == (True, "main", "done")
    assert main["lastMessagePreview"] == "echo: Hello you"
    assert main["runtimeMs"] >= 0
    assert (main["inputTokens"], main["outputTokens"], main["unread"]) == (100, 10, True)
    assert (group["kind"], group["chatType"]) == ("group", "group")
    assert group["deliveryContext"] == {"kind": "external", "channel": "telegram", "to": "-1"}
    titled = five.call("sessions.list", includeDerivedTitles=True, search="hello")["sessions"][0]
    assert titled["derivedTitle"] == "Hello you"


def test_describe_shows_one_or_null(five: FakeClient) -> None:
    assert five.call("sessions.describe", key="main")["session"]["key"] == "agent:main:main"
    assert five.call("sessions.describe", key="none") == {"session": None}


@pytest.mark.parametrize(
    "method, params, message",
    [
        ("sessions.describe", {"key": "agent:main"}, "malformed"),
        ("sessions.list", {"limit": 0}, "invalid sessions.list params"),
        ("sessions.get", {}, "key required"),
        ("sessions.get", {"key": "none"}, "session not found: none"),
        ("sessions.resolve", {"label": "nowhere"}, "No session found: nowhere"),
        ("sessions.resolve", {"key": "main", "sessionId": "x"}, "exactly one"),
        ("sessions.messages.subscribe", {"key": "x", "agentId": "nobody"}, 'agent "nobody" not found'),
        ("sessions.messages.subscribe", {"key": "agent:ops:x", "agentId": "main"}, "does not match"),
    ],
)
def test_refusals(client: FakeClient, method: str, params: dict[str, Any], message: str) -> None:
    error = client.error(method, **params)
    assert error["code"] == "INVALID_REQUEST"
    assert message in error["message"]


def test_resolving_by_every_selector(five: FakeClient) -> None:
    session_id = five.call("sessions.describe", key="project")["session"]["sessionId"]
    for params in (
        {"key": "project"},
        {"label": "Project Ä"},
        {"sessionId": session_id},
        {"shortId": session_id[:8]},
        {"reference": {"key": "project"}},
    ):
        answer = five.call("sessions.resolve", **params)
        assert (answer["ok"], answer["key"], answer["agentId"]) == (True, "agent:main:project", "main")
    assert five.call("sessions.resolve", sessionId=session_id[:8], allowMissing=True) == {"ok": False}


def test_a_short_id_that_fits_several_gives_candidates(home: House, client: FakeClient) -> None:
    for number in range(2):
        key = f"agent:main:x{number}"
        entry = home.talk.desk.new_entry(key) | {"sessionId": f"aaaa{number}"}
        home.talk.book.write(home.talk.book.put(key, entry))
    answer = client.call("sessions.resolve", shortId="aaaa")
    assert answer["ok"] is False
    assert sorted(one["key"] for one in answer["candidates"]) == ["agent:main:x0", "agent:main:x1"]


def test_previews_echo_the_key_and_cut_the_text(five: FakeClient) -> None:
    previews = five.call("sessions.preview", keys=["MAIN", "project", "none", "agent:"], maxChars=20)["previews"]
    assert [(p["key"], p["status"]) for p in previews] == [
        ("MAIN", "ok"),
        ("project", "empty"),
        ("none", "missing"),
        ("agent:", "error"),
    ]
    assert previews[0]["items"] == [
        {"role": "user", "text": "Hello you"},
        {"role": "assistant", "text": "echo: Hello you"},
    ]


def test_get_gives_messages(five: FakeClient) -> None:
    messages = five.call("sessions.get", sessionKey="main", limit=1)["messages"]
    assert [message["role"] for message in messages] == ["assistant"]


def test_search_in_transcripts(five: FakeClient) -> None:
    hits = five.call("sessions.search", query="HELLO")
    assert [(hit["sessionKey"], hit["role"]) for hit in hits["results"]] == [
        ("agent:main:main", "assistant"),
        ("agent:main:main", "user"),
    ]
    assert five.call("sessions.search", query="hello", sessionKeys=["project"])["results"] == []
    assert five.call("sessions.search", query="hello", limit=1)["truncated"]


def test_subscribing_brings_changes_and_may_bring_the_list(home: House, five: FakeClient) -> None:
    other = home.client("two", WRITE)
    assert other.call("sessions.subscribe", limit=1)["list"]["count"] == 1
    five.call("sessions.patch", key="main", label="new name")
    changed = other.wait_for("sessions.changed", reason="patch")
    assert (changed["label"], changed["session"]["label"], changed["archivedAt"]) == ("new name", "new name", None)
    assert not [event for event, _ in five.events if event == "sessions.changed"]


def test_message_subscriptions_are_per_session(home: House, client: FakeClient) -> None:
    client.call("sessions.messages.subscribe", key="a")
    for key in ("a", "b"):
        client.call("chat.send", sessionKey=key, message="x", idempotencyKey=f"k{key}")
    home.idle()
    assert {p["sessionKey"] for event, p in client.events if event == "session.message"} == {"agent:main:a"}
    client.call("sessions.messages.unsubscribe", key="a")
    client.events.clear()
    client.call("chat.send", sessionKey="a", message="y", idempotencyKey="k3")
    home.idle()
    assert not [event for event, _ in client.events if event == "session.message"]


def test_approvals_need_their_scope(home: House) -> None:
    assert "approvalReplay" in home.client().call("sessions.messages.subscribe", key="a", includeApprovals=True)
    plain = home.client("two", WRITE).call("sessions.messages.subscribe", key="a", includeApprovals=True)
    assert "approvalReplay" not in plain


@pytest.mark.openclaw
def test_answers_fit_the_published_schema(five: FakeClient) -> None:
    session_id = five.call("sessions.describe", key="main")["session"]["sessionId"]
    answers = {
        "SessionsSearchResult": five.call("sessions.search", query="hello"),
        "SessionsResolveResult": five.call("sessions.resolve", sessionId=session_id),
    }
    for definition, answer in answers.items():
        assert openclaw.problems(definition, answer) == [], definition


def test_a_list_asked_again_shows_every_change_at_once(five: FakeClient, home: House) -> None:
    before = five.call("sessions.list")
    assert keys(five.call("sessions.list")) == keys(before)
    five.call("sessions.patch", key="project", label="renamed")
    assert [row.get("label") for row in five.call("sessions.list")["sessions"] if row["key"].endswith("project")] == [
        "renamed"
    ]
    five.call("sessions.delete", key="project")
    assert keys(five.call("sessions.list")) == ["agent:ops:main", "telegram:group:-1", "main"]
    home.clock.ms += 1000
    assert five.call("sessions.list")["ts"] >= before["ts"] + 1000
