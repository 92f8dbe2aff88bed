"""`clawgate openclaw`, with a stand-in for OpenClaw's program; the real one is in tests/e2e/test_openclaw_setup.py."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gw.cli.main import run
from gw.cli.openclaw import RECORD

PROGRAM = """#!{python}
import json, sys
from pathlib import Path
file = Path({file!r})
def merged(document, patch):
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {{}}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
arguments = sys.argv[1:]
if arguments == ["--version"]:
    print("OpenClaw 2026.9.6")
elif arguments[:2] == ["config", "file"]:
    print(json.dumps({{"path": str(file)}}))
elif arguments[:2] == ["config", "get"]:
    print(json.dumps({{"ok": False, "error": {{"message": "valid but unset"}}}}))
    sys.exit(1)
elif arguments[:2] == ["config", "patch"]:
    old = file.read_text()
    new = json.dumps(merged(json.loads(old) if old[0] == "{{" else {{}}, json.load(sys.stdin)), indent=2)
    if len(new) < {least} * len(old):
        sys.exit("Config write rejected (size-drop)")
    file.write_text(new)
"""
BEFORE = {"gateway": {"port": 1}, "tools": {"exec": {"security": "full"}}}


class Lab:
    def __init__(self, folder: Path, least: float = 0.0) -> None:
        self.file = folder / "openclaw.json"
        self.file.write_text(json.dumps(BEFORE))
        self.program = folder / "openclaw"
        self.program.write_text(PROGRAM.format(python=sys.executable, file=str(self.file), least=least))
        self.program.chmod(0o755)
        self.record = folder / RECORD

    def run(self, *arguments: str) -> int:
        socket = ["--socket", "/run/x.sock"] if arguments[0] == "setup" else []
        return run(["openclaw", arguments[0], "--openclaw", str(self.program), *socket, *arguments[1:]])

    def document(self) -> Any:
        return json.loads(self.file.read_text())


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_setup_shows_what_it_writes_and_remove_takes_it_back(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run("setup", "--exec-ask", "--review", "clawgate", "--yes") == 0
    shown = capsys.readouterr().out
    assert '+        "config": {' in shown and '+      "ask": "always",' in shown
    assert "nobody listens at /run/x.sock yet" in shown
    assert lab.document()["plugins"]["entries"]["clawgate"]["config"] == {"socket": "/run/x.sock", "review": "clawgate"}
    assert lab.record.stat().st_mode & 0o777 == 0o600
    assert lab.run("status") == 0
    assert "always" in capsys.readouterr().out
    assert lab.run("remove", "--yes") == 0
    assert lab.document() == BEFORE
    assert not lab.record.exists()
    assert lab.run("remove") == 0
    assert lab.run("status", "--json") == 1


def test_a_second_setup_remembers_the_first_before(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run("setup", "--yes") == lab.run("setup", "--exec-ask", "--yes") == lab.run("setup", "--yes") == 0
    assert "nothing to change" in capsys.readouterr().out
    assert lab.run("remove", "--yes") == 0
    assert lab.document() == BEFORE


def test_nothing_is_written_without_leave(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.confirm", lambda *args, **options: False)
    assert lab.run("setup") == 1
    assert lab.document() == BEFORE and not lab.record.exists()


def test_a_small_configuration_is_taken_back_in_steps(tmp_path: Path) -> None:
    lab = Lab(tmp_path, least=0.6)  # as OpenClaw refuses to lose half of a configuration at once
    assert lab.run("setup", "--yes") == 0
    assert lab.run("remove", "--yes") == 0
    assert lab.document() == BEFORE


def test_what_others_changed_since_is_named(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run("setup", "--exec-ask", "--yes") == 0
    document = lab.document()
    document["tools"]["exec"]["ask"] = "off"
    lab.file.write_text(json.dumps(document))
    assert lab.run("remove", "--yes") == 0
    assert "changed since: tools.exec.ask" in capsys.readouterr().out


def test_comments_in_the_configuration(lab: Lab) -> None:
    lab.file.write_text("// mine\n" + json.dumps(BEFORE))
    assert lab.run("status") == 1


def test_no_openclaw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["openclaw", "status", "--openclaw", str(tmp_path / "absent")]) == 3
    assert "install OpenClaw" in capsys.readouterr().err


def test_a_record_that_cannot_be_read(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.record.write_text("nonsense")
    assert lab.run("remove") == 3
    assert "cannot be read" in capsys.readouterr().err
