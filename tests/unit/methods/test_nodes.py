import json

import pytest

from gw import limits
from gw.access.pairing import Identity
from gw.access.surfaces import Surfaces
from gw.methods.nodes import Nodes
from gw.model.identity import Role
from tests.support.peers import MemoryFile, Stage

ADMIN, PAIRING, READ, WRITE = "operator.admin", "operator.pairing", "operator.read", "operator.write"
COMMANDS = ["system.run", "system.which", "device.info", "lab.echo"]


class Latch:
    """ports.Latch whose wait runs what the test has the node do meanwhile."""

    def __init__(self, meanwhile) -> None:
        self.happened = False
        self.meanwhile = meanwhile

    def set(self):
        self.happened = True

    def wait(self, timeout_s):
        if not self.happened:
            self.meanwhile()
        return self.happened


class Tasks:
    """ports.Tasks by hand."""

    def __init__(self) -> None:
        self.meanwhile = lambda: None

    def latch(self):
        return Latch(lambda: self.meanwhile())


class Field:
    """Nodes with an operator and one node."""

    def __init__(self, *scopes: str) -> None:
        self.stage = Stage()
        self.tasks = Tasks()
        self.surfaces = Surfaces(MemoryFile())
        self.nodes = Nodes(self.stage.pairings, self.surfaces, self.stage.bus, self.stage.clock, self.tasks)
        self.surfaces.listener = self.nodes.announce
        self.stage.router.attach(self.nodes)
        self.stage.services = self.stage.services._replace(connected=(self.nodes.joined,), left=(self.nodes.left,))
        self.operator = self.stage.enter(*(scopes or (ADMIN,)))

    def node(self, node_id="n1", commands=COMMANDS):
        """A node that has been through its handshake; its device is paired already."""
        identity = Identity(node_id, "key", "node-host", "node", "linux", "Linux", "lab-node")
        self.stage.pairings.pair(identity, "node", (), 1)
        visitor = self.stage.arrive()
        client = visitor.client
        visitor.connect(READ, commands=commands, caps=["system"])
        client.info = client.info._replace(role=Role.NODE, device_id=node_id, scopes=frozenset({"node"}))
        client.params = client.params._replace(platform="linux", device_family="Linux")
        self.nodes.joined(client)
        visitor.link.sent.clear()
        return visitor

    def approved(self, **options):
        visitor = self.node(**options)
        self.surfaces.approve(self.surfaces.pending(visitor.client.info.device_id).request_id, 2)
        visitor.link.sent.clear()
        return visitor

    def ask(self, method, **params):
        self.operator.ask(method, params)
        answer = self.operator.last
        return answer.get("payload", answer.get("error"))

    def invoke(self, command="system.which", key="k1", **params):
        return self.ask("node.invoke", nodeId="n1", command=command, idempotencyKey=key, **params)


def answering(node, **answer):
    """What the node does when it is asked: answer the last question."""

    def answer_it():
        asked = node.link.events("node.invoke.request")[-1]["payload"]
        node.ask("node.invoke.result", {"id": asked["id"], "nodeId": "n1", "ok": True, **answer})

    return answer_it


def test_a_new_node_waits_for_approval_with_what_its_platform_allows():
    field = Field(PAIRING, READ, WRITE, ADMIN)
    field.node()
    (asked,) = field.operator.link.events("node.pair.requested")
    assert asked["payload"]["commands"] == ["system.run", "system.which"]
    assert asked["payload"]["requiredApproveScopes"] == [PAIRING, ADMIN]
    (row,) = field.ask("node.list")["nodes"]
    assert (row["approvalState"], row["commands"], row["connected"]) == ("pending-approval", [], True)
    assert row["pendingDeclaredCommands"] == ["system.run", "system.which"]
    assert field.ask("node.pair.list")["pending"][0]["requestId"] == asked["payload"]["requestId"]


def test_approval_is_told_to_operators_and_the_node():
    field = Field()
    node = field.node()
    request_id = field.surfaces.pending("n1").request_id
    answer = field.ask("node.pair.approve", requestId=request_id)
    assert answer["node"]["commands"] == ["system.run", "system.which"]
    for visitor in (node, field.operator):
        (told,) = visitor.link.events("node.pair.resolved")
        assert (told["payload"]["decision"], "seq" in told) == ("approved", visitor is field.operator)
    assert field.ask("node.describe", nodeId="n1")["approvalState"] == "approved"
    assert len(field.ask("node.pair.list")["paired"]) == 1


def test_who_may_only_pair_does_not_approve_a_shell():
    field = Field(PAIRING)
    field.node()
    error = field.ask("node.pair.approve", requestId=field.surfaces.pending("n1").request_id)
    assert (error["code"], error["details"]["missingScope"]) == ("FORBIDDEN", ADMIN)


