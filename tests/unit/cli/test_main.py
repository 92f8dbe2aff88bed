"""The command table, the exit statuses, and that nothing is loaded before it is needed."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from gw.cli.main import COMMANDS, EXIT_CODES, group, run
from gw.errors import ConfigError, StoreError
from gw.model.problem import Problem


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = importlib.import_module(COMMANDS[name].module).command
    assert isinstance(command, click.Command)
    assert COMMANDS[name].help.endswith(".")
    assert run([name, "--help"]) == 0
    assert f"clawgate {name}" in capsys.readouterr().out


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("clawgate 0.")
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert name in shown
    for code in EXIT_CODES:
        assert str(code) in shown


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


ENDS = [
    (ConfigError([Problem("f.yaml", 3, 1, "config.value", "wrong")]), 2, "f.yaml:3:1: error: wrong [config.value]"),
    (StoreError("disk full"), 1, "clawgate: disk full"),
    (click.UsageError("no such thing"), 2, "no such thing"),
    (KeyboardInterrupt(), 130, ""),
]


@pytest.mark.parametrize("error, code, text", ENDS, ids=lambda e: type(e).__name__)
def test_errors_become_statuses_and_messages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, text: str
) -> None:
    monkeypatch.setattr(group, "get_command", lambda ctx, name: click.Command(name, callback=raising(error)))
    assert run(["anything"]) == code
    assert text in capsys.readouterr().err
    assert code in EXIT_CODES


@pytest.mark.parametrize("result, code", [(None, 0), (20, 20)])
def test_a_command_may_return_its_status(monkeypatch: pytest.MonkeyPatch, result: int | None, code: int) -> None:
    monkeypatch.setattr(group, "get_command", lambda ctx, name: click.Command(name, callback=lambda: result))
    assert run(["anything"]) == code


def test_unknown_commands_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sevre"]) == 2
    assert "sevre" in capsys.readouterr().err


def test_a_reader_that_went_away_gets_no_traceback() -> None:
    reader, output = os.pipe()
    os.close(reader)
    code = "from gw.cli.main import run; import sys; sys.exit(run(['config', 'example']))"
    ran = subprocess.run([sys.executable, "-c", code], stdout=output, stderr=subprocess.PIPE, check=False)
    os.close(output)
    assert (ran.returncode, ran.stderr) == (1, b"")


def test_heavy_libraries_are_not_imported_for_help() -> None:
    heavy = ("rich", "yaml", "gevent", "cryptography", "requests", "prometheus_client")
    code = f"import sys; from gw.cli.main import run; run(['--help']); print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words, meant", [(["stats"], "status"), (["policy", "lnt"], "lint"), (["review", "x"], "")])
def test_a_misspelt_command_is_answered_with_the_nearest(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    said = capsys.readouterr().err
    assert f"No such command '{words[-1]}'." in said
    assert (f"Did you mean {meant}?" in said) if meant else ("Did you mean" not in said)
