import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from gw.cli.policy.schema import render
from gw.policy.json_schema import MATCHER_DOCS, json_schema
from gw.policy.loader import shipped
from gw.policy.matchers import MATCHERS

SCHEMA = json_schema(tools=["exec"], methods=["chat.send"])
HEAD = {"version": 1, "kind": "policy", "id": "a.b"}


def is_valid(**document: object) -> bool:
    return bool(jsonschema_rs.is_valid(SCHEMA, {**HEAD, **document}))


def test_every_matcher_has_a_line_for_editors() -> None:
    assert set(MATCHER_DOCS) == set(MATCHERS)


def test_the_shipped_schema_is_the_current_one() -> None:
    assert (shipped() / "schema.json").read_text().rstrip("\n") == render()


@pytest.mark.parametrize("path", sorted((shipped() / "default").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_file_fits_the_schema(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    schema = json.loads(render())
    if path.name.endswith("_test.yaml"):
        schema = {"$defs": schema["$defs"], "$ref": "#/$defs/test_file"}
    jsonschema_rs.validate(schema, document)


@pytest.mark.parametrize(
    ("document", "valid"),
    [
        ({}, True),
        ({"mood": 1}, False),
        ({"mode": "audit"}, True),
        ({"mode": "off"}, False),
        ({"risk": {"review_at": 101}}, False),
        ({"floors": {"tool": {"exec": "review"}}}, True),
        ({"floors": {"tool": {"exec": "maybe"}}}, False),
        ({"floors": {"toll": {}}}, False),
        ({"bonus": {"tool": {"made_up": 3}}}, True),
        ({"score": [{"id": "a.b", "prefix": ["ls", ["a", {"list": "x"}]]}]}, True),
        ({"score": [{"id": "a.b", "prefx": []}]}, False),
        ({"deny": [{"title": "no id"}]}, False),
    ],
)
def test_what_editors_are_told(document: dict[str, object], valid: bool) -> None:
    assert is_valid(**document) is valid
