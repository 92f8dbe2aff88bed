"""Rows against the published schema, and what events carry beside them."""

from pathlib import Path
from typing import Any

import pytest

from gw.session import entries
from tests.support import openclaw
from tests.support.scripted_runner import Say, ScriptedRunner, Wait
from tests.support.sessions import House, house

FULL = {
    "label": "L",
    "pinnedAt": 5,
    "archivedAt": 5,
    "thinkingLevel": "high",
    "fastMode": True,
    "sendPolicy": "deny",
    "status": "interrupted",
    "startedAt": 10,
    "endedAt": 30,
    "lastRunError": "restart",
    "_people": ["cli"],
    "_title": "title",
    "_preview": "last words",
}


@pytest.fixture
def home(tmp_path: Path) -> Any:
    with house(tmp_path / "s.json", ScriptedRunner({"slow": [Wait(0.2), Say("x")]})) as made:
        yield made


def row(home: House, key: str = "agent:main:x", **fields: Any) -> dict[str, Any]:
    return home.talk.desk.rows.row(key, home.talk.desk.new_entry(key) | fields, titles=True, last=True)


def test_a_row_of_everything(home: House) -> None:
    shown = row(home, **FULL)
    assert (shown["status"], shown["runtimeMs"], shown["archived"], shown["pinned"]) == ("failed", 20, True, True)
    assert (shown["derivedTitle"], shown["lastMessagePreview"]) == ("title", "last words")
    assert shown["participants"][0]["identity"]["id"] == "cli"
    assert not any(name.startswith("_") for name in shown)


@pytest.mark.parametrize(
    "key, fields, kind, classification",
    [
        ("agent:main:main", {}, "direct", "main"),
        ("agent:main:cron:daily", {}, "direct", "cron"),
        ("agent:main:x", {"spawnedBy": "agent:main:main"}, "direct", "spawn-child"),
        ("agent:main:telegram:group:-1", {}, "group", "group"),
        ("global", {}, "global", "global"),
        ("agent:main:x", {"chatType": "channel"}, "group", "group"),
    ],
)
def test_kinds(home: House, key: str, fields: dict[str, Any], kind: str, classification: str) -> None:
    shown = row(home, key, **fields)
    assert (shown["kind"], shown["classification"]) == (kind, classification)


def test_a_row_that_has_never_run_has_no_status(home: House) -> None:
    assert "status" not in row(home)


def test_a_running_session_says_so(home: House) -> None:
    client = home.client()
    client.call("chat.send", sessionKey="main", message="slow", idempotencyKey="k1")
    shown = client.call("sessions.describe", key="main")["session"]
    assert (shown["status"], shown["hasActiveRun"], shown["activeRunIds"]) == ("running", True, ["k1"])
    home.idle()


def test_events_null_what_is_not_set(home: House) -> None:
    client = home.client()
    client.call("sessions.subscribe")
    client.call("sessions.create", key="x")
    changed = client.wait_for("sessions.changed", reason="create")
    assert (changed["label"], changed["archivedAt"]) == (None, None)
    assert "label" not in changed["session"]
    home.talk.desk.rows.refetch("test")
    assert client.wait_for("sessions.changed", reason="test").keys() == {"reason", "ts"}


@pytest.mark.openclaw
def test_rows_fit_the_published_schema(home: House) -> None:
    for fields in ({}, FULL, {"chatType": "group", "delivery": {"kind": "external", "channel": "slack", "to": "C1"}}):
        assert openclaw.problems("SessionRow", row(home, **fields)) == []


def test_every_repeated_field_is_one_an_entry_may_have() -> None:
    from gw.methods.session_rows import NULLED, REPEATED

    assert not set(REPEATED) & {name for name in entries.PLACED if name.startswith("_")}
    assert len(set(REPEATED)) == len(REPEATED)
    assert len(set(NULLED)) == len(NULLED)
