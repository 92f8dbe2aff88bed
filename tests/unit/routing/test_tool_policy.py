"""Tool policies against upstream's executed vectors."""

from typing import Any

import pytest

from gw.defender.tool_fields import tool_id
from gw.routing import tool_policy
from gw.routing.tool_policy import Layer
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/tool_policy.json")
# The order in which layers are applied does not matter to what remains; every one can only remove.
LAYERS = (
    *("profilePolicy", "providerProfilePolicy", "globalPolicy", "globalProviderPolicy", "agentPolicy"),
    *("agentProviderPolicy", "groupPolicy", "senderPolicy"),
)


def named(name: str) -> Any:
    return pytest.mark.parametrize("case", VECTORS[name], ids=lambda case: case["name"])


def layer(row: dict[str, Any] | None) -> Layer | None:
    return None if row is None else Layer(row.get("allow"), row.get("deny"))


@pytest.mark.parametrize("group", VECTORS["groups_table"])
def test_groups(group: str) -> None:
    assert list(tool_policy.GROUPS[group]) == VECTORS["groups_table"][group]


@pytest.mark.parametrize("name", VECTORS["profiles_table"])
def test_profiles(name: str) -> None:
    expected = VECTORS["profiles_table"][name]
    found = tool_policy.profile(name)
    assert (None if found is None else set(found.allow or ())) == (None if expected is None else set(expected["allow"]))


@named("normalise")
def test_normalise(case: dict[str, Any]) -> None:
    assert tool_id(case["input"]["name"]) == case["expect"]["id"]


@named("expand")
def test_expand(case: dict[str, Any]) -> None:
    assert tool_policy.expand(case["input"]["list"]) == case["expect"]["ids"]


@named("single_policy")
def test_one_policy(case: dict[str, Any]) -> None:
    assert tool_policy.allows(layer(case["input"]["policy"]), case["input"]["tool"]) is case["expect"]["allowed"]


@named("pick_policy")
def test_pick(case: dict[str, Any]) -> None:
    assert tool_policy.pick(case["input"]["config"]) == layer(case["expect"])


@named("pipeline")
def test_layers_only_narrow(case: dict[str, Any]) -> None:
    rows = case["input"]["layers"]
    assert set(rows) <= {*LAYERS, "profile"}
    found = tool_policy.remaining(case["input"]["tools"], [layer(rows.get(name)) for name in LAYERS])
    assert found == case["expect"]["remaining"]


@named("sandbox")
def test_sandbox(case: dict[str, Any]) -> None:
    config = case["input"]["config"]

    def tools(row: dict[str, Any]) -> Any:
        return row.get("tools", {}).get("sandbox", {}).get("tools")

    agent = config.get("agents", {}).get("entries", {}).get(case["input"]["agentId"], {})
    found = tool_policy.sandbox(tools(config), tools(agent))
    expect = case["expect"]
    assert (found.allow, found.deny) == (expect["allow"], expect["deny"])
    assert {tool: tool_policy.allows(found, tool) for tool in expect["tools"]} == expect["tools"]


def test_only_a_star_is_special() -> None:
    assert tool_policy.allows(Layer(["a[b]*"]), "a[b]c")
    assert not tool_policy.allows(Layer(["a[b]*"]), "abc")


def test_the_longer_provider_key_goes_first() -> None:
    tools = {"byProvider": {"acme": {"deny": ["exec"]}, "acme/big": {"allow": ["read"]}}}
    assert tool_policy.by_provider(tools, "acme", "big") == {"allow": ["read"]}
    assert tool_policy.by_provider(tools, "acme", "small") == {"deny": ["exec"]}
    assert tool_policy.by_provider(tools, "other", "x") == {}


NAMES = {"id": "17", "username": "ann"}


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"17": {"deny": ["a"]}, "*": {"deny": ["b"]}}, ["a"]),
        ({"id:17": {"deny": ["a"]}, "username:ann": {"deny": ["c"]}}, ["a"]),
        ({"channel:telegram:17": {"deny": ["d"]}, "id:17": {"deny": ["a"]}}, ["d"]),
        ({"username:ann": {"deny": ["c"]}}, ["c"]),
        ({"*": {"deny": ["b"]}}, ["b"]),
        ({"18": {"deny": ["x"]}}, None),
    ],
)
def test_senders(table: dict[str, Any], expected: list[str] | None) -> None:
    found = tool_policy.for_sender(table, "telegram", NAMES)
    assert (None if found is None else found["deny"]) == expected


def test_groups_and_their_senders() -> None:
    groups = {
        "-100": {"tools": {"allow": ["read"]}, "toolsBySender": {"17": {"allow": ["write"]}}},
        "*": {"tools": {"deny": ["exec"]}},
    }
    assert tool_policy.for_group(groups, "-100", "telegram", NAMES) == Layer(["write"])
    assert tool_policy.for_group(groups, "-100", "telegram", {"id": "18"}) == Layer(["read"])
    assert tool_policy.for_group(groups, "-200", "telegram", NAMES) == Layer(None, ["exec"])
    assert tool_policy.for_group(None, "-200", "telegram", NAMES) is None


def test_the_layers_of_a_turn() -> None:
    tools = {"profile": "full", "alsoAllow": ["x"], "deny": ["exec"]}
    agent = {"profile": "minimal", "allow": ["gateway"]}
    found = tool_policy.layers(tools, agent, Layer(None, ["read"]))
    assert found == [
        Layer(["session_status", "gateway", "x"]),
        Layer(["*", "x"], ["exec"]),
        Layer(["gateway"]),
        Layer(None, ["read"]),
    ]
    assert tool_policy.layers({}, {}, None) == []
