"""The plugin's own tests, run by node where there is one."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gw import __version__
from gw.defender.classes import DESTRUCTIVE_TOOLS, READ_TOOLS
from tests.support.openclaw import find_modules

PLUGIN = Path(__file__).parents[2] / "plugin"
LEAST_NODE = 22  # what OpenClaw 2026.9 asks for


def find_node() -> str:
    """OpenClaw's own node, else the system's when it is new enough; skip the test otherwise."""
    modules = find_modules()
    for path in sorted(modules.glob("node-linux-*/bin/node")) if modules is not None else ():
        return str(path)
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < LEAST_NODE:
        pytest.skip(f"node {version.strip()} is older than {LEAST_NODE}")
    return node


def test_the_plugins_own_tests() -> None:
    ran = subprocess.run([find_node(), "--test"], cwd=PLUGIN, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:]


def test_the_classes_of_tools_are_the_daemons() -> None:
    """While the daemon is away the plugin decides by the same two lists."""

    script = (
        "import { classOf } from './classes.js'; const names = JSON.parse(process.argv[1]);"
        "console.log(JSON.stringify(names.map(classOf)))"
    )
    names = sorted(READ_TOOLS | DESTRUCTIVE_TOOLS)
    ran = subprocess.run(
        [find_node(), "--input-type=module", "-e", script, json.dumps(names)],
        cwd=PLUGIN, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    expected = ["read" if name in READ_TOOLS else "destructive" for name in names]
    assert json.loads(ran.stdout) == expected


def test_plugin_and_daemon_are_of_one_version() -> None:
    assert json.loads((PLUGIN / "package.json").read_text())["version"] == __version__
