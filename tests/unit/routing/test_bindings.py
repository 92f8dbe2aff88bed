"""Bindings against upstream's executed vectors, and what a configuration may hold."""

from typing import Any

import pytest

from gw.errors import InvalidRequest
from gw.routing.bindings import Peer, Place, Route, read_bindings, select
from gw.session.keys import KeyRules
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/routing_bindings.json")
ROUTES = [(row, VECTORS["config"]) for row in VECTORS["routes"]] + [
    (row, VECTORS["tie_config"]) for row in VECTORS["ties"]
]


def rules_of(config: dict[str, Any]) -> KeyRules:
    agents = config["agents"]["entries"]
    default = next((name for name, agent in agents.items() if agent.get("default")), None)
    return KeyRules(tuple(agents), default or (next(iter(agents)) if len(agents) == 1 else None))


def place_of(row: dict[str, Any]) -> Place:
    def peer(name: str) -> Peer | None:
        return Peer(row[name]["kind"], row[name]["id"]) if name in row else None

    return Place(
        row["channel"],
        row.get("accountId", ""),
        peer("peer"),
        peer("parentPeer"),
        row.get("guildId", ""),
        row.get("teamId", ""),
        row.get("memberRoleIds", ()),
    )


def route(row: dict[str, Any], config: dict[str, Any]) -> Route:
    bindings = read_bindings(config["bindings"])
    return select(bindings, place_of(row), rules_of(config), config.get("session", {}), row.get("defaultAgentId"))


@pytest.mark.parametrize(("case", "config"), ROUTES, ids=[row["name"] for row, _ in ROUTES])
def test_routes(case: dict[str, Any], config: dict[str, Any]) -> None:
    found = route(case["input"], config)
    assert {
        "agentId": found.agent,
        "channel": found.channel,
        "accountId": found.account,
        "dmScope": found.dm_scope,
        "groupScope": found.group_scope,
        "sessionKey": found.session_key,
        "mainSessionKey": found.main_key,
        "lastRoutePolicy": "main" if found.is_main else "session",
        "matchedBy": found.matched_by,
    } == case["expect"]


@pytest.mark.parametrize("case", VECTORS["errors"], ids=lambda case: case["name"])
def test_errors(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        route(case["input"], case["config"])


def test_all_fields_of_a_binding_must_hold() -> None:
    rows = [{"agentId": "ops", "match": {"channel": "discord", "guildId": "g", "peer": {"kind": "channel", "id": "c"}}}]
    config = {"agents": {"entries": {"main": {"default": True}, "ops": {}}}, "bindings": rows}
    asked = {"channel": "discord", "peer": {"kind": "channel", "id": "c"}}
    assert route(asked, config).agent == "main"
    assert route({**asked, "guildId": "g"}, config).agent == "ops"


def test_links_join_one_person_over_channels() -> None:
    session = {"dmScope": "per-peer", "identityLinks": {"Ann": ["telegram:7", "u9"]}}
    config = {"agents": {"entries": {"main": {}}}, "bindings": [], "session": session}
    one = route({"channel": "telegram", "peer": {"kind": "direct", "id": "7"}}, config)
    other = route({"channel": "slack", "peer": {"kind": "direct", "id": "U9"}}, config)
    assert one.session_key == other.session_key == "agent:main:direct:ann"


def test_a_kind_nobody_knows_makes_a_binding_unusable() -> None:
    assert read_bindings([{"agentId": "a", "match": {"channel": "x", "peer": {"kind": "crowd", "id": "1"}}}]) == ()
