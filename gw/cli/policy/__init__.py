"""`clawgate policy`: the author's loop. A table of subcommands, each loaded only when it is used."""

import importlib
from typing import Final

import click

from gw.cli.output import Group

# Subcommand -> (module, its function, help).
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "new": ("gw.cli.policy.new", "new", "Write a first policy and its test file."),
    "import": ("gw.cli.policy.new", "import_", "Turn the Rust port's TOML or OpenClaw's exec approvals into a policy."),
    "lint": ("gw.cli.policy.lint", "command", "Report every problem and piece of advice, examples included."),
    "test": ("gw.cli.policy.test", "command", "Run inline examples and test files; show what is not covered."),
    "explain": ("gw.cli.policy.explain", "command", "Show step by step how one action is judged."),
    "replay": ("gw.cli.policy.replay", "command", "Judge recorded actions again with another policy."),
    "diff": ("gw.cli.policy.diff", "command", "Show what one policy newly allows, holds or blocks."),
    "apply": ("gw.cli.policy.apply", "command", "Check policies and put them in force."),
    "rollback": ("gw.cli.policy.apply", "rollback", "Bring back the policies of before the last apply."),
    "report": ("gw.cli.policy.promote", "report", "A report card per rule, from the ledgers."),
    "promote": ("gw.cli.policy.promote", "promote", "Take a shadow rule live."),
    "suggest": ("gw.cli.policy.suggest", "command", "Propose allow rules from what people approved."),
    "schema": ("gw.cli.policy.schema", "command", "Print the JSON Schema for editors."),
    "sign": ("gw.cli.policy.signing", "sign", "Sign a folder of policies."),
    "verify": ("gw.cli.policy.signing", "verify", "Check a folder of policies against its signature."),
}


class PolicyGroup(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = getattr(importlib.import_module(entry[0]), entry[1])
        return found

    def describe(self, ctx: click.Context, name: str) -> str:
        return COMMANDS[name][2]


@click.group(cls=PolicyGroup)
def command() -> None:
    """Write, check, try and apply policies."""
