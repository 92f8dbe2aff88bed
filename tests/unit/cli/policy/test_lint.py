import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gw.cli.policy.lint import command

GOOD = (
    "version: 1\nkind: policy\nid: t.p\nscore:\n  - {id: a.b, target: command, prefix: [rm], hit: [rm x], miss: [ls]}\n"
)


def run(tmp_path: Path, text: str, *arguments: str) -> tuple[int, str]:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    result = CliRunner().invoke(command, [str(path), *arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.output


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (GOOD, 0, "1 rules, 0 errors, 0 warnings"),
        (GOOD.replace("hit: [rm x], ", ""), 0, "has no `hit` example"),
        (GOOD.replace("score", "deny").replace(", miss: [ls]", ""), 1, "has no `miss` example"),
        (GOOD.replace("prefix", "prefx"), 2, "did you mean prefix?"),
        (GOOD.replace("[ls]", "['rm y']"), 2, "matches this miss example as command"),
        ("a: [", 2, "source.syntax"),
    ],
)
def test_exit_status_and_report(tmp_path: Path, text: str, status: int, said: str) -> None:
    code, output = run(tmp_path, text)
    assert code == status
    assert said in output


def test_advice_may_be_left_out(tmp_path: Path) -> None:
    assert "advice" not in run(tmp_path, GOOD.replace("hit: [rm x], ", ""), "--no-advice")[1]


def test_json_has_the_place_of_each_problem(tmp_path: Path) -> None:
    _, output = run(tmp_path, GOOD.replace("[ls]", "['rm y']"), "--format", "json")
    (problem,) = json.loads(output)
    assert (problem["line"], problem["column"], problem["code"]) == (5, 66, "example")


def test_sarif_is_what_code_hosts_read(tmp_path: Path) -> None:
    _, output = run(tmp_path, GOOD.replace("prefix", "prefx"), "--format", "sarif")
    (one,) = json.loads(output)["runs"]
    assert one["results"][0]["level"] == "error"
    assert one["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 5
    assert {rule["id"] for rule in one["tool"]["driver"]["rules"]} == {row["ruleId"] for row in one["results"]}
