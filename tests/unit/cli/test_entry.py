"""gw/cli/entry: what starts without the command-line library, and that it is read as with it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import gw.cli.entry
import gw.cli.serve
from gw.cli.entry import plainly
from gw.config.load import load

PLAIN = [
    [],
    ["--json"],
    ["--listen", "127.0.0.1:0", "--state", "/tmp/x", "--json"],
    ["--listen=127.0.0.1:0", "--audit-only"],
    ["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"],
]
LEFT_TO_THE_FULL_COMMAND = [
    ["--help"],
    ["-h"],
    ["--nonsense"],
    ["--listen"],
    ["--listen", "--json"],
    ["--json=yes"],
    ["--audit-only=true"],
    ["extra"],
    ["--", "--json"],
]


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_plain_arguments_mean_what_they_mean_to_the_full_command(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def run_service(loaded: Any, reload_settings: Any, as_json: bool) -> int:
        seen.append((loaded.settings, as_json))
        return 0

    monkeypatch.setattr(gw.cli.serve, "run_service", run_service)
    assert CliRunner().invoke(gw.cli.serve.command, arguments, standalone_mode=False).exception is None
    plain = plainly(arguments)
    assert plain is not None
    assert seen == [(load(plain.config_file, os.environ, plain.flags).settings, plain.as_json)]


def test_the_configuration_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAWGATE_CONFIG", "/etc/one.yaml")
    assert plainly([]) == (Path("/etc/one.yaml"), False, {})
    assert plainly(["--config", "/etc/two.yaml"]) == (Path("/etc/two.yaml"), False, {})


@pytest.mark.parametrize("arguments", LEFT_TO_THE_FULL_COMMAND, ids=" ".join)
def test_anything_else_is_the_full_commands(arguments: list[str]) -> None:
    assert plainly(arguments) is None


def test_main_exits_with_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["clawgate", "--version"])
    with pytest.raises(SystemExit) as caught:
        gw.cli.entry.main()
    assert caught.value.code == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gw", *arguments], capture_output=True, text=True, timeout=60)


def test_a_start_that_fails_says_why_with_the_status_of_the_full_command(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("gateway: {listn: x}\n")
    done = run("serve", "--config", str(tmp_path / "c.yaml"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "listn" in done.stderr and "Traceback" not in done.stderr
    assert run("serve", "--listen").returncode == 2
    assert "Usage" in run("serve", "--help").stdout


def test_a_service_runs_without_the_command_line_library() -> None:
    program = "import sys, gw.cli.entry, gw.cli.running, gw.modes.standalone; print('click' in sys.modules)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.strip() == "False"
