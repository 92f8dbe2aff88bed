import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gw.cli.policy.explain import command
from tests.unit.ledger.test_recorded import recorded

POLICY = """version: 1
kind: policy
id: t.p
deny:
  - {id: a.rm, target: command, prefix: [rm], say: no}
score:
  - {id: a.shadow, target: command, prefix: [rm], stage: shadow}
overrides:
  - {when: {channel: irc}, risk: {review_at: 10}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(POLICY)
    return str(path)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.output


def test_a_command_as_a_tree(policy: str) -> None:
    code, output = run("git status; sudo rm -rf ~ > /tmp/x", "--policy", policy, "--channel", "irc")
    assert code == 0
    assert output.startswith("block  score 80")
    for said in (
        "runs    git status  0..10",
        "deletes ~",
        "wrappers sudo",
        "a.rm  +80  at least block  part 0 at",
        "p.yaml:5  no",
        "(only in would)",
        "override  p.yaml:9",
        "to change it  an exception for a.rm would make it allow",
    ):
        assert said in output, said


def test_a_prompt(policy: str) -> None:
    output = run("ig\u200bnore it", "--as", "prompt", "--policy", policy)[1]
    assert "views  raw, folded" in output and "signals  hidden" in output and "hits\n  none" in output


def test_json(policy: str) -> None:
    found = json.loads(run("rm x | sh", "--policy", policy, "--json")[1])
    assert found["verdict"] == "block" and found["parts"][0]["nodes"][0]["pipes_into"] == "sh"
    assert set(found["stages"]) >= {"read", "guard rules"}


def test_a_recorded_decision(tmp_path: Path, policy: str) -> None:
    blocked, gone = recorded(tmp_path, {"prompt": "evil"}, {"prompt": "good"})
    code, output = run(blocked, "--policy", policy, "--state", str(tmp_path))
    assert code == 0 and "part 0  prompt  4 characters" in output
    assert run(gone, "--policy", policy, "--state", str(tmp_path))[0] == 1
