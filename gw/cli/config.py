"""`clawgate config`: the settings in force, where each came from, and the commented example."""

from pathlib import Path
from typing import Any

import click

from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import Group, as_json_option, print_json, print_table
from gw.config.settings import SETTINGS, example, show


@click.group(cls=Group)
def command() -> None:
    """Show settings and where each value comes from."""


@command.command("show")
@settings_options(*ALL)
@click.option("--origin", is_flag=True, help="Also show where each value comes from.")
@as_json_option
def show_settings(config_file: Path | None, origin: bool, as_json: bool, **flags: Any) -> None:
    """Print every setting. Secrets are files: their paths are shown, their content never is."""
    loaded = load_settings(config_file, flags)
    values = {setting.path: loaded.settings.value(setting.path) for setting in SETTINGS}
    if as_json:
        print_json(
            [
                {"path": path, "value": show(value), "origin": loaded.origins[path], "env": setting.env}
                for (path, value), setting in zip(values.items(), SETTINGS, strict=True)
            ]
        )
    elif origin:
        print_table(("setting", "value", "from"), [(path, show(v), loaded.origins[path]) for path, v in values.items()])
    else:
        print_table(("setting", "value"), [(path, show(value)) for path, value in values.items()])


@command.command("example")
def print_example() -> None:
    """Print clawgate.yaml with every key, its default and what it is for."""
    click.echo(example(), nl=False)
