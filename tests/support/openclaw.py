"""The installed OpenClaw packages (never installed from here): schema, command line, and environment."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CACHE = Path(
    os.environ.get("OPENCLAW_LAB_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openclaw-lab"
)
COMMAND_TIMEOUT_S = 90


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


def control_ui() -> Path:
    """The Control UI build that comes with the package."""
    return modules() / "openclaw/dist/control-ui"


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """Nothing of ours, and every path below `folder`: the stock client sees an empty home."""
    for name in ("home", "tmp", "cache", "state"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{node().parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "OPENCLAW_STATE_DIR": str(folder / "state"),
        "OPENCLAW_CONFIG_PATH": str(folder / "openclaw.json"),
        "OPENCLAW_SKIP_CHANNELS": "1",
        "OPENCLAW_DISABLE_BONJOUR": "1",
        "OPENCLAW_NO_AUTO_UPDATE": "1",
        "OPENCLAW_NO_RESPAWN": "1",
        "DO_NOT_TRACK": "1",
        **extra,
    }


def command_line(folder: Path, url: str, token: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the stock `openclaw` against a gateway elsewhere."""
    config = {"gateway": {"mode": "remote", "remote": {"url": url, "token": token}}}
    environ = environment(folder)
    (folder / "openclaw.json").write_text(json.dumps(config))
    program = [str(node()), str(modules() / "openclaw/openclaw.mjs"), *arguments]
    return subprocess.run(
        program, env=environ, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False, cwd=folder
    )


def script(folder: Path, file: Path, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    """Run a JavaScript file with the packages in reach (OPENCLAW_LAB_MODULES, as the lab's scenarios expect); *extra*
    are environment variables."""
    return subprocess.run(
        [str(node()), str(file), *arguments],
        env=environment(folder, OPENCLAW_LAB_MODULES=str(modules().parent), **extra),
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
        cwd=folder,
    )


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
