import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gw.cli.policy.test import command
from gw.errors import PolicyError

POLICY = """version: 1
kind: policy
id: t.p
score:
  - {id: a.b, target: command, prefix: [rm], hit: [rm x]}
tests:
  - {name: inline, action: {command: rm x}, expect: {hits: [a.b]}}
"""
TESTS = "version: 1\ntests:\n  - {name: beside, action: {command: ls}, expect: {verdict: allow, not_hits: [a.b]}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "p_test.yaml").write_text(TESTS)
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(folder), *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.output


def test_examples_scenarios_and_test_files_run_together(folder: Path) -> None:
    code, output = run(folder, "--require-coverage")
    assert (code, output.split(",")[:3]) == (0, ["3 cases", " 0 failed", " coverage 100 %"])


def test_a_failure_names_its_place(folder: Path) -> None:
    (folder / "sub" / "p_test.yaml").write_text(TESTS.replace("allow", "block"))
    code, output = run(folder)
    assert code == 1
    assert "p_test.yaml:3: FAILED beside: verdict: expected block, got allow" in output


def test_what_is_not_covered(folder: Path) -> None:
    (folder / "sub" / "p_test.yaml").unlink()
    assert "not covered: a.b has no miss" in run(folder, "--cover")[1]
    assert run(folder)[0] == 0
    assert run(folder, "--require-coverage")[0] == 1


def test_examples_of_one_rule_alone(folder: Path) -> None:
    assert run(folder, "--rule", "a.")[1].startswith("1 cases, 0 failed")


def test_json(folder: Path) -> None:
    (folder / "sub" / "p_test.yaml").write_text(TESTS.replace("allow", "block"))
    report = json.loads(run(folder, "--json")[1])
    assert report["cases"] == 3 and report["failed"][0]["line"] == 3
    assert report["uncovered"] == [{"rule": "a.b", "kind": "miss"}]


@pytest.mark.parametrize("text", ["version: 1\ntest: []\n", "a: [", "version: 1\n"])
def test_a_broken_test_file_is_reported(folder: Path, text: str) -> None:
    (folder / "sub" / "p_test.yaml").write_text(text)
    with pytest.raises(PolicyError):
        run(folder)
