"""The `clawgate` command: a table of subcommands, each loaded only when it is used, and the exit statuses.

Knows nothing of what commands do. Invariant: whatever goes wrong ends in one of EXIT_CODES with a message that says
what to do; a traceback means a bug of ours.
"""

import importlib
import sys
from typing import Final, NamedTuple

import click

from gw import __version__
from gw.cli.output import Group
from gw.cli.running import exit_with
from gw.errors import GwError

EXIT_CODES: Final = {
    0: "done; for `judge`: allow",
    1: "it failed while running, or what was looked at is not in order",
    2: "wrong usage, or a broken configuration or policy",
    3: "the gateway, or OpenClaw, could not be reached",
    10: "`judge`: review",
    20: "`judge`: block",
    130: "interrupted, or a question was not answered",
}


class Entry(NamedTuple):
    module: str  # has `command`
    help: str


COMMANDS: Final[dict[str, Entry]] = {
    "serve": Entry("gw.cli.serve", "Run the gateway: clients connect, and what they send is judged."),
    "guard": Entry("gw.cli.guard", "Stand in front of a real gateway: judge what clients send it."),
    "sidecar": Entry("gw.cli.sidecar", "Stand beside a real gateway: answer its approvals, watch its sessions."),
    "openclaw": Entry("gw.cli.openclaw", "Connect a real OpenClaw on this machine with clawgate, and undo it."),
    "doctor": Entry("gw.cli.doctor", "Say which gates are active, what stays open and how to close it."),
    "check": Entry("gw.cli.check", "Load configuration and policies and report every problem; binds nothing."),
    "status": Entry("gw.cli.status", "Ask the running gateway how it is."),
    "judge": Entry("gw.cli.judge", "Judge one action, or JSON lines from standard input."),
    "decisions": Entry("gw.cli.decisions", "Show the decision log."),
    "quarantine": Entry("gw.cli.quarantine", "Look into blocked and held actions."),
    "review": Entry("gw.cli.review", "See held actions and approve or deny them."),
    "pairing": Entry("gw.cli.pairing", "See who asked to talk to an agent in a chat, and let them in."),
    "state": Entry("gw.cli.state", "Move, check and export stored sessions."),
    "policy": Entry("gw.cli.policy", "Write, check, try and apply policies."),
    "integrity": Entry("gw.cli.integrity", "Watch protected files for tampering."),
    "config": Entry("gw.cli.config", "Show settings and where each value comes from."),
}


class LazyGroup(Group):
    """Finds subcommands in COMMANDS; `--help` lists them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(entry.module).command
        return command

    def describe(self, ctx: click.Context, name: str) -> str:
        return COMMANDS[name].help

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit status"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="clawgate %(version)s")
def group() -> None:
    """Gateway and defender that makes OpenClaw agents safe to run."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    try:
        result = group.main(arguments, prog_name="clawgate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (GwError, OSError) as error:
        return exit_with(error)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("\nclawgate: stopped\n")
        return 130
    return result if isinstance(result, int) else 0
