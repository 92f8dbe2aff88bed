"""Who may talk, against upstream's executed vectors."""

from typing import Any

import pytest

from gw.routing import access
from gw.routing.access import Access
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/activation.json")


@pytest.mark.parametrize("case", VECTORS["sender_access"], ids=lambda case: case["name"])
def test_senders(case: dict[str, Any]) -> None:
    given = case["input"]
    ids = [given["sender"]]
    if given["isGroup"]:
        found = access.group_sender(
            ids,
            policy=given.get("groupPolicy"),
            group_allow_from=given.get("groupAllowFrom", ()),
            allow_from=given.get("allowFrom", ()),
            fallback=given.get("groupAllowFromFallbackToAllowFrom", True),
        )
    else:
        found = access.direct(
            ids,
            policy=given.get("dmPolicy"),
            allow_from=given.get("allowFrom", ()),
            paired=given.get("storeAllowFrom", ()),
        )
    assert found._asdict() == {"decision": case["expect"]["decision"], "reason": case["expect"]["reasonCode"]}


@pytest.mark.parametrize("case", VECTORS["group_policy"], ids=lambda case: case["name"])
def test_groups(case: dict[str, Any]) -> None:
    given, expect = case["input"], case["expect"]
    channel = given["config"].get("channels", {}).get(given["channel"], {})
    settings = access.account_settings(channel, given.get("accountId") or "default")
    found = access.group(settings, given["groupId"], has_senders=given.get("hasGroupAllowFrom", False))
    assert (found.listed, found.allowed) == (expect["allowlistEnabled"], expect["allowed"])
    assert found.require_mention == expect.get("requireMention", found.require_mention)


def test_an_account_replaces_its_channels_map_whole() -> None:
    channel = {"groups": {"a": {}}, "dmPolicy": "open", "accounts": {"work": {"groups": {"b": {}}}}}
    assert access.account_settings(channel, "work") == {"groups": {"b": {}}, "dmPolicy": "open"}
    assert access.account_settings(channel, "home") == {"groups": {"a": {}}, "dmPolicy": "open"}


def test_any_of_a_senders_names_will_do() -> None:
    assert access.direct(["17", "@Ann"], policy="allowlist", allow_from=[" @ann "]).is_allowed
    assert access.direct(["", "17"], policy="allowlist", allow_from=[""]) == Access(
        "block", "dm_policy_not_allowlisted"
    )
    assert access.group_sender(["u"], group_allow_from=["v"]) == Access("block", "group_policy_not_allowlisted")


def test_access_groups_are_their_members_and_unknown_ones_nobody() -> None:
    table = {"ops": ["u1", "u2"]}
    assert access.resolve(["accessGroup:ops", "u9", "accessGroup:gone"], table.__getitem__) == ["u1", "u2", "u9"]


GUILDS = {
    "guilds": {
        "G1": {"users": ["u1"], "roles": ["R1"], "requireMention": False},
        "G2": {"channels": {"C1": {"requireMention": False}}},
        "G3": {},
    }
}


@pytest.mark.parametrize(
    ("guild_id", "channels", "ids", "roles", "allowed", "mention"),
    [
        ("G1", ["C"], ["u1"], [], True, False),
        ("G1", ["C"], ["u2"], ["R1"], True, False),
        ("G1", ["C"], ["u2"], ["R2"], False, False),
        ("G2", ["C1"], ["u2"], [], True, False),
        ("G2", ["T1", "C1"], ["u2"], [], True, False),
        ("G2", ["C2"], ["u2"], [], False, True),
        ("G3", ["C"], ["u2"], [], True, True),
        ("G4", ["C"], ["u1"], ["R1"], False, True),
    ],
)
def test_guilds(
    guild_id: str, channels: list[str], ids: list[str], roles: list[str], allowed: bool, mention: bool
) -> None:
    found, must = access.guild(GUILDS, guild_id, channels, ids, roles)
    assert (found.is_allowed, must) == (allowed, mention)
    assert not access.guild({**GUILDS, "groupPolicy": "disabled"}, guild_id, channels, ids, roles)[0].is_allowed
