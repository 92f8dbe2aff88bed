"""`clawgate openclaw`: write into OpenClaw's configuration what clawgate needs, show it, and take it back.

Uses OpenClaw's own command line, which checks what it writes and tells a running gateway. Invariant: nothing is written
before its difference was shown, and what was there before is kept beside the configuration until it is taken back.
"""

import difflib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import Group, as_json_option, print_json, print_pairs
from gw.errors import GwError
from gw.modes.beside import openclaw_config
from gw.modes.beside.openclaw_config import SECTIONS, Document, State, Wanted

F = TypeVar("F", bound=Callable[..., Any])

RECORD: Final = "clawgate-setup.json"  # beside OpenClaw's configuration
TIMEOUT_S: Final = 120
FOLDERS: Final = (Path("/usr/share/clawgate/plugin"), Path(__file__).resolve().parents[2] / "plugin")
PACKAGED_SOCKET: Final = Path("/run/clawgate/plugin.sock")


class OpenClawError(GwError):
    """OpenClaw's command line is not there, or refused."""

    exit_status = 3


class Program(NamedTuple):
    """OpenClaw's command line."""

    path: str

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(  # noqa: S603  (the program the user named, with our own arguments)
                [self.path, *arguments], input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
        except FileNotFoundError:
            raise OpenClawError(f"{self.path} is not there: install OpenClaw, or name it with --openclaw") from None
        except subprocess.TimeoutExpired:
            raise OpenClawError(f"{self.path} {' '.join(arguments[:2])} gave no answer in {TIMEOUT_S} s") from None

    def version(self) -> str:
        return self.run("--version").stdout.strip()

    def config_file(self) -> Path:
        ran = self.run("config", "file", "--json")
        found = _json(ran.stdout).get("path")
        if not isinstance(found, str):
            raise OpenClawError(f"`{self.path} config file` does not say where the configuration is: {_said(ran)}")
        return Path(found)

    def document(self) -> Document:
        """The sections we read, as they were written. Raises OpenClawError when they cannot be read."""
        file = self.config_file()
        try:
            written = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        except (OSError, ValueError):  # JSON with comments, which OpenClaw reads too
            written = {"$include": ""}
        if isinstance(written, dict) and "$include" not in written:
            return {section: written[section] for section in SECTIONS if section in written}
        return self._resolved()

    def _resolved(self) -> Document:
        """The same as OpenClaw understands it, with its defaults filled in."""
        document = {}
        for section in SECTIONS:
            ran = self.run("config", "get", section, "--json")
            value = _json(ran.stdout)
            if ran.returncode == 0:
                document[section] = value
            elif "unset" not in str(value.get("error")):
                raise OpenClawError(f"`{self.path} config get {section}`: {_said(ran)}")
        return document

    def patch(self, before: Document, patch: Document) -> None:
        """Apply a merge patch, in small steps when OpenClaw finds it too much at once."""
        ran = self._patch(patch)
        if ran.returncode and "size-drop" in ran.stdout + ran.stderr:
            for step in openclaw_config.in_steps(before, patch):
                ran = self._patch(step)
                if ran.returncode:
                    break
        if ran.returncode:
            raise OpenClawError(f"OpenClaw refused the change: {_said(ran)}")

    def _patch(self, patch: Document) -> "subprocess.CompletedProcess[str]":
        return self.run("config", "patch", "--stdin", stdin=json.dumps(patch))


def program_option(function: F) -> F:
    return click.option(
        "--openclaw",
        "program",
        default=lambda: os.environ.get("CLAWGATE_OPENCLAW") or shutil.which("openclaw") or "openclaw",
        help="OpenClaw's program; default: `openclaw` on the path.",
    )(function)


@click.group(cls=Group)
def command() -> None:
    """Connect a real OpenClaw on this machine with clawgate. Run it as the user that runs OpenClaw."""


@command.command("setup")
@program_option
@click.option("--socket", type=click.Path(path_type=Path), help="The daemon's plugin socket.")
@click.option("--plugin", "folder", type=click.Path(path_type=Path), help="Folder of the plugin.")
@click.option(
    "--review",
    type=click.Choice(["openclaw", "clawgate"]),
    default="openclaw",
    show_default=True,
    help="Who asks a person about a held call: OpenClaw's own approval, or `clawgate review`.",
)
@click.option("--exec-ask", is_flag=True, help="Also make every shell command ask, for the sidecar.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@settings_options("gateway.state")
def set_up(
    program: str,
    socket: Path | None,
    folder: Path | None,
    review: str,
    exec_ask: bool,
    yes: bool,
    config_file: Path | None,
    **flags: Any,
) -> int:
    """Load the plugin into OpenClaw: shows what changes, then writes it."""
    openclaw = Program(program)
    wanted = Wanted(str(folder or plugin_folder()), str(socket or find_socket(config_file, flags)), review, exec_ask)
    before = openclaw.document()
    after = openclaw_config.setup(before, wanted)
    patch = openclaw_config.merge_patch(before, after)
    if not patch:
        click.echo("nothing to change: OpenClaw is set up already")
        return 0
    file = openclaw.config_file()
    click.echo(difference(before, after, file))
    if not yes and not click.confirm("Write this?", default=True):
        return 1
    record = file.with_name(RECORD)
    earlier = read_record(record)
    openclaw.patch(before, patch)
    write_record(record, earlier["before"] if earlier else before, after)
    click.echo(f"written to {file}; `clawgate openclaw remove` takes it back")
    if not Path(wanted.socket).exists():
        click.echo(f"nobody listens at {wanted.socket} yet: start the daemon (`systemctl start clawgate`)")
    return 0


@command.command("status")
@program_option
@as_json_option
def show_status(program: str, as_json: bool) -> int:
    """What stands in OpenClaw's configuration; status 1 when the plugin is not loaded."""
    openclaw = Program(program)
    state = openclaw_config.read_state(openclaw.document())
    if as_json:
        print_json({"openclaw": openclaw.version(), **state._asdict()})
    else:
        print_pairs([("openclaw", openclaw.version()), *describe(state)])
    return 0 if state.is_loaded else 1


@command.command("remove")
@program_option
@click.option("--yes", is_flag=True, help="Write without asking.")
def remove(program: str, yes: bool) -> int:
    """Take back exactly what `setup` wrote; what others changed since stays."""
    openclaw = Program(program)
    file = openclaw.config_file()
    record = file.with_name(RECORD)
    earlier = read_record(record)
    if earlier is None:
        click.echo(f"nothing to take back: no {record}")
        return 0
    current = openclaw.document()
    undone = openclaw_config.undo(current, earlier["before"], earlier["after"])
    patch = openclaw_config.merge_patch(current, undone.document)
    if patch:
        click.echo(difference(current, undone.document, file))
        if not yes and not click.confirm("Write this?", default=True):
            return 1
        openclaw.patch(current, patch)
    for place in undone.kept:
        click.echo(f"left as it is, because it was changed since: {place}")
    record.unlink()
    click.echo("taken back")
    return 0


def describe(state: State) -> list[tuple[str, str]]:
    plugin = "loaded" if state.is_loaded else "not loaded"
    return [
        ("plugin", f"{plugin} from {state.folder}" if state.folder else plugin),
        ("socket", state.socket or "-"),
        ("review by", state.review),
        ("sees prompts", "yes" if state.sees_prompts else "no"),
        ("shell commands ask", "always" if state.exec_asks else "not always"),
    ]


def difference(before: Document, after: Document, file: Path) -> str:
    """Both documents as JSON, compared line by line."""
    old, new = (json.dumps(document, indent=2, sort_keys=True).splitlines() for document in (before, after))
    return "\n".join(difflib.unified_diff(old, new, str(file), f"{file} (new)", lineterm=""))


def plugin_folder() -> Path:
    """Where the package or the checkout has the plugin. Raises OpenClawError."""
    found = next((folder for folder in FOLDERS if (folder / "openclaw.plugin.json").is_file()), None)
    if found is None:
        raise OpenClawError("the plugin's folder is not there: name it with --plugin")
    return found


def find_socket(config_file: Path | None, flags: dict[str, Any]) -> Path:
    """The socket of the daemon that these settings describe; the package's own where it exists."""
    if config_file is None and not any(flags.values()) and PACKAGED_SOCKET.exists():
        return PACKAGED_SOCKET
    gateway = load_settings(config_file, flags).settings.gateway
    return (gateway.plugin_socket or gateway.state / "plugin.sock").absolute()


def read_record(path: Path) -> dict[str, Document] | None:
    try:
        record: dict[str, Document] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise OpenClawError(f"{path} cannot be read: restore it, or edit OpenClaw's configuration by hand") from None
    return record


def write_record(path: Path, before: Document, after: Document) -> None:
    text = json.dumps({"before": before, "after": after}, indent=1)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _json(text: str) -> Document:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _said(ran: "subprocess.CompletedProcess[str]") -> str:
    return (ran.stderr.strip() or ran.stdout.strip())[-300:]
