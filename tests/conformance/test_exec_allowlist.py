"""Upstream's executed vectors of exec approvals: what our `allow` rules cover is never wider than what upstream allows.

Upstream refuses a line as a whole for its form (redirects, substitutions, compounds); we judge every command in such a
line instead, so those rows are compared command by command.
"""

from typing import Any

import pytest

from gw.defender.guards.rules import is_covered
from gw.defender.shell import analyse
from gw.model.action import Action, Part, PartKind
from gw.model.shell import NodeRole
from gw.model.subject import Subject, View
from gw.policy.targets import keys_of
from tests.support.policies import policy_of
from tests.support.shared import shared_json

ROWS: list[dict[str, Any]] = shared_json("openclaw/vectors/exec_allowlist.json")["shell"]
BARE = [
    row
    for row in ROWS
    if row["input"]["allowlist"] and all(entry["pattern"].isalnum() for entry in row["input"]["allowlist"])
]


# Upstream wants filters behind a pipe listed, or written its way; what only shortens the covered output adds nothing.
FILTERED = {"pipe to safe bin with numeric short flag", "more: git status |& cat"}


def policy(row: dict[str, Any]) -> str:
    names = [entry["pattern"] for entry in row["input"]["allowlist"]]
    rules = "".join(f"  - {{id: t.{name}, prefix: [{name}], hit: [{name} x], miss: [other]}}\n" for name in names)
    return f"version: 1\nkind: policy\nid: t\ntitle: t\nallow:\n{rules}"


def subject(command: str) -> Subject:
    part = Part(PartKind.COMMAND, "/command", command)
    action = Action("a", "test", (part,), "0" * 64, len(command))
    return Subject(action, part, 0, (View("raw", command),), analyse(command))


@pytest.mark.parametrize("row", BARE, ids=lambda row: row["name"])
def test_we_never_cover_more(row: dict[str, Any]) -> None:
    expected = row["expect"]
    if expected["satisfied"]:
        return  # covering less only asks more often
    allowed = {entry["pattern"] for entry in row["input"]["allowlist"]}
    if not expected["analysisOk"] and {segment["argv"][0] for segment in expected["segments"]} <= allowed:
        return  # refused for its form alone: every command in it is allowed
    line = subject(row["input"]["command"])
    if row["name"] in FILTERED:
        return
    if "bash ./x.sh" in row["input"]["command"]:
        return  # upstream wants the script's path listed; a prefix says which words are meant
    assert not is_covered(line, keys_of(line), policy_of(policy(row)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_we_see_every_command_upstream_sees(row: dict[str, Any]) -> None:
    nodes = [node for node in analyse(row["input"]["command"]).nodes if node.role in (NodeRole.RUNS, NodeRole.INLINE)]
    seen = {(*node.wrappers[:1], *node.argv)[0].rpartition("/")[2] for node in nodes} | {n.program for n in nodes}
    for segment in row["expect"]["segments"]:
        assert segment["argv"][0].rpartition("/")[2] in seen


@pytest.mark.parametrize("row", [r for r in ROWS if r["expect"]["analysisOk"]], ids=lambda row: row["name"])
def test_what_upstream_can_parse_we_can(row: dict[str, Any]) -> None:
    assert "shell.unparsed" not in analyse(row["input"]["command"]).signals
