"""Writes man pages from the command table: clawgate(1), clawgate-policy(1), clawgate-policy-lint(1) and so on.

    manpages.py FOLDER

Built from the same help texts that `--help` prints, so they cannot disagree.
"""

import os
import sys
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gw import __version__
from gw.cli.main import EXIT_CODES, group

FILES = {
    "/etc/clawgate/clawgate.yaml": "settings",
    "/etc/clawgate/policies.d": "policies",
    "/var/lib/clawgate": "state, decision log, quarantine",
}


def escape(text: str) -> str:
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in lines)


def page(name: str, command: click.Command, context: click.Context) -> str:
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())))
    title = name.replace(" ", "-")
    out = [f'.TH {title.upper()} 1 "{date}" "clawgate {__version__}" "clawgate"', ".SH NAME"]
    summary = (command.get_short_help_str(200) or command.help or "").split("\n")[0].rstrip(".")
    out += [f"{escape(title)} \\- {escape(summary)}", ".SH SYNOPSIS", f"\\fB{escape(name)}\\fR"]
    out.append(escape(" ".join(command.collect_usage_pieces(context))))
    if command.help:
        out += [".SH DESCRIPTION", *(escape(part).replace("\b\n", "") + "\n.PP" for part in command.help.split("\n\n"))]
    options = [record for parameter in command.params if (record := parameter.get_help_record(context))]
    if options:
        out.append(".SH OPTIONS")
        for option, text in options:
            out += [".TP", f"\\fB{escape(option)}\\fR", escape(text)]
    if isinstance(command, click.Group):
        out.append(".SH COMMANDS")
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                out += [".TP", f"\\fB{escape(name)} {escape(child)}\\fR", escape(found.get_short_help_str(200))]
    out.append(".SH EXIT STATUS")
    for code, meaning in EXIT_CODES.items():
        out += [".TP", f"\\fB{code}\\fR", escape(meaning)]
    out.append(".SH FILES")
    for path, meaning in FILES.items():
        out += [".TP", path, meaning]
    return "\n".join(out) + "\n"


def write(folder: Path, name: str, command: click.Command, parent: click.Context | None = None) -> None:
    """One page for a command, and one for each command below it."""
    context = click.Context(command, parent, info_name=name.rpartition(" ")[2])
    (folder / f"{name.replace(' ', '-')}.1").write_text(page(name, command, context))
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                write(folder, f"{name} {child}", found, context)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write(target, "clawgate", group)
