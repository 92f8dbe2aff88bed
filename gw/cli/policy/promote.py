"""`clawgate policy report`, `promote` and `suggest`: from what the ledgers say to the next step."""

import difflib
import time
from pathlib import Path
from typing import Any, Final

import click

from gw.cli.options import connection_options, load_settings, settings_options
from gw.cli.output import as_json_option, print_json, print_table
from gw.cli.policy.apply import announce, live_folder
from gw.cli.policy.checking import policy_option
from gw.cli.policy.replay import BONUSES, day_of, since_ms, since_option
from gw.ledger.cards import Card, answers, make_cards
from gw.ledger.decisions import read_latest
from gw.ledger.direct import Direct
from gw.ledger.recorded import DECISIONS, MAX_SEARCHED
from gw.ledger.reviews import ReviewFile
from gw.policy.loader import default_paths, load

TUNED: Final = "promoted.local.yaml"
LEAST_DAYS: Final = 7  # in shadow, before a promotion is suggested


@click.command()
@since_option
@settings_options("gateway.state")
@as_json_option
def report(since: str, config_file: Path | None, as_json: bool, **flags: Any) -> None:
    """A report card per rule: hits, what people upheld and overturned, and whether a shadow rule is ready."""
    cards = sorted(read_cards(load_settings(config_file, flags).settings.gateway.state, since).values(), key=_busiest)
    if as_json:
        print_json([{**_as_dict(card), "ready": not objections(card)} for card in cards])
        return
    rows = [
        (
            card.rule,
            str(card.hits),
            str(card.shadow),
            str(card.stopped),
            str(card.upheld),
            str(card.overturned),
            day_of(card.last_ms),
            "" if not card.shadow else "; ".join(objections(card)) or "ready: clawgate policy promote " + card.rule,
        )
        for card in cards
    ]
    print_table(("rule", "hits", "shadow", "stopped", "upheld", "overturned", "last", "promotion"), rows)


@click.command()
@click.argument("rule_id")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Folder in force.")
@click.option("--force", is_flag=True, help="In spite of what the report card says.")
@since_option
@policy_option
@connection_options
def promote(
    rule_id: str,
    target: Path | None,
    force: bool,
    since: str,
    policy_path: Path | None,
    config_file: Path | None,
    **flags: Any,
) -> int:
    """Take a shadow rule live, by an entry in promoted.local.yaml of the folder in force."""
    settings = load_settings(config_file, flags).settings
    live = live_folder(settings, target)
    policy, _ = load([policy_path or live] if (policy_path or live).exists() else default_paths())
    rule = policy.rules.get(rule_id)
    if rule is None:
        near = difflib.get_close_matches(rule_id, policy.rules, 1)
        click.echo(f"clawgate: no rule {rule_id}" + (f"; did you mean {near[0]}?" if near else ""), err=True)
        return 2
    if rule.live:
        click.echo(f"{rule_id} is live already")
        return 0
    card = read_cards(settings.gateway.state, since).get(rule_id, Card(rule_id))
    against = objections(card)
    for objection in against:
        click.echo(f"{rule_id}: {objection}", err=True)
    if against and not force:
        click.echo("not promoted; --force overrides", err=True)
        return 1
    write_tuning(live / TUNED, rule_id)
    click.echo(f"{rule_id} is live by {live / TUNED}")
    return announce(settings)


def objections(card: Card) -> list[str]:
    """Why a shadow rule should stay one; empty when it is ready."""
    found = []
    if not card.hits:
        found.append("it never hit")
    elif card.days < LEAST_DAYS:
        found.append(f"seen for {card.days} of {LEAST_DAYS} days")
    if card.overturned:
        found.append(f"people disagreed {card.overturned} times")
    return found


def read_cards(state: Path, since: str) -> dict[str, Card]:
    since_at = time.time_ns() // 1_000_000 - since_ms(since)
    records = [row for row in read_latest(state / DECISIONS, MAX_SEARCHED) if row["at"] >= since_at]
    approved, denied = answers(ReviewFile(state / "reviews", Direct()).load())
    cards = make_cards(records, approved, denied)
    return {rule: card for rule, card in cards.items() if not rule.startswith(BONUSES)}


def write_tuning(path: Path, rule_id: str) -> None:
    """Add one line to the overlay; it is made when it is not there."""
    head = "version: 1\nkind: policy\nid: promoted.local\ntitle: Shadow rules taken live\ntune:\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.exists() else head
    path.write_text(text.rstrip("\n") + f"\n  {rule_id}: {{stage: live}}\n", encoding="utf-8")


def _busiest(card: Card) -> tuple[int, str]:
    return -card.hits, card.rule


def _as_dict(card: Card) -> dict[str, Any]:
    return {name: getattr(card, name) for name in Card.__dataclass_fields__}
