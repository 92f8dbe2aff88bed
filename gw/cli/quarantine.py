"""`clawgate quarantine`: blocked and held actions with their text, read from the ledger's files."""

import getpass
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import Group, as_json_option, few, print_json, print_table
from gw.ledger.direct import Direct
from gw.ledger.quarantine import PURGED, RELEASED, Quarantine


@click.group(cls=Group)
def command() -> None:
    """Look into blocked and held actions."""


def _open(config_file: Path | None, flags: dict[str, Any]) -> Quarantine:
    return Quarantine(load_settings(config_file, flags).settings.gateway.state / "quarantine", Direct())


@command.command("list")
@settings_options("gateway.state")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@as_json_option
def list_entries(config_file: Path | None, limit: int, as_json: bool, **flags: Any) -> None:
    """List entries, newest first."""
    entries = _open(config_file, flags).list(limit)
    if not entries:
        click.echo("clawgate: nothing is in quarantine", err=True)
    if as_json:
        for entry in entries:
            print_json(entry)
        return
    print_table(
        ("when", "verdict", "score", "tool or method", "rules", "id"),
        [
            (
                datetime.fromtimestamp(entry["at"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
                entry["verdict"],
                str(entry["score"]),
                entry.get("tool") or entry["method"],
                few(list(dict.fromkeys(hit["rule"] for hit in entry["hits"]))),
                entry["id"],
            )
            for entry in entries
        ],
    )


@command.command("release")
@click.argument("decision_id")
@click.option("--note", default="", help="Why; kept beside the entry.")
@settings_options("gateway.state")
def release_entry(decision_id: str, note: str, config_file: Path | None, **flags: Any) -> int:
    """Mark an entry as a false alarm: it counts against its rules in `clawgate policy report`."""
    return _mark(_open(config_file, flags), decision_id, RELEASED, note, "marked as a false alarm")


@command.command("purge")
@click.argument("decision_id")
@click.option("--note", default="", help="Why; kept in its place.")
@click.confirmation_option(prompt="Remove the text of this entry for good?")
@settings_options("gateway.state")
def purge_entry(decision_id: str, note: str, config_file: Path | None, **flags: Any) -> int:
    """Remove the text of an entry; that it was there stays on record."""
    return _mark(_open(config_file, flags), decision_id, PURGED, note, "text removed")


def _mark(ledger: Quarantine, decision_id: str, what: str, note: str, done: str) -> int:
    if not ledger.mark(decision_id, what, getpass.getuser(), note, time.time_ns() // 1_000_000):
        click.echo(f"clawgate: no quarantine entry {decision_id}", err=True)
        return 1
    click.echo(done)
    return 0


@command.command("show")
@click.argument("decision_id")
@settings_options("gateway.state")
def show_entry(decision_id: str, config_file: Path | None, **flags: Any) -> int:
    """Print one entry with the whole text that was stopped."""
    entry = _open(config_file, flags).get(decision_id)
    if entry is None:
        click.echo(f"clawgate: no quarantine entry {decision_id}", err=True)
        return 1
    click.echo(json.dumps(entry, ensure_ascii=False, indent=2))
    return 0
