"""What a service says to people, and how it ends when it cannot begin; the rest is tested by each mode's command."""

from pathlib import Path

import pytest

from gw.cli.running import exit_with, program_name, welcome
from gw.cli.websocket import UnreachableError
from gw.errors import ConfigError, GwError, StoreError
from gw.model.problem import Problem


@pytest.mark.parametrize(
    "secret_file, mode, words",
    [
        (Path("/s/token"), "token", ["; the token is in /s/token", '--token "$(cat /s/token)"']),
        (Path("/s/password"), "password", ["; the password is in /s/password", '--password "$(cat /s/password)"']),
        (None, "none", ["clawgate listens on ws://h:1\n"]),
    ],
)
def test_where_to_connect_and_with_what(secret_file: Path | None, mode: str, words: list[str]) -> None:
    said = welcome("ws://h:1", "http://h:1", secret_file, mode, Path("/s"))
    assert all(word in said for word in words)
    assert said.endswith("or open http://h:1/ in a browser.")


def test_how_it_can_be_called_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "clawgate")])
    assert program_name().endswith("clawgate")
    monkeypatch.setattr("sys.argv", ["-m"])
    assert program_name().endswith(" -m gw")
    (tmp_path / "clawgate").write_text("#!/bin/sh\n")
    (tmp_path / "clawgate").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program_name() == "clawgate"


@pytest.mark.parametrize(
    "error, status, words",
    [
        (ConfigError([Problem("a", 0, 0, "x", "one"), Problem("b", 0, 0, "y", "two")]), 2, ["one", "two"]),
        (UnreachableError("no gateway at h:1"), 3, ["clawgate: no gateway at h:1"]),
        (StoreError("broken"), 1, ["clawgate: broken"]),
    ],
)
def test_what_went_wrong(error: GwError, status: int, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_with(error) == status
    said = capsys.readouterr().err
    assert all(word in said for word in words)


def test_a_file_in_the_way_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_with(FileExistsError(17, "File exists", "/srv/x")) == 1
    assert capsys.readouterr().err == "clawgate: /srv/x: File exists\n"
    exit_with(PermissionError(13, "Permission denied", "/srv/x"))
    assert "run this as the user whose file it is" in capsys.readouterr().err
    with pytest.raises(OSError, match="no file in it"):
        exit_with(OSError("no file in it"))


def test_a_problem_without_a_line_shows_none() -> None:
    assert str(Problem("a.yaml", 0, 0, "x", "one")) == "a.yaml: error: one [x]"
    assert str(Problem("a.yaml", 2, 1, "x", "one")) == "a.yaml:2:1: error: one [x]"
