import pytest

from gw.access.scopes import OPERATOR_SCOPES
from gw.wire.methods import ADMIN, DYNAMIC, NODE, READ, SCOPE_RULES, WRITE, MethodTable, required_scopes
from tests.support.shared import shared_json
from tests.support.tables import method_table

PUBLISHED = shared_json("openclaw/methods.json")
GUARDED_SAMPLE = ("chat.send", "agent", "node.invoke", "tools.invoke", "exec.approval.resolve", "skills.upload.begin")


def row(name, **facts):
    return {"name": name, "family": "f", "scope": READ, "since": "1", **facts}


def test_every_published_method_has_its_row():
    table = method_table()
    for published in PUBLISHED["methods"]:
        spec = table.get(published["method"])
        assert spec is not None
        assert spec.scope == (published["scope"] or ADMIN)
        assert (spec.advertised, spec.v3) == (published["advertised"], published["inProtocol3"])
    assert all(table.get(name).only_v3 for name in PUBLISHED["onlyInProtocol3"])


def test_scopes_are_known_words():
    words = OPERATOR_SCOPES | {NODE, DYNAMIC}
    assert {spec.scope for spec in method_table()} <= words
    assert {spec.session_scope for spec in method_table() if spec.session_scope} <= OPERATOR_SCOPES


def test_dynamic_rows_and_rules_are_the_same_set():
    assert {spec.name for spec in method_table() if spec.scope == DYNAMIC} == set(SCOPE_RULES)


@pytest.mark.parametrize("name", GUARDED_SAMPLE)
def test_what_reaches_an_agent_or_a_shell_is_guarded(name):
    assert method_table().get(name).guarded


@pytest.mark.parametrize("name", ["health", "sessions.list", "chat.history", "chat.abort", "logs.tail"])
def test_reading_and_stopping_is_not_guarded(name):
    assert not method_table().get(name).guarded


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("health", {}, (READ,)),
        ("agent", {"message": "hello /new"}, (WRITE,)),
        ("agent", {"message": " /NEW now"}, (ADMIN,)),
        ("agent", {"message": "/reset"}, (ADMIN,)),
        ("agent", {"message": 7}, (WRITE,)),
        ("channels.pairing.approve", {}, ("operator.pairing",)),
        ("channels.pairing.approve", {"bootstrapCommandOwner": True}, ("operator.pairing", ADMIN)),
        ("environments.list", {}, (READ,)),
        ("environments.list", {"runtimeId": "r"}, (WRITE,)),
        ("fs.listDir", {}, (WRITE,)),
        ("fs.listDir", {"nodeId": "n"}, (ADMIN,)),
        ("node.invoke", {"command": "system.run"}, (WRITE,)),
        ("node.invoke", {"command": "browser.proxy.click"}, (ADMIN,)),
        ("node.invoke", {"command": "fs.listDir"}, (ADMIN,)),
        ("plugins.sessionAction", {}, (WRITE,)),
        ("sessions.create", {"message": "x"}, (WRITE,)),
        ("sessions.create", {"permissionMode": "full"}, (ADMIN,)),
        ("sessions.create", {"incognito": True}, (ADMIN,)),
        ("sessions.create", {"key": "agent:main:dashboard:incognito-1"}, (ADMIN,)),
        ("sessions.create", {"execNode": "n"}, (ADMIN,)),
        ("sessions.delete", {"key": "k"}, (ADMIN,)),
        ("sessions.delete", {"key": "k", "archivedOnly": True}, (WRITE,)),
        ("sessions.delete", {"key": "k", "archivedOnly": True, "emitLifecycleHooks": True}, (ADMIN,)),
        ("sessions.dispatch", {"deviceId": "d"}, (WRITE,)),
        ("sessions.dispatch", {"profileId": "p"}, (ADMIN,)),
        ("sessions.move", {"target": {"kind": "profile"}}, (ADMIN,)),
        ("sessions.move", {"target": {"kind": "gateway"}}, (WRITE,)),
        ("sessions.patch", {"key": "k", "label": "l"}, (WRITE,)),
        ("sessions.patch", {"key": "k", "permissionMode": "full"}, (ADMIN,)),
        ("sessions.patch", {"key": "k", "execHost": "gateway"}, (ADMIN,)),
        ("sessions.patchMany", {"targets": [], "patch": {"pinned": True}}, (WRITE,)),
        ("sessions.patchMany", {"targets": [], "patch": {"sendPolicy": "deny"}}, (ADMIN,)),
        ("sessions.patchMany", {"targets": []}, (WRITE,)),
        ("talk.config", {}, (READ,)),
        ("talk.config", {"includeSecrets": True}, (READ, "operator.talk.secrets")),
    ],
)
def test_required_scopes(method, params, expected):
    assert required_scopes(method_table().get(method), params) == expected


@pytest.mark.parametrize("name", SCOPE_RULES)
def test_scope_rules_are_total(name):
    """Scopes are decided before the shape is checked, so any params may come."""
    odd = {"message": [], "command": {}, "target": 1, "patch": [], "key": 1, "permissionMode": [], "archivedOnly": "x"}
    for params in ({}, odd, {"target": {"kind": []}}):
        assert set(SCOPE_RULES[name](params)) <= OPERATOR_SCOPES


def test_a_table_says_what_is_wrong_with_it():
    with pytest.raises(ValueError, match="two rows"):
        MethodTable([row("a"), row("a")])
    with pytest.raises(ValueError, match="no scope rule"):
        MethodTable([row("a", scope=DYNAMIC)])
