"""Everything a gateway of ours emits, against the published protocol schema.

One real process is led through a conversation that makes it say every kind of thing; each frame, hello, event payload
and method result with a published definition is validated. Where upstream itself emits more than its published schema
lists, the extra keys are named in EXTRA.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from gw.cli.rpc import RefusedError
from tests.support.openclaw import problems, schema
from tests.support.serving import Serving, serving

pytestmark = pytest.mark.openclaw

Json = Any

POLICY = """
version: 1
kind: policy
id: test.schema
title: One phrase is not allowed
mode: enforce
deny:
  - id: test.phrase
    title: The phrase
    target: prompt
    pattern: open the pod bay doors
"""

KEY = "agent:main:main"

# Definition -> (where, key) that upstream 2026.9.6 itself emits although its published schema does not list it.
EXTRA = {
    "HelloOk": (("auth", "method"),),
    "AgentEvent": (("", "sessionKey"), ("", "sessionId"), ("", "agentId")),
}

# Method -> params that make it answer. Results with a published definition are compared, the rest gives its frames.
CALLS: dict[str, Json] = {
    "agents.list": {},
    "channels.status": {},
    "chat.history": {"sessionKey": KEY},
    "chat.message.get": {"sessionKey": KEY, "messageId": "none"},
    "commands.list": {},
    "config.get": {},
    "config.schema.lookup": {"path": "gateway"},
    "device.pair.list": {},
    "environments.list": {},
    "exec.approval.grants.list": {},
    "health": {},
    "logs.tail": {},
    "models.list": {},
    "node.list": {},
    "node.pair.list": {},
    "plugins.list": {},
    "plugins.uiDescriptors": {},
    "progressCard.get": {"sessionKey": KEY},
    "projects.list": {},
    "question.list": {},
    "security.policy": {},
    "session.discussion.info": {"sessionKey": KEY},
    "sessions.branches.list": {"sessionKey": KEY},
    "sessions.catalog.list": {},
    "sessions.companion.state": {"sessionKey": KEY},
    "sessions.create": {"key": "agent:main:schema-test"},
    "sessions.delete": {"key": "agent:main:schema-test"},
    "sessions.groups.defaults": {},
    "sessions.groups.list": {},
    "sessions.list": {},
    "sessions.observer.visibility": {"visible": True},
    "sessions.resolve": {"key": KEY},
    "sessions.search": {"query": "hello"},
    "status": {},
    "system-presence": {},
    "system.info": {},
    "talk.catalog": {},
    "taskSuggestions.list": {},
    "tasks.list": {},
    "tools.catalog": {},
    "tools.effective": {"sessionKey": KEY},
    "update.status": {},
}


def definition_of(name: str, ending: str) -> str | None:
    spelled = "".join(word[0].upper() + word[1:] for word in re.split(r"[.-]", name)) + ending
    return spelled if spelled in schema()["definitions"] else None


def wrong(definition: str, value: Json) -> list[str]:
    value = json.loads(json.dumps(value))
    for where, key in EXTRA.get(definition, ()):
        (value[where] if where else value).pop(key, None)
    return problems(definition, value)


class Conversation:
    """What one gateway said to clients that did a bit of everything."""

    def __init__(self, gateway: Serving) -> None:
        self.results: dict[str, Json] = {}
        self.refused: dict[str, Json] = {}
        with gateway.client("operator.admin") as client:
            self.hello = client.hello
            client.call("sessions.subscribe")
            client.call("sessions.messages.subscribe", {"key": KEY})
            for text in ("hello", "please open the pod bay doors"):
                self.ask(client, "chat.send", {"sessionKey": KEY, "message": text, "idempotencyKey": str(uuid4())})
            while not any(f.get("event") == "chat" and f["payload"]["state"] == "final" for f in client.events):
                client.events.append(client.receive())
            for method, params in CALLS.items():
                self.ask(client, method, params)
            self.ask(client, "no.such.method", {})
            self.ask(client, "sessions.list", {"x": 1})
            client.send({"type": "req", "method": "health"})
            client.events.append(client.receive())
            gateway.process.terminate()
            client.wait_for("shutdown")
            self.frames = [*client.events, {"type": "event", "event": "shutdown", "payload": {"reason": "seen"}}]

    def ask(self, client: Any, method: str, params: Json) -> None:
        try:
            self.results[method] = client.call(method, params)
        except RefusedError as error:
            self.refused[method] = error.shape


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    folder = tmp_path_factory.mktemp("schema")
    (folder / "policy.yaml").write_text(POLICY)
    with serving(folder / "run", "--policy", str(folder / "policy.yaml")) as gateway:
        yield Conversation(gateway)


def test_every_frame_is_a_published_frame(said: Conversation) -> None:
    assert len(said.frames) > 10
    for frame in said.frames:
        definition = {"res": "ResponseFrame", "event": "EventFrame"}[frame["type"]]
        assert wrong(definition, frame) == [], frame


def test_hello(said: Conversation) -> None:
    assert wrong("HelloOk", said.hello) == []


def test_error_shapes(said: Conversation) -> None:
    assert {shape["code"] for shape in said.refused.values()} >= {"INVALID_REQUEST", "FORBIDDEN"}
    for shape in said.refused.values():
        assert wrong("ErrorShape", shape) == []


@pytest.mark.parametrize("method", list(CALLS))
def test_results(said: Conversation, method: str) -> None:
    definition = definition_of(method, "Result")
    if definition is None:
        assert method in said.results or method in said.refused
        return
    assert method in said.results, said.refused.get(method)
    assert wrong(definition, said.results[method]) == []


def test_event_payloads(said: Conversation) -> None:
    seen = set()
    for frame in said.frames:
        event = frame.get("event")
        if event is None:
            continue
        definition = {"agent": "AgentEvent", "chat": "ChatEvent"}.get(event) or definition_of(event, "Event")
        if definition is not None:
            seen.add(event)
            assert wrong(definition, frame["payload"]) == [], json.dumps(frame)[:500]
    assert seen >= {"chat", "agent", "shutdown"}


def test_state_versions_and_numbers(said: Conversation) -> None:
    numbers = [frame["seq"] for frame in said.frames if "seq" in frame]
    assert numbers == sorted(set(numbers))
    for frame in said.frames:
        if "stateVersion" in frame:
            assert wrong("StateVersion", frame["stateVersion"]) == []