def test_rejecting_removing_and_renaming():
    field = Field()
    node = field.node()
    assert field.ask("node.pair.reject", requestId=field.surfaces.pending("n1").request_id)["nodeId"] == "n1"
    assert field.ask("node.rename", nodeId="n1", displayName="desk")["displayName"] == "desk"
    assert field.ask("node.rename", nodeId="n9", displayName="desk")["message"] == "unknown nodeId: n9"
    field.node(commands=["system.which"])
    assert field.ask("node.pair.remove", nodeId="n1") == {"nodeId": "n1"}
    assert node.link.closed_with is None
    assert field.ask("node.pair.remove", nodeId="n1")["message"] == "unknown nodeId: n1"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"payloadJSON": '{"a":1}'}, {"payload": {"a": 1}, "payloadJSON": '{"a":1}'}),
        ({"payload": [1]}, {"payload": [1]}),
        ({"payloadJSON": "{broken"}, {"payload": None, "payloadJSON": "{broken"}),
        ({}, {"payload": None}),
    ],
)
def test_a_question_and_its_answer(result, expected):
    field = Field()
    node = field.approved()
    field.tasks.meanwhile = answering(node, **result)
    answer = field.invoke(params={"bins": ["sh"]}, timeoutMs=5000)
    assert answer == {"ok": True, "nodeId": "n1", "command": "system.which", **expected}
    (asked,) = node.link.events("node.invoke.request")
    assert json.loads(asked["payload"]["paramsJSON"]) == {"bins": ["sh"]}
    assert (asked["payload"]["timeoutMs"], asked["payload"]["idempotencyKey"], "seq" in asked) == (5000, "k1", False)
    assert node.last["payload"] == {"ok": True}


def test_a_repeated_key_is_one_question():
    field = Field()
    node = field.approved()
    field.tasks.meanwhile = answering(node, payload=1)
    assert field.invoke() == field.invoke()
    assert len(node.link.events("node.invoke.request")) == 1


def test_a_node_that_fails_says_why():
    field = Field()
    node = field.approved()
    field.tasks.meanwhile = answering(node, ok=False, error={"code": "DENIED", "message": "not today"})
    error = field.invoke()
    assert (error["code"], error["message"], error["details"]["code"]) == ("UNAVAILABLE", "not today", "DENIED")


def test_silence_ends_with_the_time_limit():
    field = Field()
    node = field.approved()
    error = field.invoke(timeoutMs=100)
    assert (error["message"], error["details"]["code"]) == ("node invoke timed out", "TIMEOUT")
    asked = node.link.events("node.invoke.request")[-1]["payload"]
    node.ask("node.invoke.result", {"id": asked["id"], "nodeId": "n1", "ok": True})
    assert node.last["payload"] == {"ok": True, "ignored": True}


def test_a_node_that_leaves_ends_its_questions():
    field = Field()
    node = field.approved()
    field.tasks.meanwhile = lambda: node.client.closed(1006, "")
    error = field.invoke()
    assert (error["message"], error["details"]["code"]) == ("node disconnected", "NOT_CONNECTED")
    assert field.invoke(key="k2")["message"] == "node not connected"


def test_a_node_answers_only_for_itself():
    field = Field()
    field.approved()
    other = field.approved(node_id="n2")
    other.ask("node.invoke.result", {"id": "x", "nodeId": "n1", "ok": True})
    assert other.last["error"]["message"] == "nodeId mismatch"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("device.info", "command not allowlisted"),
        ("lab.echo", "command not allowlisted"),
        ("screen.snapshot", "command not declared by node"),
    ],
)
def test_commands_that_may_not_be_called(command, reason):
    field = Field()
    field.approved()
    error = field.invoke(command)
    assert (error["code"], error["details"]) == ("INVALID_REQUEST", {"reason": reason, "command": command})
    assert error["message"].startswith("node command not allowed: ")


def test_nothing_is_asked_before_approval():
    field = Field()
    node = field.node()
    assert field.invoke()["details"]["reason"] == "node did not declare commands"
    assert field.ask("node.invoke", nodeId="n9", command="x", idempotencyKey="k")["message"] == "unknown nodeId: n9"
    assert node.link.events("node.invoke.request") == []


def test_questions_are_bounded(monkeypatch):
    monkeypatch.setattr(limits, "MAX_NODE_INVOCATIONS", 1)
    field = Field()
    node = field.approved()
    refused = []
    field.tasks.meanwhile = lambda: refused.append(field.invoke(key="k2"))
    field.invoke()
    assert refused[0]["details"] == {"where": "node-invocations"}
    for key in ("k3", "k4"):  # what was answered, or is over, does not count
        field.tasks.meanwhile = answering(node, payload=1)
        assert field.invoke(key=key)["ok"]


def test_an_answer_stands_though_the_node_leaves_right_behind_it():
    field = Field()
    node = field.approved()

    def answer_and_go():
        answering(node, payload=1)()
        node.client.closed(1006, "")

    field.tasks.meanwhile = answer_and_go
    assert field.invoke()["payload"] == 1


def test_an_event_of_a_node_is_acknowledged():
    field = Field()
    node = field.node()
    node.ask("node.event", {"event": "lab.ping", "payloadJSON": "{}"})
    assert node.last["payload"] == {"ok": True, "event": "lab.ping", "handled": False, "reason": "unsupported_event"}


def test_an_operators_device_is_no_node():
    field = Field()
    field.stage.pairings.pair(Identity("d1", "k", "cli", "cli", "linux"), "operator", (), 1)
    assert field.ask("node.list")["nodes"] == []
    assert field.ask("node.describe", nodeId="d1")["message"] == "unknown nodeId: d1"
