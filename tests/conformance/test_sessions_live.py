"""The session RPC cases observed on a running upstream gateway, against ours: each row with the set-up it names."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sessions import FakeClient, house
from tests.support.shared import shared_json

CASES = {case["name"]: case for case in shared_json("openclaw/vectors/rpc_sessions_live.json")["cases"]}
GROUP = "agent:main:telegram:group:-100abc"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FakeClient]:
    with house(tmp_path / "sessions.json") as home:
        yield home.client()


def say(client: FakeClient) -> None:
    client.call("chat.send", sessionKey="main", message="hi", idempotencyKey="k1")
    client._house.idle()


def three(client: FakeClient) -> None:
    for key in ("a", "b", "c"):
        client.call("sessions.create", key=key)


# What a row takes for granted.
BEFORE: dict[str, Callable[[FakeClient], object]] = {
    "resolve is case-insensitive": say,
    "list page": three,
    "preview statuses": say,
    "patch null clears": lambda client: (say(client), client.call("sessions.patch", key="main", sendPolicy="deny")),
    "patch with stale expectedSessionId": say,
    "archive main refused": say,
    "delete main refused": say,
}


def call_of(name: str) -> tuple[str, dict[str, Any]]:
    method, params = CASES[name]["call"]
    return method, params


def matches(expected: dict[str, Any], frame: dict[str, Any]) -> bool:
    """Whether a frame (or what a client made of it) is what a row says."""
    if frame["ok"] == ("error" in expected):
        return False
    return all(_fits(value, dig(frame, path)) for path, value in expected.items())


def _fits(expected: Any, got: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(_fits(value, got.get(key)) for key, value in expected.items())
    if expected == "absent":
        return got is None
    if isinstance(expected, str) and "<uuid>" in expected:
        return re.fullmatch(expected.replace("<uuid>", "[0-9a-f-]{36}"), str(got)) is not None
    return bool(expected == got)


def dig(frame: dict[str, Any], path: str) -> Any:
    value: Any = frame
    for name in path.split("."):
        value = value.get(name)
    return value


def test_preview_statuses(client: FakeClient) -> None:
    say(client)
    method, params = call_of("preview statuses")
    previews = client.call(method, **params)["previews"]
    assert [preview["key"] for preview in previews] == params["keys"]
    assert previews[0]["status"] in ("ok", "empty")
    assert [preview["status"] for preview in previews[1:]] == ["missing", "missing"]


def test_delete_then_delete_again(client: FakeClient) -> None:
    client.call("sessions.create", key=GROUP)
    client.call("chat.inject", sessionKey=GROUP, message="so that there is a transcript")
    method, params = call_of("delete then delete again")
    first, second = client.call(method, **params), client.call(method, **params)
    assert (first["ok"], first["deleted"], len(first["archived"])) == (True, True, 1)
    assert Path(first["archived"][0]).read_bytes().count(b"\n") == 1
    assert (second["ok"], second["deleted"], second["archived"]) == (True, False, [])


def test_reset_keeps_the_session_id_and_changes_the_revision(client: FakeClient) -> None:
    say(client)
    client.call("sessions.patch", key="main", label="kept", groupActivation="always")
    before = client.call("sessions.patch", key="main", unread=False)["entry"]
    method, params = call_of("reset keeps the session id and changes lifecycleRevision")
    after = client.call(method, **params)["entry"]
    assert after["sessionId"] == before["sessionId"]
    assert after["lifecycleRevision"] != before["lifecycleRevision"]
    assert (after["label"], after["groupActivation"], after["totalTokens"]) == ("kept", "always", 0)


SPECIAL = {
    "preview statuses": test_preview_statuses,
    "delete then delete again": test_delete_then_delete_again,
    "reset keeps the session id and changes lifecycleRevision": (
        test_reset_keeps_the_session_id_and_changes_the_revision
    ),
}


@pytest.mark.parametrize("name", [name for name in CASES if name not in SPECIAL])
def test_observed_case(name: str, client: FakeClient) -> None:
    BEFORE.get(name, lambda client: None)(client)
    method, params = call_of(name)
    frame = client.frames(method, params)[0]
    assert matches(CASES[name]["expect"], frame), frame
