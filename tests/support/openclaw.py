"""The installed OpenClaw packages (never installed from here): their schema, entry points and environment."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CACHE = Path(
    os.environ.get("OPENCLAW_LAB_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openclaw-lab"
)


@cache
def find_modules() -> Path | None:
    """The newest lab installation's node_modules."""
    found = sorted(CACHE.glob("openclaw-*/node_modules"))
    return next((path for path in reversed(found) if (path.parent / ".done").exists()), None)


def modules() -> Path:
    """Skip the test, saying why, when the packages are not installed."""
    path = find_modules()
    if path is None:
        pytest.skip(f"OpenClaw's npm packages are not installed under {CACHE}")
    return path


def node() -> Path:
    found = sorted(modules().glob("node-linux-*/bin/node"))
    if not found:
        pytest.skip("the lab's node is not installed")
    return found[0]


@cache
def _schema(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def schema() -> dict[str, Any]:
    """The published protocol schema."""
    return _schema(modules() / "@openclaw/gateway-protocol/protocol.schema.json")


def problems(definition: str, value: Any) -> list[str]:
    """Everything in `value` that the named definition of the published schema refuses."""
    import jsonschema_rs

    document = {"$ref": f"#/definitions/{definition}", "definitions": schema()["definitions"]}
    validator = jsonschema_rs.Draft7Validator(document)  # tuples as `items: [..]`, so not a newer draft
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]
