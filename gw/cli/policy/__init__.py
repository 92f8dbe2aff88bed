"""`clawgate policy`: the author's loop. A table of subcommands, each loaded only when it is used."""

import importlib
from typing import Final

import click

# Subcommand -> (module, help); the module's function is `command`.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "lint": ("gw.cli.policy.lint", "Report every problem and piece of advice, examples included."),
    "explain": ("gw.cli.policy.explain", "Show step by step how one action is judged."),
    "schema": ("gw.cli.policy.schema", "Print the JSON Schema for editors."),
    "test": ("gw.cli.policy.test", "Run inline examples and test files; show what is not covered."),
}


class PolicyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = importlib.import_module(entry[0]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=PolicyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Write, check, try and apply policies."""
