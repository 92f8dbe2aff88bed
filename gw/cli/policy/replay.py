"""`clawgate policy replay` and the reading of recorded actions that `diff` shares."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import as_json_option, print_json
from gw.cli.policy.checking import policy_option
from gw.defender.replay import Before, Comparison, compare
from gw.ledger.recorded import read_actions
from gw.model.decision import Verdict
from gw.policy.loader import default_paths, load

_DURATION: Final = re.compile(r"([0-9]{1,5})([mhd])\Z")
_UNIT_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
BONUSES: Final = ("bonus.", "review.", "exception.")


def since_option(function: Any) -> Any:
    return click.option("--since", default="7d", show_default=True, help="How far back, e.g. 12h or 30d.")(function)


@click.command()
@policy_option
@since_option
@settings_options("gateway.state")
@as_json_option
def command(policy_path: Path | None, since: str, config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Judge recorded actions again with another policy and show what would differ.

    The exit status is 1 when an action that was blocked would pass now.
    """
    policy, _ = load([policy_path] if policy_path is not None else default_paths())
    state = load_settings(config_file, flags).settings.gateway.state
    found = compare(recorded(state, since), policy)
    show(found, as_json)
    return 1 if found.released else 0


def recorded(state: Path, since: str) -> list[Before]:
    """Recorded decisions since then, oldest first."""
    rows = []
    for record, action in read_actions(state, time.time_ns() // 1_000_000 - since_ms(since)):
        rules = tuple(dict.fromkeys(hit["rule"] for hit in record["hits"] if not hit["rule"].startswith(BONUSES)))
        rows.append(Before(record["id"], day_of(record["at"]), Verdict.parse(record["verdict"]), rules, action))
    return rows[::-1]


def since_ms(text: str) -> int:
    found = _DURATION.match(text[:16])
    if found is None:
        raise click.UsageError(f"--since {text}: expected a time such as 12h or 7d")
    return int(found[1]) * _UNIT_MS[found[2]]


def day_of(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def show(found: Comparison, as_json: bool) -> None:
    """The differences, grouped by the rule that makes them."""
    groups: list[dict[str, Any]] = [
        {"rule": cause, "before": before.word, "after": after.word, "days": dict(sorted(days.items()))}
        for cause, before, after, days in found.grouped()
    ]
    if as_json:
        released = [change.before.decision_id for change in found.released]
        print_json({"judged": found.judged, "skipped": found.skipped, "groups": groups, "released": released})
        return
    for group in groups:
        days = ", ".join(f"{day} {count}" for day, count in group["days"].items())
        click.echo(f"{group['before']} -> {group['after']}  {group['rule']}  {days}")
    click.echo(f"{found.judged} judged again, {len(found.changes)} differ, {found.skipped} without their text")
    for change in found.released:
        click.echo(f"was blocked and would pass: {change.before.decision_id}")
