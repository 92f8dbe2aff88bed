"""Groups, retention, recovery, plugin values and ownership."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import openclaw
from tests.support.scripted_runner import ScriptedRunner
from tests.support.sessions import FakeClient, FakeClock, House, house

DAY_MS = 86_400_000


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "s.json", ScriptedRunner()) as made:
        yield made


@pytest.fixture
def client(home: House) -> FakeClient:
    return home.client()


def test_groups_are_kept_in_order_and_move_their_sessions(home: House, client: FakeClient) -> None:
    put = client.call("sessions.groups.put", names=["work", "home", "work"], sectionOrder=["a"])
    assert [group["name"] for group in put["groups"]] == ["work", "home"]
    client.call("sessions.create", key="x", category="work")
    renamed = client.call("sessions.groups.rename", name="work", to="office")
    assert (renamed["updatedSessions"], [g["name"] for g in renamed["groups"]]) == (1, ["office", "home"])
    assert client.call("sessions.describe", key="x")["session"]["category"] == "office"
    deleted = client.call("sessions.groups.delete", name="office")
    assert "category" not in client.call("sessions.describe", key="x")["session"]
    home.close()
    with house(home.path) as again:
        kept = again.client().call("sessions.groups.list")
    assert kept == {"groups": [{"name": "home", "position": 0}], "sectionOrder": ["a"]}
    assert kept["groups"] == deleted["groups"]


def test_cleanup_names_what_it_would_do_and_does_it_only_when_told(tmp_path: Path) -> None:
    clock = FakeClock()
    with house(tmp_path / "c.json", ScriptedRunner(), clock=clock) as home:
        client = home.client()
        for key in ("main", "old", "cron:daily", "pinned", "active"):
            client.call("sessions.create", key=key)
        client.call("sessions.patch", key="pinned", pinned=True)
        clock.ms += 31 * DAY_MS
        client.call("sessions.create", key="new")
        plan = client.call("sessions.cleanup", activeKey="active")
        assert (plan["applied"], plan["archived"], plan["deleted"]) == (
            False,
            ["agent:main:old"],
            ["agent:main:cron:daily"],
        )
        assert client.call("sessions.list")["totalCount"] == 6
        assert client.call("sessions.cleanup", activeKey="active", enforce=True)["applied"]
        rows = {row["key"]: row for row in client.call("sessions.list", archived="all")["sessions"]}
        assert rows["agent:main:old"]["archiveReason"] == "retention"
        assert "agent:main:cron:daily" not in rows
        assert len(rows) == 5


def test_an_interrupted_session_can_be_continued(tmp_path: Path) -> None:
    with house(tmp_path / "r.json", ScriptedRunner()) as home:
        client = home.client()
        client.call("sessions.create", key="x")
        assert "was not interrupted" in client.error("sessions.recover", key="x")["message"]
        entry = home.talk.book.get("agent:main:x")
        record = home.talk.desk.user_record("half done", "k1")
        home.talk.book.write(home.talk.book.append("agent:main:x", {**entry, "status": "interrupted"}, record)[1])
        answer = client.call("sessions.recover", key="x")
        assert answer["continuation"]["status"] == "started"
        home.idle()
        last = client.call("chat.history", sessionKey="x")["messages"][-1]
        assert last["content"][0]["text"] == "echo: half done"


def test_plugins_keep_values_per_namespace(client: FakeClient) -> None:
    client.call("sessions.create", key="x")
    base = {"key": "x", "pluginId": "p", "namespace": "n"}
    assert client.call("sessions.pluginPatch", **base, value={"a": 1})["value"] == {"a": 1}
    entry = client.call("sessions.patch", key="x", unread=False)["entry"]
    assert entry["pluginState"] == {"p": {"n": {"a": 1}}}
    assert client.call("sessions.pluginPatch", **base, unset=True) == {"ok": True, "key": "agent:main:x"}
    assert client.call("sessions.patch", key="x", unread=False)["entry"]["pluginState"] == {}


@pytest.mark.openclaw
def test_answers_fit_the_published_schema(client: FakeClient) -> None:
    client.call("sessions.create", key="x")
    answers = {
        "SessionsGroupsMutationResult": client.call("sessions.groups.put", names=["a"]),
        "SessionsGroupsListResult": client.call("sessions.groups.list"),
        "SessionsPluginPatchResult": client.call("sessions.pluginPatch", key="x", pluginId="p", namespace="n", value=1),
        "SessionsPatchManyResult": client.call(
            "sessions.patchMany", targets=[{"key": "x"}, {"key": "none"}], patch={"label": "l"}
        ),
    }
    for definition, answer in answers.items():
        assert openclaw.problems(definition, answer) == [], definition


def test_an_owner_is_noted(client: FakeClient) -> None:
    client.call("sessions.create", key="x")
    owner = {"type": "human", "id": "ann"}
    assert client.call("sessions.assignOwner", key="x", owner=owner)["owner"]["id"] == "ann"
    assert client.call("sessions.list", ownerId="ann")["count"] == 1
    assert client.call("sessions.list", ownerId="bob")["count"] == 0
