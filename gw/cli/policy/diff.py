"""`clawgate policy diff`: what one policy newly allows, holds or blocks, against another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import as_json_option
from gw.cli.policy.replay import recorded, show, since_option
from gw.defender.replay import compare, judged_by
from gw.defender.rows import to_action
from gw.defender.tester import example_rows
from gw.model.action import Action
from gw.policy.compiled import CompiledPolicy
from gw.policy.loader import load


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@since_option
@settings_options("gateway.state")
@as_json_option
def command(old: Path, new: Path, since: str, config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Compare two policies over the examples of both and the recorded actions.

    The exit status is 1 when something that OLD blocks passes under NEW.
    """
    before, _ = load([old])
    after, _ = load([new])
    state = load_settings(config_file, flags).settings.gateway.state
    actions = [*examples(before), *examples(after), *records(state, since)]
    found = compare(judged_by(before, actions), after)
    show(found, as_json)
    return 1 if found.released else 0


def examples(policy: CompiledPolicy) -> Iterator[tuple[str, str, Action]]:
    """Every example of every rule as an action."""
    for rule in policy.rules.values():
        for example in (*rule.hits, *rule.misses):
            for target, row in example_rows(rule, example):
                yield f"{rule.id} as {target.value}: {example.value}", "examples", to_action(row, mode="test")


def records(state: Path, since: str) -> Iterator[tuple[str, str, Action]]:
    for before in recorded(state, since):
        if before.action is not None:
            yield before.decision_id, before.day, before.action
