"""`clawgate check`: load everything `serve` would load and report every problem, without binding or writing anything.

The service runs it before start and before a reload. Invariant: exit 0 means `serve` would get past loading.
"""

import os
from pathlib import Path
from typing import Any

import click

from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import as_json_option, print_json, print_pairs
from gw.config.load import Loaded
from gw.config.secrets import read_secret, secret_file
from gw.config.settings import SETTINGS
from gw.errors import ProblemsError
from gw.model.problem import Problem


@click.command()
@settings_options(*ALL)
@as_json_option
def command(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Load configuration and policies and report every problem; binds nothing."""
    facts: list[tuple[str, str]] = []
    problems: list[Problem] = []
    try:
        loaded = load_settings(config_file, flags)
        facts.append(("configuration", ", ".join(map(str, loaded.files)) or "defaults"))
        problems += check_secrets(loaded)
    except ProblemsError as error:
        problems += error.problems
    problems.sort()
    if as_json:
        print_json({"ok": not problems, **dict(facts), "problems": [problem._asdict() for problem in problems]})
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        print_pairs([*facts, ("result", f"{len(problems)} problems" if problems else "ok")])
    return 2 if problems else 0


def check_secrets(loaded: Loaded) -> list[Problem]:
    """Problems of every secret file that is named or already there; a token that `serve` would generate is fine."""
    gateway, auth = loaded.settings.gateway, loaded.settings.auth
    named = [loaded.settings.value(setting.path) for setting in SETTINGS if setting.secret]
    files = [path for path in named if path is not None]
    if auth.mode != "none":
        chosen = auth.token_file if auth.mode == "token" else auth.password_file
        file = secret_file(chosen, auth.mode, gateway.state, os.environ)
        if file not in files and (file.exists() or auth.mode == "password"):
            files.append(file)
    problems: list[Problem] = []
    for file in files:
        try:
            read_secret(file)
        except ProblemsError as error:
            problems += error.problems
    return problems
