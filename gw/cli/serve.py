"""`clawgate serve`: run the gateway in the foreground until it is told to stop.

Must not know the parts. Invariant: a start without surprises takes the same flags in cli/entry.
"""

from pathlib import Path
from typing import Any

import click

from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import as_json_option
from gw.cli.running import run_service


@click.command()
@settings_options(*ALL)
@as_json_option
def command(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Run the gateway: real OpenClaw clients connect, and what they send is judged."""
    loaded = load_settings(config_file, flags)
    return run_service(loaded, lambda: load_settings(config_file, flags), as_json)
