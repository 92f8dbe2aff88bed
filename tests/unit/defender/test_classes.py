import json
import re
from pathlib import Path

import pytest

from gw.defender.classes import DESTRUCTIVE_METHODS, DESTRUCTIVE_TOOLS, READ_TOOLS, ActionClass, class_of
from gw.defender.rows import to_action

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"tool": "read"}, "read"),
        ({"tool": "bash"}, "destructive"),
        ({"tool": "server__anything"}, "destructive"),
        ({"tool": "write"}, "write"),
        ({"tool": "never_heard_of"}, "write"),
        ({"method": "chat.send", "prompt": "x"}, "write"),
        ({"method": "config.set"}, "destructive"),
    ],
)
def test_classes(row: dict[str, str], expected: str) -> None:
    assert class_of(to_action(row, mode="test")) is ActionClass(expected)


def test_the_plugin_has_the_same_lists() -> None:
    text = (ROOT / "plugin" / "classes.js").read_text()
    for name, tools in (("READ", READ_TOOLS), ("DESTRUCTIVE", DESTRUCTIVE_TOOLS)):
        found = re.search(rf"const {name} = \[(.*?)\]", text, re.DOTALL)
        assert found is not None
        assert set(re.findall(r'"([a-z_]+)"', found[1])) == tools


def test_every_destructive_method_is_judged() -> None:
    rows = {row["name"]: row for row in json.loads((ROOT / "gw/data/methods.json").read_text())}
    assert all(rows[name].get("guarded") for name in DESTRUCTIVE_METHODS)
