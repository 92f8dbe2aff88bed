#!/usr/bin/env python3
"""Make gw/data/methods.json, events.json and params.json: the facts of the published protocol that we need.

Takes the method and event tables measured on a live gateway (`methods.json`, `events.json` of the reference folder)
and, for parameter shapes, the schemas exported by the published `openclaw` package. Only facts are carried over:
names, scopes, field names, types and bounds; never its texts.

    packaging/protocol-tables.py --reference DIR --package node_modules/openclaw [--node PATH]
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "gw" / "data"

# What an evaluator must read (text, commands, URLs, files that reach an agent, a shell or a person). One row per
# method whose request is judged before it is served.
GUARDED = frozenset(
    {"chat.send", "chat.inject", "agent", "wake", "send", "poll", "message.action", "tools.invoke", "node.invoke"}
    | {"sessions.send", "sessions.steer", "sessions.create", "sessions.patch", "sessions.patchMany"}
    | {"exec.approval.request", "exec.approval.resolve", "approval.resolve", "plugin.approval.resolve"}
    | {"exec.approvals.set", "exec.approvals.node.set", "config.set", "config.patch", "config.apply"}
    | {"cron.add", "cron.update", "skills.install", "skills.update", "plugins.install", "agents.files.set"}
    | {"terminal.open", "terminal.input"}
)
# Whole families of which every write is judged.
GUARDED_PREFIXES = ("skills.upload.",)

# Ours. `security.*` answers about the defender, in the published table's own notation.
OURS = (
    ("security.evaluate", "operator.write"),
    ("security.decisions", "operator.read"),
    ("security.quarantine.list", "operator.read"),
    ("security.quarantine.get", "operator.admin"),
    ("security.policy", "operator.read"),
)
OUR_EVENTS = (("security.decision", ["operator.read"]),)

# The upstream table names no family for these; and three families have one name here.
FAMILY_BY_PREFIX = {
    "exec": "exec-approvals",
    "plugin": "plugin-approvals",
    "approval": "approvals",
    "question": "questions",
}

# Methods whose parameter schema is not named after them.
SCHEMA_NAMES: dict[str, str] = {}


def method_rows(reference: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for source in reference["methods"]:
        name = source["method"]
        row: dict[str, Any] = {
            "name": name,
            "family": source["family"] or FAMILY_BY_PREFIX.get(name.split(".")[0], name.split(".")[0]),
            "scope": source["scope"] or "operator.admin",
            "since": source["since"] or "plugin",
        }
        row |= {
            key: True
            for key, on in (
                ("advertised", source["advertised"]),
                ("v3", source["inProtocol3"]),
                ("guarded", name in GUARDED or name.startswith(GUARDED_PREFIXES)),
            )
            if on
        }
        rows.append(row)
    known = {row["name"] for row in rows}
    rows += [
        {
            "name": name,
            "family": name.split(".")[0],
            "scope": "operator.admin",
            "since": "protocol-3",
            "v3": True,
            "only_v3": True,
        }
        for name in reference["onlyInProtocol3"]
        if name not in known
    ]
    rows += [
        {"name": name, "family": "security", "scope": scope, "since": "clawgate", "advertised": True, "v3": True}
        for name, scope in OURS
    ]
    missing = GUARDED - {row["name"] for row in rows}
    if missing:
        sys.exit(f"guarded, but not in the reference table: {sorted(missing)}")
    return rows


def event_rows(reference: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for source in reference["events"]:
        needs = source.get("needsSubscription", "")
        row: dict[str, Any] = {"name": source["event"], "scopes": source["anyOfScopes"]}
        row |= {key: True for key, on in (("advertised", source["advertised"]), ("v3", source["inProtocol3"])) if on}
        if "includeApprovals" in needs:
            row["subscription"] = "approvals"
        elif needs.startswith("sessions.messages."):
            row["subscription"] = "messages"
        elif needs.startswith("sessions.subscribe"):
            row["subscription"] = "sessions"
        elif needs:
            row["subscription"] = "other"
        rows.append(row)
    rows += [{"name": name, "scopes": scopes, "advertised": True, "v3": True} for name, scopes in OUR_EVENTS]
    return rows


def write(name: str, rows: object) -> None:
    if isinstance(rows, list):
        text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
    else:
        text = "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(rows.items())) + "\n}\n"  # type: ignore[attr-defined]
    (DATA / name).write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--package", type=Path)
    parser.add_argument("--node", default="node")
    options = parser.parse_args()
    write("methods.json", method_rows(json.loads((options.reference / "methods.json").read_text())))
    write("events.json", event_rows(json.loads((options.reference / "events.json").read_text())))


if __name__ == "__main__":
    main()
