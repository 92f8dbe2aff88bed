"""`clawgate policy suggest`: allow rules learned from held actions that people approved, as text for a human."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.defender.shell import analyse
from gw.ledger.cards import answers
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.ledger.recorded import QUARANTINE, to_action
from gw.ledger.reviews import ReviewFile
from gw.model.action import PartKind
from gw.policy.suggesting import suggest
from gw.policy.targets import RUNNING


@click.command()
@settings_options("gateway.state")
def command(config_file: Path | None, **flags: Any) -> int:
    """Propose the narrowest `allow` rules that would have covered what people approved. Changes nothing."""
    state = load_settings(config_file, flags).settings.gateway.state
    found = suggest(approved_commands(state))
    if not found:
        click.echo("nothing was approved twice with the same first words", err=True)
        return 0
    click.echo("# Rules in group `shell` would pass these lines. Read every prefix as: whatever follows it.\nallow:")
    for one in found:
        click.echo(one.rule, nl=False)
    return 0


def approved_commands(state: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(line, words) of every approved command line that runs exactly one command."""
    quarantine = Quarantine(state / QUARANTINE, Direct())
    approved, _ = answers(ReviewFile(state / "reviews", Direct()).load())
    for decision_id in sorted(approved):
        entry = quarantine.get(decision_id)
        action = to_action(entry) if entry is not None and "parts" in entry else None
        for part in action.parts if action is not None else ():
            if part.kind in (PartKind.COMMAND, PartKind.ARGV):
                facts = analyse(part.value)
                running = [node for node in facts.nodes if node.role in RUNNING]
                if len(running) == 1 and not facts.signals and not running[0].writes:
                    yield part.value, running[0].argv
