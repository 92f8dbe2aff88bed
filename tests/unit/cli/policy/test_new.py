import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gw.cli.policy import command as group
from gw.cli.policy.new import import_, new


def run(command: Any, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


def test_a_new_policy_is_clean_and_its_tests_pass(tmp_path: Path) -> None:
    code, output, _ = run(new, str(tmp_path / "p"), "--id", "acme.shop")
    assert code == 0 and output.endswith(f"next: clawgate policy test {tmp_path / 'p'}\n")
    found = json.loads(run(group, "lint", str(tmp_path / "p"), "--format", "json")[1])
    assert [problem for problem in found if str(tmp_path) in problem["file"]] == []
    report = json.loads(run(group, "test", str(tmp_path / "p"), "--json")[1])
    assert [failure for failure in report["failed"] if str(tmp_path) in failure["file"]] == []
    assert [row for row in report["uncovered"] if row["rule"].startswith("acme.shop")] == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    run(new, str(tmp_path))
    code, _, error = run(new, str(tmp_path))
    assert code == 1 and "exists already" in error


def test_an_import_names_what_is_left(tmp_path: Path) -> None:
    source = tmp_path / "port.toml"
    source.write_text('[gateway]\nurl = "ws://x"\n[security]\nreview_threshold = 20\n')
    code, output, error = run(import_, str(source))
    assert code == 0 and "risk: {review_at: 20}" in output
    assert error == "not carried over: gateway.url: no counterpart\n"
    target = tmp_path / "out.yaml"
    assert run(import_, str(source), "--output", str(target))[0] == 0
    assert run(group, "lint", str(target))[0] == 0
    assert run(import_, str(source), "--output", str(target))[0] == 1


def test_openclaws_document(tmp_path: Path) -> None:
    source = tmp_path / "exec-approvals.json"
    source.write_text(json.dumps({"agents": {"*": {"allowlist": [{"pattern": "/usr/bin/rg"}]}}}))
    assert "prefix: [rg]" in run(import_, str(source))[1]


@pytest.mark.parametrize(("name", "text"), [("a.toml", "= 3"), ("a.json", "{"), ("a.json", "[]"), ("a.json", "{}")])
def test_what_is_neither_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    code, _, error = run(import_, str(tmp_path / name))
    assert code == 2 and name in error
