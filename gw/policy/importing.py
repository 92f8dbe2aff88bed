"""Other guards' settings to policy text: the Rust port's TOML and OpenClaw's exec approvals.

Pure. Invariant: whatever is not carried over is named, with the reason or the place where it belongs now.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

# Keys of the port's file that are settings here, not policy.
_SETTINGS: Final = {
    "gateway.server.bind": "gateway.listen",
    "gateway.token": "auth.token_file",
    "gateway.password": "auth.password_file",
    "runtime.worker_concurrency": "defender.workers",
    "runtime.max_queue": "defender.queue",
    "runtime.eval_timeout_ms": "defender.timeout_ms",
    "runtime.session_state_path": "gateway.state",
    "security.quarantine_dir": "gateway.state",
    "security.virustotal_api_key": "intel.virustotal_key_file",
}
_CARRIED: Final = frozenset(
    {
        "runtime.audit_only", "security.review_threshold", "security.block_threshold", "security.tool_policies",
        "security.tool_risk_bonus", "security.channel_risk_bonus", "security.protect_paths",
        "security.allowed_command_prefixes", "security.blocked_command_patterns",
        "security.prompt_injection_patterns", "security.virustotal_timeout_ms",
    }
)  # fmt: skip


class Imported(NamedTuple):
    """`left` are (what, why) of everything that has no place in the text."""

    text: str
    left: tuple[tuple[str, str], ...]


def from_port(document: Mapping[str, Any], policy_id: str) -> Imported:
    """The port's configuration (version 1.7), as `tomllib` reads it. Its points are those of `profile: port-1.7`."""
    security = _table(document, "security")
    lines = [
        "version: 1",
        "kind: policy",
        f"id: {policy_id}",
        "title: Imported from the Rust port",
        "profile: port-1.7",
        f"mode: {'audit' if _table(document, 'runtime').get('audit_only') else 'enforce'}",
    ]
    risk = {ours: security[name] for name, ours in _THRESHOLDS.items() if name in security}
    lines += _one("risk", risk)
    lines += _one("floors", _nested("tool", security.get("tool_policies")))
    lines += _one("bonus", _nested("tool", security.get("tool_risk_bonus")) | _nested(
        "channel", security.get("channel_risk_bonus")
    ))  # fmt: skip
    rules = [
        *_port_rules("port.command.blocked", 80, "command", security.get("blocked_command_patterns")),
        *_port_rules("port.prompt.injection", 18, "[prompt, tool_output]", security.get("prompt_injection_patterns")),
        *_port_prefixes(security.get("allowed_command_prefixes")),
    ]
    lines += ["score:", *rules] if rules else []
    if paths := security.get("protect_paths"):
        watch = {"id": "port.host", "paths": paths, "on_change": {"points": 55}}
        lines += _one("host", {"baseline": "signed", "watch": [watch]})
    if timeout := security.get("virustotal_timeout_ms"):
        lines += _one("intel", {"virustotal": {"timeout": f"{timeout}ms"}})
    return Imported("\n".join(lines) + "\n", tuple(_left(document)))


_THRESHOLDS: Final = {"review_threshold": "review_at", "block_threshold": "block_at"}


def from_openclaw(document: Mapping[str, Any], policy_id: str) -> Imported:
    """OpenClaw's exec approvals document: allow-lists become `allow` rules, `deny` and `ask: always` floors."""
    left: list[tuple[str, str]] = []
    allow: list[str] = []
    overrides: list[str] = []
    agents = _table(document, "agents")
    for agent, entry in agents.items():
        when = {} if agent == "*" else {"agent": agent}
        for number, row in enumerate(entry.get("allowlist", ()) if isinstance(entry, dict) else ()):
            allow += _openclaw_allow(f"openclaw.allow.{_slug(agent)}.{number + 1}", row, when, left)
        if verdict := _openclaw_floor(entry):
            if when:
                overrides.append(f"  - {{when: {_flow(when)}, floors: {{tool: {{exec: {verdict}}}}}}}")
            else:
                left.append(("agents.*", f"set floors: {{tool: {{exec: {verdict}}}}} yourself if it is meant for all"))
    lines = ["version: 1", "kind: policy", f"id: {policy_id}", "title: Imported from OpenClaw's exec approvals"]
    lines.append("include: [clawgate.default]")
    if verdict := _openclaw_floor(_table(document, "defaults")):
        lines.append(f"floors: {{tool: {{exec: {verdict}}}}}")
    lines += ["allow:", *allow] if allow else []
    lines += ["overrides:", *overrides] if overrides else []
    left += [(name, "not about commands") for name in document if name not in ("version", "defaults", "agents")]
    return Imported("\n".join(lines) + "\n", tuple(left))


