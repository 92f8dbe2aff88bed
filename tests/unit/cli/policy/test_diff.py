from pathlib import Path

from click.testing import CliRunner

from gw.cli.policy.diff import command

OLD = """version: 1
kind: policy
id: t.p
deny: [{id: d.rm, target: command, prefix: [rm], hit: [rm x], miss: [ls]}]
"""


def run(tmp_path: Path, new: str) -> tuple[int, str]:
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(new)
    arguments = [str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml"), "--state", str(tmp_path)]
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.output


def test_the_same_policy(tmp_path: Path) -> None:
    assert run(tmp_path, OLD) == (0, "4 judged again, 0 differ, 0 without their text\n")


def test_the_examples_of_both_are_compared(tmp_path: Path) -> None:
    code, output = run(tmp_path, OLD.replace("rm", "dd"))
    assert code == 1
    assert "block -> allow  without d.rm  examples 1" in output and "allow -> block  d.dd  examples 1" in output
    assert "was blocked and would pass: d.rm as command: rm x" in output


def test_stricter_is_no_failure(tmp_path: Path) -> None:
    assert run(tmp_path, OLD + "score: [{id: s.ls, target: command, prefix: [ls], points: 40}]\n")[0] == 0
