import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from gw.cli.quarantine import command
from tests.unit.ledger.test_recorded import recorded


def run(*arguments: str) -> tuple[Any, str]:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.output


def test_list_show_release_and_purge(tmp_path: Path) -> None:
    first, second = recorded(tmp_path, {"command": "rm x"}, {"command": "rm y", "tool": "exec"})
    place = ("--state", str(tmp_path))
    lines = run("list", *place)[1].splitlines()
    assert len(lines) == 2 and {line.split("\t")[-1] for line in lines} == {first, second}
    assert json.loads(run("list", "--limit", "1", "--json", *place)[1])["verdict"] == "block"
    assert json.loads(run("show", first, *place)[1])["parts"][0]["text"] == "rm x"
    assert run("release", first, "--note", "fine", *place) == (0, "marked as a false alarm\n")
    assert json.loads(run("show", first, *place)[1])["released"]["note"] == "fine"
    assert run("purge", second, "--yes", *place)[0] == 0
    assert "rm y" not in run("show", second, *place)[1]


def test_an_unknown_entry(tmp_path: Path) -> None:
    for verb in ("show", "release"):
        assert run(verb, "dec_404", "--state", str(tmp_path))[0] == 1
