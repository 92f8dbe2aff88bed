"""`clawgate config show` and `example`."""

import json
from pathlib import Path

import pytest
import yaml

from gw.cli.main import run
from gw.config.settings import SETTINGS


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "c.yaml"
    path.write_text("log:\n  level: debug\n")
    return str(path)


def test_show_names_value_and_origin(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--config", file, "--origin", "--listen", "127.0.0.1:1"]) == 0
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in capsys.readouterr().out.splitlines()}
    assert set(rows) == {setting.path for setting in SETTINGS}
    assert rows["log.level"] == ["debug", f"{file}:2"]
    assert rows["gateway.listen"] == ["127.0.0.1:1", "flag --listen"]
    assert rows["auth.mode"] == ["token", "default"]
    assert run(["config", "show", "--config", file]) == 0
    assert "log.level\tdebug\n" in capsys.readouterr().out


def test_show_as_json(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--config", file, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    level = next(row for row in rows if row["path"] == "log.level")
    assert level == {"path": "log.level", "value": "debug", "origin": f"{file}:2", "env": "CLAWGATE_LOG_LEVEL"}


def test_example_can_be_used_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "example"]) == 0
    text = capsys.readouterr().out
    assert yaml.safe_load(text)["gateway"]["listen"] == "127.0.0.1:18789"
    (tmp_path / "c.yaml").write_text(text)
    assert run(["config", "show", "--config", str(tmp_path / "c.yaml")]) == 0


def test_problems_are_listed_one_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.yaml").write_text("log: {level: loud}\nnope: {}\n")
    assert run(["config", "show", "--config", str(tmp_path / "c.yaml")]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 2 and all(line.startswith(str(tmp_path / "c.yaml")) for line in shown)
