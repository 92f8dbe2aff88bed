"""`clawgate check` reports every problem of configuration and secrets, and changes nothing."""

import json
from pathlib import Path

import pytest

from gw.cli.main import run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "c.yaml"
    file.write_text(f"gateway:\n  state: {tmp_path / 'state'}\n")
    return file


def check(config: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, dict[str, object]]:
    status = run(["check", "--config", str(config), "--json", *flags])
    return status, json.loads(capsys.readouterr().out)


def test_a_good_configuration_passes_and_nothing_is_written(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, shown = check(config, capsys)
    assert (status, shown["ok"], shown["problems"]) == (0, True, [])
    assert not (config.parent / "state").exists()
    assert run(["check", "--config", str(config)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["result", "ok"]


def test_secrets_open_to_others_are_found(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = config.parent / "state" / "token"
    token.parent.mkdir()
    token.write_text("hunter2")
    token.chmod(0o644)
    status, shown = check(config, capsys)
    assert status == 2 and [p["file"] for p in shown["problems"]] == [str(token)]  # type: ignore[attr-defined,index]
    assert run(["check", "--config", str(config)]) == 2
    captured = capsys.readouterr()
    assert "chmod 600" in captured.err and "hunter2" not in captured.err + captured.out


def test_a_password_must_be_there_already(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, shown = check(config, capsys, "--auth", "password")
    assert status == 2 and "password" in shown["problems"][0]["file"]  # type: ignore[index]


def test_problems_of_the_file_are_reported(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("log: {level: loud}\nnope: {}\n")
    status, shown = check(config, capsys)
    assert status == 2 and [p["line"] for p in shown["problems"]] == [1, 2]  # type: ignore[attr-defined,index]


def test_the_policy_in_force_is_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, shown = check(config, capsys)
    assert "rules, digest" in str(shown["policy"])


def test_every_problem_of_a_policy_is_reported(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nkind: policy\nid: a.b\nnope: 1\ndeny: [{id: x}]\n")
    status, shown = check(config, capsys, "--policy", str(policy))
    lines = [p["line"] for p in shown["problems"] if p["severity"] == "error"]  # type: ignore[attr-defined,index]
    assert status == 2 and len(lines) >= 2 and 4 in lines


FILES = [
    (("--control-ui", "/nonexistent"), "control-ui.index"),
    (("--tls-cert", "/nonexistent/c.pem", "--tls-key", "/nonexistent/k.pem"), "tls"),
]


@pytest.mark.parametrize("flags, code", FILES, ids=["control-ui", "tls"])
def test_files_that_serve_would_stumble_over(
    config: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], code: str
) -> None:
    status, shown = check(config, capsys, *flags)
    assert status == 2 and code in [p["code"] for p in shown["problems"]]  # type: ignore[attr-defined,index]


def test_the_channels_file_is_checked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config.parent / "channels.yaml"
    file.write_text("channels: {generic: {dmPolicy: maybe}}")
    status, shown = check(config, capsys, "--channels", str(file))
    assert status == 2
    assert [p["path"] for p in shown["problems"]] == ["channels.generic.dmPolicy"]  # type: ignore[attr-defined,index]
    file.write_text("agents: {entries: {main: {default: true}, ops: {}}}")
    status, shown = check(config, capsys, "--channels", str(file))
    assert (status, shown["channels"]) == (0, "none; agents main, ops")


def test_an_example_that_does_not_hold_is_an_error_unless_examples_are_left_out(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "version: 1\nkind: policy\nid: a.b\n"
        "deny:\n  - {id: a.words, title: t, severity: high, target: prompt, pattern: open sesame,\n"
        "     hit: [close sesame], miss: [hello]}\n"
    )
    status, shown = check(config, capsys, "--policy", str(policy))
    assert status == 2
    assert [(p["line"], p["code"]) for p in shown["problems"] if p["severity"] == "error"] == [(6, "example")]  # type: ignore[attr-defined,index]
    assert check(config, capsys, "--policy", str(policy), "--no-examples")[0] == 0


def test_a_state_that_is_no_folder_is_found(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, shown = check(config, capsys, "--state", str(config))
    assert [problem["code"] for problem in shown["problems"]] == ["state.folder"]  # type: ignore[attr-defined,index]
