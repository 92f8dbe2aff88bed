import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner

from gw.cli.judge import command

POLICY = """
version: 1
kind: policy
id: t.p
bonus: {tool: {exec: 20}, channel: {discord: 10}}
floors: {tool: {browser: review}}
deny:
  - {id: t.rm, target: command, prefix: [rm], say: no, instead: ask}
score:
  - {id: t.shadow, target: command, prefix: [ls], stage: shadow, points: 90}
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(POLICY)
    return str(path)


def run(policy: str, *arguments: str, lines: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(command, ["--policy", policy, *arguments], input=lines, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.output


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["--command", "git status", "--tool", "exec", "--channel", "discord"], 0, "allow  score 30"),
        (["--prompt", "open it", "--tool", "browser"], 10, "review  score 0"),
        (["--command", "rm -rf /"], 20, "block  score 80"),
    ],
)
def test_one_action_from_flags(policy: str, arguments: list[str], status: int, word: str) -> None:
    code, output = run(policy, *arguments)
    assert code == status
    assert output.startswith(word)


def test_a_person_sees_reasons_and_what_to_do_instead(policy: str) -> None:
    _, output = run(policy, "--command", "rm x")
    assert "t.rm  +80, at least block at 0..4  no" in output
    assert "instead: ask" in output
    assert "would be block" in run(policy, "--command", "ls")[1]


def test_json_of_one_action(policy: str) -> None:
    _, output = run(policy, "--json", "--command", "rm x")
    answer = json.loads(output)
    assert answer.pop("us") >= 0
    assert answer == {
        "id": None, "verdict": "block", "would": "block", "score": 80,
        "hits": [{"rule": "t.rm", "points": 80, "span": [0, 4]}],
    }  # fmt: skip


def rows(*rows: Any) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def test_lines_are_answered_in_order_with_their_ids(policy: str) -> None:
    code, output = run(policy, "--json", lines=rows({"id": 1, "command": "rm x"}, "", {"id": "b", "prompt": "hi"}))
    assert code == 0
    assert [(row["id"], row["verdict"]) for row in map(json.loads, output.splitlines())] == [
        (1, "block"),
        ("b", "allow"),
    ]


def test_flags_are_defaults_for_every_line(policy: str) -> None:
    _, output = run(policy, "--tool", "exec", "--channel", "discord", lines=rows({"id": 1, "command": "id"}))
    assert json.loads(output)["score"] == 30


def test_one_line_is_a_single_action(policy: str) -> None:
    assert run(policy, lines=rows({"command": "rm x"}))[0] == 20


def test_a_bad_line_is_answered_and_the_rest_goes_on(policy: str) -> None:
    code, output = run(policy, lines=rows("{", [1], {"id": 3}, {"id": 4, "command": "rm x"}))
    answers = list(map(json.loads, output.splitlines()))
    assert code == 2
    assert [("error" in row, row["id"]) for row in answers] == [(True, None), (True, None), (True, 3), (False, 4)]


def test_deep_json_is_an_error_of_its_line(policy: str) -> None:
    code, output = run(policy, lines="[" * 100_000 + "\n")
    assert code == 2 and "error" in json.loads(output)


def test_nothing_to_judge_on_a_terminal_is_said(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gw.cli.judge.sys.stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(click.UsageError, match="say what to judge"):
        command.main(["--policy", policy], standalone_mode=False)


def test_a_line_that_is_no_json_is_named_so(policy: str) -> None:
    code, output = run(policy, lines="ls -l\n")
    assert code == 2 and json.loads(output)["error"].startswith("not JSON: ")
