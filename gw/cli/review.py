"""`clawgate review`: held actions of the running gateway, and the answers to them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gw.cli.options import connection_options, load_settings
from gw.cli.output import Group, as_json_option, counted, few, print_json, print_table
from gw.cli.status import open_client

SCOPES = ("operator.read", "operator.approvals")


@click.group(cls=Group)
def command() -> None:
    """See held actions and answer them. Needs the running gateway."""


@command.command("list")
@connection_options
@click.option("--all", "everything", is_flag=True, help="Answered and expired ones too.")
@as_json_option
def list_held(config_file: Path | None, everything: bool, as_json: bool, **flags: Any) -> None:
    """List what waits, oldest first, and the leave that is in force."""
    answer = _ask(config_file, flags, "security.review.list", {"all": everything})
    if as_json:
        print_json(answer)
        return
    print_table(
        ("id", "state", "tool or method", "rules", "score", "since", "until", "asked"),
        [
            (
                row["id"],
                row["state"],
                row.get("tool") or row["method"],
                few(row["rules"]),
                str(row["score"]),
                _time(row["createdAtMs"]),
                _time(row["expiresAtMs"]),
                str(row["asked"]),
            )
            for row in answer["held"]
        ],
    )
    for grant in answer["grants"]:
        what = f"{grant['kind']} {grant['tool'] or grant['method']} ({','.join(grant['rules'])})"
        click.echo(f"leave {grant['id']}: {what}, {counted(grant['usesLeft'], 'use')} until {_time(grant['untilMs'])}")


@command.command("show")
@click.argument("held_id")
@connection_options
def show_held(held_id: str, config_file: Path | None, **flags: Any) -> None:
    """Print one held action with the text that waits."""
    answer = _ask(config_file, flags, "security.review.get", {"id": held_id})
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))


@command.command("approve")
@click.argument("held_id")
@click.option("--like", is_flag=True, help="Also the like of it: same session, agent and tool, for no other reasons.")
@click.option("--for", "duration", help="How long --like holds, e.g. 30m; at most 8h.", default=None)
@click.option("--uses", type=click.IntRange(1, 100), help="How often --like may be used.")
@click.option("--note", default="", help="Why; kept in the ledger.")
@connection_options
def approve_held(
    held_id: str, like: bool, duration: str | None, uses: int | None, note: str, config_file: Path | None, **flags: Any
) -> None:
    """Give leave: for this very action once, or with --like for more of its kind."""
    if duration is not None and not like:
        raise click.UsageError("--for belongs to --like")
    if uses is not None and not like:
        raise click.UsageError("--uses belongs to --like: leave for one action is used once")
    params: dict[str, Any] = {"id": held_id, "note": note}
    if like:
        params["for"] = duration or "30m"
    if uses is not None:
        params["uses"] = uses
    grant = _ask(config_file, flags, "security.review.approve", params)["grant"]
    click.echo(f"leave given: {grant['kind']}, {counted(grant['usesLeft'], 'use')} until {_time(grant['untilMs'])}")


@command.command("deny")
@click.argument("held_id")
@click.option("--note", default="", help="Why; kept in the ledger.")
@connection_options
def deny_held(held_id: str, note: str, config_file: Path | None, **flags: Any) -> None:
    """Refuse; the same action is refused until the hold would have ended."""
    _ask(config_file, flags, "security.review.deny", {"id": held_id, "note": note})
    click.echo("refused")


@command.command("revoke")
@click.argument("grant_id")
@connection_options
def revoke_grant(grant_id: str, config_file: Path | None, **flags: Any) -> None:
    """Take leave back."""
    _ask(config_file, flags, "security.review.revoke", {"id": grant_id})
    click.echo("taken back")


def _ask(config_file: Path | None, flags: dict[str, Any], method: str, params: dict[str, Any]) -> Any:
    """Raises UnreachableError, RefusedError."""
    with open_client(load_settings(config_file, flags).settings, SCOPES) as client:
        return client.call(method, params)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
