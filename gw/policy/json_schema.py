"""The JSON Schema of a policy file, made from the field table, for editors.

Knows nothing of policies' meaning. Invariant: made from `schema.SECTIONS` alone, so it cannot drift from the reader.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gw.policy.conditions import FIELDS
from gw.policy.matchers import MATCHERS
from gw.policy.schema import SECTIONS, Field, Kind

_TEXT: Final = {"type": ["string", "number"]}
_WORDS: Final = {"anyOf": [_TEXT, {"type": "array", "items": {"anyOf": [_TEXT, {"$ref": "#/$defs/list"}]}}]}
_VERDICT: Final = {"enum": ["allow", "review", "block"]}

# One line each, shown by editors.
MATCHER_DOCS: Final[Mapping[str, str]] = {
    "pattern": "regular expression (RE2), or several of which one must match",
    "prefix": "first words of a running command; an element may be a list of alternatives",
    "command": "structure of one running command: program, args, flags, reads, writes, deletes, fetches, facts, ...",
    "path": "paths: {under, glob, name, access}",
    "url": "addresses: hosts, or {host, scheme, path, query, userinfo}",
    "text": "words near words: {near: [[a, b], [c]], within: 6}",
    "tool": "tool ids; * is a wildcard",
    "method": "gateway methods or events; * is a wildcard",
    "signal": "something noticed while reading: a name, several, or {name: at-least}",
    "size": "characters: {over: 32000}",
    "guard": "decided by a guard in code: its name, or {name, parameters}",
    "all": "matchers that must all match",
    "any": "matchers of which one must match",
    "not": "a matcher that must not match",
}


def json_schema(*, tools: list[str], methods: list[str]) -> dict[str, Any]:
    """Draft 2020-12. *tools* and *methods* complete the names in floors and bonuses."""
    definitions: dict[str, Any] = {
        name: _object(rows, MATCHER_DOCS if name == "rule" else {})
        for name, rows in SECTIONS.items()
        if name != "policy"
    }
    definitions |= {
        "list": {"type": "object", "properties": {"list": {"type": "string"}}, "required": ["list"]},
        "when": {"type": "object", "properties": dict.fromkeys(FIELDS, _WORDS), "additionalProperties": True},
        "tool": {"examples": tools},
        "method": {"examples": methods},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "clawgate policy",
        **_object(SECTIONS["policy"], {}),
        "$defs": definitions,
    }


def _object(rows: tuple[Field, ...], matchers: Mapping[str, str]) -> dict[str, Any]:
    properties = {row.name: {"description": row.doc, **_value(row)} for row in rows}
    properties |= {name: {"description": matchers[name]} for name in MATCHERS if name in matchers}
    found: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required := [row.name for row in rows if row.required]:
        found["required"] = required
    return found


def _value(row: Field) -> dict[str, Any]:
    found = _KINDS[row.kind](row)
    if row.default is not None:
        found = {**found, "default": row.default}
    return found


def _maps(values: Mapping[str, Any]) -> dict[str, Any]:
    """Field of `when` -> value -> something; tools and methods complete."""
    properties = {
        name: {
            "type": "object",
            "additionalProperties": dict(values),
            **({"propertyNames": {"anyOf": [{"$ref": f"#/$defs/{name}"}, {}]}} if name in ("tool", "method") else {}),
        }
        for name in FIELDS
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


_KINDS: Final[Mapping[Kind, Callable[[Field], dict[str, Any]]]] = {
    Kind.TEXT: lambda row: dict(_TEXT),
    Kind.NAME: lambda row: {"type": "string", "pattern": "^[a-z0-9][a-z0-9_.\\-/]{0,127}$"},
    Kind.NUMBER: lambda row: {"type": "integer", "minimum": row.low, "maximum": row.high},
    Kind.FLAG: lambda row: {"type": "boolean"},
    Kind.CHOICE: lambda row: {"enum": list(row.choices)},
    Kind.CHOICES: lambda row: {
        "anyOf": [{"enum": list(row.choices)}, {"type": "array", "items": {"enum": list(row.choices)}}]
    },
    Kind.WORDS: lambda row: dict(_WORDS),
    Kind.VERDICT: lambda row: dict(_VERDICT),
    Kind.DURATION: lambda row: {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$"},
    Kind.DATE: lambda row: {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    Kind.LISTS: lambda row: {
        "type": "object",
        "additionalProperties": {"anyOf": [_WORDS, {"type": "object", "properties": {"append": _WORDS}}]},
    },
    Kind.VERDICTS: lambda row: _maps(_VERDICT),
    Kind.POINTS: lambda row: _maps({"type": "integer", "minimum": 0, "maximum": 100}),
    Kind.COUNTS: lambda row: {"type": "object", "additionalProperties": {"type": "integer"}},
    Kind.EXAMPLES: lambda row: {"anyOf": [_TEXT, {"type": "object"}, {"type": "array"}]},
    Kind.ENTRY: lambda row: {"$ref": f"#/$defs/{row.section}"},
    Kind.ENTRIES: lambda row: {"type": "array", "items": {"$ref": f"#/$defs/{row.section}"}},
    Kind.TABLE: lambda row: {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{row.section}"}},
    Kind.NODE: lambda row: {"$ref": "#/$defs/when"} if row.name == "when" else {},
}
