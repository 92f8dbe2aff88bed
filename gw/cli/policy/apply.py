"""`clawgate policy apply` and `rollback`: exchange the operator's policies, after checking them."""

import tempfile
from pathlib import Path
from typing import Any

import click

from gw.cli.options import connection_options, load_settings
from gw.cli.policy.checking import check
from gw.cli.policy.reloading import tell_service
from gw.config.settings import Settings
from gw.errors import GwError, PolicyError
from gw.policy.installing import install, latest, stage
from gw.policy.loader import LOCAL, load

HISTORY = "policy-history"


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--to", "target", type=click.Path(path_type=Path), help=f"Folder in force.  [default: {LOCAL}]")
@click.option("--force", is_flag=True, help="Apply in spite of warnings.")
@connection_options
def command(source: Path, target: Path | None, force: bool, config_file: Path | None, **flags: Any) -> int:
    """Check SOURCE (a folder, or one file to add), put it in force, and tell the running gateway.

    The former policies are kept: `clawgate policy rollback` brings them back.
    """
    settings = load_settings(config_file, flags).settings
    live = live_folder(settings, target)
    with tempfile.TemporaryDirectory() as folder:
        staged = stage(source, live, Path(folder))
        policy, problems = check([staged])
        for problem in problems:
            if problem.severity != "advice":
                click.echo(str(problem._replace(file=problem.file.replace(str(staged), str(source)))), err=True)
        severities = {problem.severity for problem in problems}
        if policy is None or "error" in severities or ("warning" in severities and not force):
            click.echo("nothing applied" + ("" if "error" in severities else "; --force overrides warnings"), err=True)
            return 2
        kept = install(staged, live, settings.gateway.state / HISTORY, policy.ref.digest[:12])
    click.echo(f"{policy.ref.name} is in {live}" + (f"; the former policies are in {kept}" if kept else ""))
    return announce(settings)


def live_folder(settings: Settings, target: Path | None) -> Path:
    """Where the policies in force live. Raises GwError when the settings name a single file."""
    live = target or settings.policy.path or LOCAL
    if live.is_file():
        raise GwError(f"policy.path names the file {live}; set it to a folder, or edit that file")
    return live


def announce(settings: Settings) -> int:
    try:
        click.echo(tell_service(settings))
    except GwError as error:
        click.echo(f"the running gateway was not told: {error}", err=True)
        return 1
    return 0


@click.command()
@click.option("--to", "target", type=click.Path(path_type=Path), help=f"Folder in force.  [default: {LOCAL}]")
@connection_options
def rollback(target: Path | None, config_file: Path | None, **flags: Any) -> int:
    """Bring back the policies that were in force before the last apply (a second rollback undoes the first)."""
    settings = load_settings(config_file, flags).settings
    live, history = live_folder(settings, target), settings.gateway.state / HISTORY
    former = latest(history)
    if former is None:
        click.echo(f"clawgate: nothing to go back to in {history}", err=True)
        return 1
    if not any(former.rglob("*.yaml")):  # as the package makes the folder
        install(former, live, history, "empty")
        click.echo(f"{live} is empty again: the policies that come with clawgate are in force")
        return announce(settings)
    try:
        policy, _ = load([former])
    except PolicyError as error:
        click.echo(f"clawgate: the former policies in {former} are not usable any more: {error}", err=True)
        return 2
    install(former, live, history, policy.ref.digest[:12])
    click.echo(f"{policy.ref.name} is back in {live}")
    return announce(settings)
