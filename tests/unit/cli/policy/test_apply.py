from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gw.cli.policy import apply
from gw.cli.policy.apply import command, rollback
from gw.errors import GwError

POLICY = (
    "version: 1\nkind: policy\nid: t.p\nscore: [{id: a.b, target: command, prefix: [rm], hit: [rm x], miss: [ls]}]\n"
)


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(apply, "tell_service", lambda settings: seen.append("told") or "told")
    return seen


def run(what: Any, tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    options = ["--to", str(tmp_path / "live"), "--state", str(tmp_path / "state")]
    result = CliRunner().invoke(what, [*arguments, *options], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


def write(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "p.yaml").write_text(text)
    return str(tmp_path / name)


def live(tmp_path: Path) -> str:
    return (tmp_path / "live" / "p.yaml").read_text()


def test_apply_and_roll_back_and_forth(tmp_path: Path, told: list[str]) -> None:
    assert run(command, tmp_path, write(tmp_path, "one", POLICY))[0] == 0
    code, output, _ = run(command, tmp_path, write(tmp_path, "two", POLICY.replace("a.b", "a.c")))
    assert code == 0 and "t.p is in" in output and "the former policies are in" in output
    assert "a.c" in live(tmp_path)
    for expected in ("a.b", "a.c"):
        assert run(rollback, tmp_path)[0] == 0
        assert expected in live(tmp_path)
    assert told == ["told"] * 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (POLICY.replace("prefix", "prefx"), "did you mean prefix?"),
        (POLICY.replace("miss: [ls]", "miss: [rm y]"), "matches this miss example"),
        (POLICY.replace("score", "deny").replace(", miss: [ls]", ""), "--force overrides warnings"),
    ],
)
def test_a_set_with_problems_is_not_applied(tmp_path: Path, told: list[str], text: str, said: str) -> None:
    run(command, tmp_path, write(tmp_path, "one", POLICY))
    code, _, error = run(command, tmp_path, write(tmp_path, "two", text))
    assert code == 2 and said in error and "nothing applied" in error
    assert str(tmp_path / "two") in error
    assert live(tmp_path) == POLICY and told == ["told"]


def test_warnings_may_be_overridden(tmp_path: Path) -> None:
    text = POLICY.replace("score", "deny").replace(", miss: [ls]", "")
    assert run(command, tmp_path, write(tmp_path, "one", text), "--force")[0] == 0


def test_one_file_is_added_to_what_is_live(tmp_path: Path) -> None:
    run(command, tmp_path, write(tmp_path, "one", POLICY))
    extra = tmp_path / "extra.yaml"
    extra.write_text("version: 1\nkind: policy\nid: t.extra\nmode: audit\n")
    assert run(command, tmp_path, str(extra))[0] == 0
    assert sorted(path.name for path in (tmp_path / "live").iterdir()) == ["extra.yaml", "p.yaml"]


def test_a_gateway_that_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(settings: object) -> str:
        raise GwError("policy refused")

    monkeypatch.setattr(apply, "tell_service", refuse)
    code, _, error = run(command, tmp_path, write(tmp_path, "one", POLICY))
    assert code == 1 and "was not told: policy refused" in error


def test_nothing_to_go_back_to(tmp_path: Path) -> None:
    code, _, error = run(rollback, tmp_path)
    assert code == 1 and "nothing to go back to" in error


def test_back_to_the_policies_that_come_with_clawgate_and_forth(tmp_path: Path, told: list[str]) -> None:
    (tmp_path / "live").mkdir()
    run(command, tmp_path, write(tmp_path, "one", POLICY))
    code, output, _ = run(rollback, tmp_path)
    assert code == 0 and "is empty again" in output
    assert list((tmp_path / "live").iterdir()) == [] and told == ["told"] * 2
    assert run(rollback, tmp_path)[0] == 0
    assert live(tmp_path) == POLICY


def test_a_former_set_that_is_broken_by_now(tmp_path: Path) -> None:
    for text in (POLICY, POLICY.replace("a.b", "a.c")):
        run(command, tmp_path, write(tmp_path, "one", text))
    (former,) = (tmp_path / "state" / "policy-history").iterdir()
    (former / "p.yaml").write_text("a: [")
    code, _, error = run(rollback, tmp_path)
    assert code == 2 and "not usable any more" in error
    assert "a.c" in live(tmp_path)


def test_a_single_file_in_force_is_edited_by_hand(tmp_path: Path) -> None:
    (tmp_path / "live").write_text(POLICY)
    result = CliRunner().invoke(
        command, [write(tmp_path, "one", POLICY), "--to", str(tmp_path / "live")], standalone_mode=False
    )
    assert isinstance(result.exception, GwError)
