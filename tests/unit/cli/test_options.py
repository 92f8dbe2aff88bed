"""Flags come from the settings table and reach the loader."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from gw.cli.options import ALL, connection_options, load_settings, settings_options
from gw.config.load import Loaded
from gw.config.settings import BY_PATH


def run(arguments: list[str]) -> Loaded:
    seen: list[Loaded] = []

    @click.command()
    @settings_options(*ALL)
    def command(config_file: Path | None, **flags: Any) -> None:
        seen.append(load_settings(config_file, flags))

    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_every_flag_of_the_table_is_an_option(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("")
    loaded = run(["--config", str(tmp_path / "c.yaml"), "--listen", "[::1]:0", "--audit-only", "--auth", "password"])
    assert str(loaded.settings.gateway.listen) == "[::1]:0"
    assert loaded.settings.policy.audit_only is True
    assert loaded.origins["auth.mode"] == "flag --auth"
    assert loaded.origins["log.level"] == "default"


def test_help_shows_the_rows_text() -> None:
    command = settings_options(*ALL)(click.Command("x", callback=lambda **_: None).callback)
    shown = CliRunner().invoke(click.command()(command), ["--help"]).output
    for path in ALL:
        assert str(BY_PATH[path].flag) in shown


def test_a_row_without_a_flag_cannot_become_an_option() -> None:
    with pytest.raises(ValueError, match="has no flag"):
        settings_options("log.queue_lines")(lambda: None)


def test_who_asks_a_gateway_reads_where_it_listens() -> None:
    command = click.command()(connection_options(lambda **_: None))
    shown = CliRunner().invoke(command, ["--help"]).output
    assert "Where the running gateway listens." in shown and "port 0" not in shown