def _openclaw_allow(rule_id: str, row: Any, when: Mapping[str, str], left: list[tuple[str, str]]) -> Iterator[str]:
    pattern = row.get("pattern") if isinstance(row, dict) else None
    if not isinstance(pattern, str) or not pattern:
        left.append((rule_id, "no pattern"))
        return
    program = pattern.rsplit("/", 1)[-1]
    if any(mark in program for mark in "*?[{"):
        left.append((pattern, "a wildcard in the program's name would cover programs nobody thought of"))
        return
    if row.get("argPattern"):
        left.append((f"{pattern} {row['argPattern']}", "argument patterns: write the arguments into the prefix"))
        return
    yield f"  - id: {rule_id}"
    yield f"    prefix: [{_scalar(program)}]"
    if when:
        yield f"    when: {_flow(when)}"


def _openclaw_floor(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return ""
    if entry.get("security") == "deny":
        return "block"
    return "review" if entry.get("ask") == "always" else ""


def _port_rules(prefix: str, points: int, target: str, patterns: Any) -> Iterator[str]:
    for number, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
        yield f"  - id: {prefix}.{number + 1}"
        yield f"    points: {points}"
        yield f"    target: {target}"
        yield "    on_data: true  # the port looked at the whole line as text"
        yield f"    pattern: {_quoted(pattern)}"


def _port_prefixes(prefixes: Any) -> Iterator[str]:
    """Points for every line that begins with none of the prefixes, compared as the port did: as text."""
    if not isinstance(prefixes, list) or not prefixes:
        return
    pattern = _quoted(r"^\s*(?:" + "|".join(_escape(str(prefix)) for prefix in prefixes) + ")")
    yield "  - id: port.command.not-allowlisted"
    yield "    points: 20"
    yield "    target: command"
    yield "    on_data: true"
    yield f"    not: {{pattern: {pattern}}}"


def _left(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for section, table in document.items():
        for name, value in _flat(table, section):
            if name in _CARRIED or value in ("", [], {}):
                continue
            if name in _SETTINGS:
                yield name, f"a setting: {_SETTINGS[name]} in clawgate.yaml"
            else:
                yield name, "no counterpart"


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and name not in _CARRIED:
        for key, child in value.items():
            yield from _flat(child, f"{name}.{key}")
    else:
        yield name, value


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name)
    return table if isinstance(table, Mapping) else {}


def _nested(field: str, row: Any) -> dict[str, Any]:
    """Tool names as OpenClaw has them now; where two become one, the stricter value counts."""
    if not isinstance(row, Mapping) or not row:
        return {}
    found: dict[str, Any] = {}
    for name, value in row.items():
        ours = _ALIASES.get(str(name), str(name)) if field == "tool" else str(name)
        found[ours] = max(found[ours], value, key=_rank) if ours in found else value
    return {field: found}


_ALIASES: Final = {"bash": "exec", "apply-patch": "apply_patch", "cron": "automations"}


def _rank(value: Any) -> int:
    return value if isinstance(value, int) else ("allow", "review", "block").index(str(value))


def _one(name: str, value: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {_flow(value)}"] if value else []


def _flow(value: Any) -> str:
    """YAML in flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(child) for child in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool | int):
        return json.dumps(value)
    text = str(value)
    return text if text.replace("_", "").replace("-", "").isalnum() and not text[0].isdigit() else _quoted(text)


def _quoted(text: Any) -> str:
    """Single-quoted: backslashes of patterns stay as they are."""
    text = str(text)
    return json.dumps(text) if "\n" in text else "'" + text.replace("'", "''") + "'"


def _escape(text: str) -> str:
    return "".join("\\" + letter if letter in "\\.+*?()|[]{}^$" else letter for letter in text)


def _slug(text: str) -> str:
    slug = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in text.lower()).strip("-")
    return slug or "all"
