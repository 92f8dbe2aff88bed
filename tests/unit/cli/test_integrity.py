"""The commands on a state folder of their own; with a running gateway they are tested end to end."""

import json
import re
from pathlib import Path

import pytest

from gw.cli.main import run

POLICY = """
version: 1
kind: policy
id: test
host:
  watch:
    - {id: host.test, title: A test file was changed, paths: ['%s/**'], on_change: {points: 55}}
"""


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    (tmp_path / "state").mkdir()
    (tmp_path / "protected").mkdir()
    (tmp_path / "protected/program").write_text("as installed")
    (tmp_path / "policy.yaml").write_text(POLICY % (tmp_path / "protected"))
    (tmp_path / "c.yaml").write_text(
        f"integrity: {{key_file: {tmp_path}/keys/integrity.key}}\npolicy: {{path: {tmp_path}/policy.yaml}}\n"
    )
    return ["--config", str(tmp_path / "c.yaml"), "--state", str(tmp_path / "state")]


@pytest.mark.parametrize(
    "words, status", [(["status"], 1), (["diff"], 1), (["accept", "--all"], 1), (["maintenance"], 1), (["accept"], 1)]
)
def test_without_a_baseline_there_is_nothing_to_do(
    options: list[str], words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["integrity", *words, *options]) == status
    assert "clawgate integrity init" in capsys.readouterr().err


def test_from_init_to_acceptance(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["integrity", "init", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": 1, "key": f"{tmp_path}/keys/integrity.key"}
    assert (tmp_path / "keys/integrity.key").stat().st_mode & 0o777 == 0o600
    planted = tmp_path / "protected/planted"
    planted.touch()
    assert run(["integrity", "init", *options]) == 1  # what changed must be looked at first
    assert "appeared" in capsys.readouterr().out
    assert run(["integrity", "diff", *options, "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"watch": "host.test", "path": str(planted), "kind": "appeared"}
    assert run(["integrity", "accept", "/not/protected", *options]) == 2
    assert run(["integrity", "accept", *options]) == 2
    assert run(["integrity", "maintenance", "--minutes", "5", *options]) == 0
    assert run(["integrity", "status", *options]) == 1
    assert run(["integrity", "accept", str(planted), *options]) == 0
    assert run(["integrity", "status", *options, "--json"]) == 0
    assert run(["integrity", "diff", *options]) == 0


def test_force_takes_the_host_as_it_is(options: list[str], tmp_path: Path) -> None:
    assert run(["integrity", "init", *options]) == 0
    (tmp_path / "protected/program").write_text("upgraded by hand")
    assert run(["integrity", "init", "--force", *options]) == 0
    assert run(["integrity", "status", *options]) == 0


def test_maintenance_says_until_when(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(["integrity", "init", *options])
    capsys.readouterr()
    assert run(["integrity", "maintenance", *options]) == 0
    assert re.fullmatch(r"maintenance until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n", capsys.readouterr().out)
    assert run(["integrity", "maintenance", *options, "--minutes", "0"]) == 0
    assert capsys.readouterr().out == "maintenance is over\n"


def test_a_host_with_nothing_to_watch_is_said(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "protected/program").unlink()
    assert run(["integrity", "init", *options]) == 0
    assert "nothing that the policy watches" in capsys.readouterr().err
