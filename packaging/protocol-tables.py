#!/usr/bin/env python3
"""Make gw/data/methods.json, events.json and params.json: the facts of the published protocol that we need.

Takes the method and event tables measured on a live gateway (`methods.json`, `events.json` of the reference folder)
and, for parameter shapes, the schemas exported by the published `openclaw` package. Only facts are carried over:
names, scopes, field names, types and bounds; never its texts.

    packaging/protocol-tables.py --reference DIR --package node_modules/openclaw [--node PATH]
"""

import argparse
import json
import re
import subprocess
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

# Methods that the narrower session scopes admit as well.
SESSION_READ = frozenset(
    {"sessions.list", "sessions.subscribe", "sessions.messages.subscribe", "sessions.messages.unsubscribe"}
    | {"sessions.viewers.set", "sessions.preview", "sessions.describe", "sessions.branches.list", "sessions.get"}
    | {"sessions.resolve", "sessions.search", "sessions.files.list", "sessions.files.get", "chat.history"}
    | {"sessions.setInvolvement", "chat.startup", "chat.metadata", "chat.message.get", "session.members.list"}
    | {"session.members.listEvidence"}
)
SESSION_WRITE = frozenset(
    {"question.request", "question.waitAnswer", "question.resolve", "question.get", "question.list", "chat.send"}
    | {"chat.abort", "sessions.create", "sessions.patch", "sessions.patchMany", "sessions.delete", "sessions.fork"}
    | {"sessions.recover", "sessions.send", "sessions.steer", "sessions.abort", "sessions.goal.update"}
    | {"sessions.goal.clear"}
)

# Ours. `security.*` answers about the defender, in the published table's own notation.
OURS = (
    ("security.evaluate", "operator.write"),
    ("security.decisions", "operator.read"),
    ("security.quarantine.list", "operator.read"),
    ("security.quarantine.get", "operator.admin"),
    ("security.quarantine.release", "operator.admin"),
    ("security.quarantine.purge", "operator.admin"),
    ("security.policy", "operator.read"),
    ("security.policy.reload", "operator.admin"),
    ("security.review.list", "operator.read"),
    ("security.review.get", "operator.approvals"),
    ("security.review.approve", "operator.approvals"),
    ("security.review.deny", "operator.approvals"),
    ("security.review.revoke", "operator.approvals"),
)
OUR_EVENTS = (
    ("security.decision", ["operator.read"]),
    ("security.review.requested", ["operator.approvals"]),
    ("security.review.resolved", ["operator.approvals"]),
    ("security.unguarded_execution", ["operator.read"]),
)

# The upstream table names no family for these; and three families have one name here.
FAMILY_BY_PREFIX = {
    "exec": "exec-approvals",
    "plugin": "plugin-approvals",
    "approval": "approvals",
    "question": "questions",
}

# Methods whose parameter schema is neither named after them nor named where the package checks it.
SCHEMA_NAMES = {
    "chat.abort": "ChatAbortParams",
    "sessions.steer": "SessionsSendParams",
    "skills.bins": "SkillsBinsParams",
    "node.event": "NodeEventParams",
    "node.rename": "NodeRenameParams",
    "node.describe": "NodeDescribeParams",
    "node.invoke.result": "NodeInvokeResultParams",
    "connect": "ConnectParams",
    "terminal.list": "TerminalListParams",
}

# Published JSON Schema keyword -> our word for it; the rest is handled below or carries no fact we use.
KEYWORDS = {
    "type": "is", "required": "need", "enum": "enum", "const": "equals", "pattern": "match", "uniqueItems": "unique",
    "minLength": "min", "minimum": "min", "minItems": "min", "minProperties": "min",
    "maxLength": "max", "maximum": "max", "maxItems": "max", "maxProperties": "max",
}  # fmt: skip
WITHOUT_FACTS = {"description", "default", "deprecated", "format", "x-openclaw-since"}

DUMP_SCHEMAS = """
const published = await import(process.argv[1]);
const schemas = {};
for (const [name, value] of Object.entries(published))
  if (name.startsWith("validate") && value.schema) schemas[name.slice("validate".length)] = value.schema;
console.log(JSON.stringify(schemas));
"""
CHECKED_AS = re.compile(r'assertValidParams\(params, validate(\w+), "([^"]+)"')


def family_of(name: str, published: str | None) -> str:
    first = name.split(".")[0]
    return published or FAMILY_BY_PREFIX.get(first, first)


def method_rows(reference: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for source in reference["methods"]:
        name = source["method"]
        row: dict[str, Any] = {
            "name": name,
            "family": family_of(name, source["family"]),
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
        if name in SESSION_READ | SESSION_WRITE:
            row["session_scope"] = "operator.sessions.read" if name in SESSION_READ else "operator.sessions.write"
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


def shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    """One published schema in the notation of gw/wire/params.py."""
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in KEYWORDS:
            if keyword == "pattern":
                re.compile(value, re.ASCII)  # must mean something to us as well
            result[KEYWORDS[keyword]] = value
        elif keyword == "properties":
            result["fields"] = {name: shape(inner) for name, inner in value.items()}
        elif keyword == "additionalProperties":
            if value is False:
                result["closed"] = True
            elif isinstance(value, dict):
                result["values"] = shape(value)
        elif keyword == "patternProperties":
            ((pattern, inner),) = value.items()
            result["values"] = shape(inner)
            if pattern != "^.*$":
                result["names"] = pattern
        elif keyword == "items":
            result["of"] = shape(value)
        elif keyword in ("anyOf", "oneOf", "allOf"):
            result[{"anyOf": "any", "oneOf": "one", "allOf": "all"}[keyword]] = [shape(inner) for inner in value]
        elif keyword == "not":
            result["not"] = shape(value)
        elif keyword not in WITHOUT_FACTS:
            sys.exit(f"unknown schema keyword {keyword}")
    return result


def param_shapes(methods: list[dict[str, Any]], package: Path, node: str) -> dict[str, Any]:
    """Method name -> shape of its params, for every method the package checks."""
    entry = package / "dist/gateway/protocol/index.js"
    command = [node, "--input-type=module", "-e", DUMP_SCHEMAS, entry.resolve().as_uri()]
    schemas = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    checked_as = {
        method: schema
        for module in sorted((package / "dist").glob("*.mjs"))
        for schema, method in CHECKED_AS.findall(module.read_text(encoding="utf-8", errors="replace"))
    }
    shapes = {}
    for row in methods:
        name = row["name"]
        spelled = "".join(word[0].upper() + word[1:] for word in re.split(r"[.-]", name)) + "Params"
        for schema in (checked_as.get(name), SCHEMA_NAMES.get(name), spelled):
            if schema in schemas:
                shapes[name] = shape(schemas[schema])
                break
    return shapes


def write(name: str, rows: list[dict[str, Any]] | dict[str, Any]) -> None:
    """One row a line, so that a difference reads well (and a single shape can be found without parsing them all)."""
    if isinstance(rows, list):
        text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    else:
        lines = [f"{json.dumps(key)}: {json.dumps(row, separators=(',', ':'))}" for key, row in sorted(rows.items())]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
    (DATA / name).write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--package", type=Path)
    parser.add_argument("--node", default="node")
    options = parser.parse_args()
    methods = method_rows(json.loads((options.reference / "methods.json").read_text()))
    write("methods.json", methods)
    write("events.json", event_rows(json.loads((options.reference / "events.json").read_text())))
    if options.package:
        write("params.json", param_shapes(methods, options.package, options.node))


if __name__ == "__main__":
    main()
