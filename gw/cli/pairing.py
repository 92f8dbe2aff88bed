"""`clawgate pairing`: who asked to talk to an agent in a chat, and the answer to them."""

from pathlib import Path
from typing import Any

import click

from gw.cli.options import connection_options, load_settings
from gw.cli.output import Group, as_json_option, print_json, print_table
from gw.cli.rpc import RefusedError
from gw.cli.status import open_client

SCOPES = ("operator.pairing", "operator.admin")
account_option = click.option("--account", default="default", show_default=True, help="The channel's account.")


@click.group(cls=Group)
def command() -> None:
    """See who asked to talk to an agent, and answer them. Needs the running gateway."""


@command.command("list")
@click.argument("channel", required=False)
@connection_options
@as_json_option
def list_requests(channel: str | None, config_file: Path | None, as_json: bool, **flags: Any) -> None:
    """List what waits, oldest first; the codes are with those who ask."""
    answer = _ask(config_file, flags, "channels.pairing.list", {"channel": channel} if channel else {})
    if as_json:
        print_json(answer)
        return
    print_table(
        ("channel", "account", "sender", "calls itself", "since", "until", "request"),
        [
            (
                row["channel"],
                row["accountId"],
                row["senderId"],
                row["senderLabel"],
                row["createdAt"],
                row["expiresAt"],
                row["requestId"],
            )
            for row in answer["requests"]
        ],
    )


@command.command("approve")
@click.argument("channel")
@click.argument("code")
@account_option
@click.option("--quiet", is_flag=True, help="Do not tell them in their chat.")
@connection_options
def approve(channel: str, code: str, account: str, quiet: bool, config_file: Path | None, **flags: Any) -> None:
    """Let somebody in: CODE is what they were told, or the request's id. Opens direct messages, nothing else."""
    params = {"channel": channel, "accountId": account, "requestId": code, "notify": not quiet}
    answer = _ask(config_file, flags, "channels.pairing.approve", params)
    told = {"sent": "they were told", "failed": "they could not be told"}.get(answer["notification"], "quietly")
    click.echo(f"{answer['senderId']} may write on {channel} now ({told})")


@command.command("dismiss")
@click.argument("channel")
@click.argument("code")
@account_option
@connection_options
def dismiss(channel: str, code: str, account: str, config_file: Path | None, **flags: Any) -> None:
    """Forget a request; they may ask again."""
    params = {"channel": channel, "accountId": account, "requestId": code}
    answer = _ask(config_file, flags, "channels.pairing.dismiss", params)
    click.echo(f"forgot the request of {answer['senderId']}")


def _ask(config_file: Path | None, flags: dict[str, Any], method: str, params: dict[str, Any]) -> Any:
    """Raises UnreachableError, RefusedError."""
    with open_client(load_settings(config_file, flags).settings, SCOPES) as client:
        try:
            return client.call(method, params)
        except RefusedError as refused:
            if (refused.shape.get("details") or {}).get("code") != "METHOD_NOT_SERVED":
                raise
            hint = "this gateway serves no chat channels: start it with a channels file (--channels)"
            raise RefusedError(method, {**refused.shape, "message": hint}) from None
