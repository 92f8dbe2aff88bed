"""`clawgate state`: stored sessions moved to another backend, checked, and exported as JSON lines.

Knows the stores, not the gateway; a state in use by a running one is refused. Invariant: `migrate` compares what it
wrote with what it read before it says it is done, and never touches the source.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import Group, as_json_option, print_json
from gw.errors import StoreError
from gw.session import transfer
from gw.session.backends import backend_for, chosen_path
from gw.session.store import ENTRIES, Loaded, StateStore


@click.group(cls=Group)
def command() -> None:
    """Move, check and export stored sessions. Stop the gateway first."""


@command.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@settings_options("gateway.state")
def migrate(target: Path, config_file: Path | None, **flags: Any) -> None:
    """Copy the state into the new file TARGET; .db, .sqlite and .sqlite3 are SQLite, all else is JSON."""
    with _open(_path(config_file, flags)) as (source, held), _open(target, new=True) as (fresh, there):
        counts = transfer.copy(source, held, fresh, there)
    with _open(source.path) as (source, held), _open(target) as (fresh, there):
        wrong = transfer.differences(source, held, fresh, there)
    if wrong:
        raise StoreError(f"the copy differs from the original: {'; '.join(wrong[:5])}")
    click.echo(f"{counts.sessions} sessions and {counts.lines} transcript lines are in {target}")
    click.echo(f"now set  sessions: {{store: {target}}}  in the configuration and restart clawgate")


@command.command()
@settings_options("gateway.state")
@as_json_option
def verify(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Read everything that is stored and report what is wrong with it; status 1 when something is."""
    with _open(_path(config_file, flags)) as (store, held):
        problems = [*held.problems, *store.verify(), *transfer.unreadable(held)]
        sessions, transcripts = len(held.tables[ENTRIES]), len(store.transcripts())
    if as_json:
        facts = {"path": str(store.path), "sessions": sessions, "transcripts": transcripts}
        print_json({**facts, "ok": not problems, "problems": problems})
    else:
        for problem in problems:
            click.echo(problem)
        click.echo(f"{store.path}: {sessions} sessions, {transcripts} transcripts, {len(problems)} problems")
    return 1 if problems else 0


@command.command()
@click.option("--session", "key", help="Only the session with this stored key.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="A new file instead of standard output."
)
@settings_options("gateway.state")
def export(key: str | None, output: Path | None, config_file: Path | None, **flags: Any) -> int:
    """Print every session as one JSON object a line: key, entry, and all transcript records."""
    with _open(_path(config_file, flags)) as (store, held), _writer(output) as write:
        count = 0
        for session in transfer.export(store, held, key):
            write(json.dumps(session, ensure_ascii=False) + "\n")
            count += 1
    if key is not None and not count:
        click.echo(f"clawgate: no session {key}", err=True)
        return 1
    return 0


def _path(config_file: Path | None, flags: dict[str, Any]) -> Path:
    settings = load_settings(config_file, flags).settings
    return chosen_path(settings.sessions.store, settings.gateway.state)


@contextmanager
def _open(path: Path, *, new: bool = False) -> Iterator[tuple[StateStore, Loaded]]:
    """Raises StoreError: there is none, it is another user's, or another process has it."""
    if not new:
        _check_owner(path)
    store = backend_for(path)
    held = store.open()
    try:
        yield store, held
    finally:
        store.close()


def _check_owner(path: Path) -> None:
    """Opening a state may write files, and the service cannot start on files that root left in it."""
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        raise StoreError(f"there is no state at {path}") from None
    except PermissionError:
        raise StoreError(f"state {path} is another user's: run this as that user") from None
    if owner != os.geteuid():
        try:
            name = path.owner()
        except KeyError:
            name = f"user {owner}"
        how = f"`runuser -u {name} -- clawgate state ...`"
        raise StoreError(f"state {path} belongs to {name}: run this as that user, {how}")


@contextmanager
def _writer(output: Path | None) -> Iterator[Any]:
    if output is None:
        yield sys.stdout.write
        return
    with output.open("x", encoding="utf-8") as file:
        output.chmod(0o600)
        yield file.write
