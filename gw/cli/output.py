"""What commands print: JSON for programs, aligned plain text for people, colour only on a terminal.

Invariant: `rich` is imported only when a person will see it.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from gw.model.problem import closest

MAX_SUMMARY_CHARS = 200
COLOURS = {"allow": "green", "review": "yellow", "block": "red", "ok": "green", "error": "red", "warning": "yellow"}
MAX_LINE_CHARS = 1000
MAX_NAMES = 3


class Group(click.Group):
    """A command with subcommands: help shows the whole first sentence of each, a typing error the nearest name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            meant = "".join(f" Did you mean {name}?" for name in closest(args[0], self.list_commands(ctx)))
            raise click.UsageError(f"No such command '{args[0]}'.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.describe(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def describe(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=MAX_SUMMARY_CHARS) if command else ""


def as_json_option(function: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(function)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def few(words: Sequence[str]) -> str:
    """The first of some names and how many more there are; --json has all."""
    return ",".join([*words[:MAX_NAMES], *([f"+{len(words) - MAX_NAMES}"] if len(words) > MAX_NAMES else [])])


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def is_for_person() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(word: str) -> str:
    """Colour a verdict or state word on a terminal."""
    colour = COLOURS.get(word)
    return click.style(word, fg=colour) if colour and is_for_person() else word


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Name and value, one pair a line."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        click.echo(f"{name:<{width}}  {value}")


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; on a terminal by rich, else tab-separated so that cut and awk can use it. No cell is ever cut."""
    if not is_for_person():
        for row in rows:
            click.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headers, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in row))
    Console(width=MAX_LINE_CHARS).print(table)  # the terminal wraps what is too wide for it
