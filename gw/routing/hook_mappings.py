"""What a webhook's body becomes: a wake-up or an agent's turn, by the operator's table of templates.

Pure: values in, values out; nothing is looked up but what the request brought. Invariant: a template holds names only,
never code; what it does not find is empty; what comes out is text.

Source: openclaw/ROUTING.md section 11 (webhooks).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gw.ports import Json

ACTIONS: Final = ("wake", "agent")
MOST_TEXT: Final = 20_000  # characters of what one webhook says
MOST_ITEMS: Final = 200
FIELDS: Final = frozenset(
    {"match", "action", "name", "messageTemplate", "textTemplate", "sessionKey", "agentId", "deliver", "channel", "to"}
    | {"accountId", "wakeMode", "model", "thinking", "timeoutSeconds", "forEach"}
)
_SLOT: Final = re.compile(r"\{\{\s*([A-Za-z0-9_$.\[\]-]{1,200})\s*\}\}")
_STEP: Final = re.compile(r"[^.\[\]]+")


class Hook(NamedTuple):
    """One thing that a webhook asks for, with the fields of the built-in entry points."""

    action: str  # wake | agent
    text: str
    params: Mapping[str, Json]


def find(mappings: Sequence[Mapping[str, Json]], name: str, payload: Json) -> Mapping[str, Json] | None:
    """The first mapping for `/hooks/<name>`; `match.source` also asks for the payload's own `source`."""
    for row in mappings:
        match: Mapping[str, Json] = row.get("match") or {}
        source = match.get("source")
        if str(match.get("path") or "").strip("/") != name:
            continue
        if source is None or (isinstance(payload, Mapping) and payload.get("source") == source):
            return row
    return None


def apply(row: Mapping[str, Json], payload: Json, headers: Mapping[str, str], query: Mapping[str, str]) -> list[Hook]:
    """What the mapping makes of a request; empty when it makes nothing of it."""
    action = "wake" if row.get("action") == "wake" else "agent"
    template = row.get("textTemplate" if action == "wake" else "messageTemplate") or row.get("messageTemplate") or ""
    items: list[Json] = [None]
    if row.get("forEach"):
        found = lookup({"payload": payload}, str(row["forEach"]))
        items = found[:MOST_ITEMS] if isinstance(found, list) else []
    hooks = []
    for item in items:
        scope = {"payload": payload, "headers": dict(headers), "query": dict(query), "item": item}
        text = fill(str(template), scope).strip()
        if text:
            hooks.append(Hook(action, text[:MOST_TEXT], _params(row, scope)))
    return hooks


def fill(template: str, scope: Mapping[str, Json]) -> str:
    return _SLOT.sub(lambda slot: _text(lookup(scope, slot[1])), template)


def lookup(scope: Mapping[str, Json], path: str) -> Json:
    """`payload.items[0].name`; a path without a known beginning is one of the payload. None when it leads nowhere."""
    steps = _STEP.findall(path)
    node: Json = scope if steps and steps[0] in scope else scope.get("payload")
    for step in steps:
        if isinstance(node, Mapping):
            node = node.get(step)
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            return None
    return node


def _params(row: Mapping[str, Json], scope: Mapping[str, Json]) -> dict[str, Json]:
    params = {name: row[name] for name in FIELDS - {"match", "action", "forEach"} if name in row}
    for name in ("name", "sessionKey", "to"):
        if isinstance(params.get(name), str):
            params[name] = fill(params[name], scope)
    return {name: value for name, value in params.items() if not name.endswith("Template")}


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (Mapping, list)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
