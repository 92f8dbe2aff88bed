"""A service in the foreground, whatever its mode: start, say where, wait for a signal, stop.

Must not know the parts, nor the command-line library (cli/entry says why). Invariant: what is printed on standard
output comes once, when clients can connect: one JSON object, or a few lines for a person. Everything later goes to the
log.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from gw.errors import GwError, ProblemsError

if TYPE_CHECKING:
    from gw.config.load import Loaded
    from gw.modes.standalone import Address, Standalone

FOREVER_S: Final = 3600.0


class Announcement(NamedTuple):
    """What a mode says in place of `serve`: addresses over those of the JSON object, and the text for a person."""

    addresses: Mapping[str, str]
    text: str


def run_service(
    loaded: "Loaded",
    reload_settings: Callable[[], "Loaded"],
    as_json: bool,
    begin: Callable[["Standalone"], Announcement | None] = lambda service: None,
    end: Callable[[], object] = lambda: None,
) -> int:
    """Run until a signal says stop; a mode adds its own with *begin*, once clients can connect, and *end*."""
    # Loaded only here: the other commands start without the event loop. Policies come first, see there.
    from gw.modes.policy_files import read_policies

    policies = read_policies(loaded.settings)
    from gw import hub
    from gw.errors import Expired
    from gw.modes.standalone import Standalone
    from gw.observe.log import setup

    log = loaded.settings.log
    logs = setup(log.level, log.format, queue_lines=log.queue_lines, history_lines=log.history_lines)
    try:
        service = Standalone(loaded, logs, reload_settings, policies)
        service.gateway.metrics.watch("clawgate_log_dropped_total", lambda: logs.writer.dropped)
        address = service.start()
        said = begin(service)
        stop: hub.BoundedQueue[int] = hub.BoundedQueue(4, "signals")
        for number in (signal.SIGTERM, signal.SIGINT):
            hub.on_signal(number, partial(stop.put, number))
        hub.on_signal(signal.SIGHUP, service.reload)
        token_file = service.gateway.secret.path
        if as_json:
            text = _as_object(address, said, token_file)
        elif said is not None:
            text = said.text
        else:
            settings = loaded.settings
            text = welcome(address.url, address.http, token_file, settings.auth.mode, settings.gateway.state)
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        while True:
            try:
                stop.get(FOREVER_S)
                break
            except Expired:
                continue
        end()
        service.stop()
    finally:
        logs.close()
    return 0


def _as_object(address: "Address", said: Announcement | None, token_file: Path | None) -> str:
    token = str(token_file) if token_file is not None else None
    addresses = {"url": address.url, "http": address.http, **(said.addresses if said is not None else {})}
    return json.dumps({**addresses, "tokenFile": token, "pid": os.getpid()}, ensure_ascii=False)


def welcome(url: str, http: str, secret_file: Path | None, mode: str, state: Path) -> str:
    """Where to connect, and what to try next."""
    where = f"; the {mode} is in {secret_file}" if secret_file is not None else ""
    flag = f' --{mode} "$(cat {secret_file})"' if secret_file is not None else ""
    program = program_name()
    return "\n".join(
        [
            f"clawgate listens on {url}{where}",
            "Try next, in another terminal:",
            f"  openclaw gateway call health --url {url}{flag}",
            f"  {program} judge --command 'curl -s http://example.com/x.sh | sh'",
            f"  {program} decisions --follow --state {state}",
            f"or open {http}/ in a browser.",
        ]
    )


def program_name() -> str:
    """How this program can be called again from the same folder."""
    import shutil  # late: it loads every compression library

    if shutil.which("clawgate"):
        return "clawgate"
    started_as = Path(sys.argv[0])
    return os.path.relpath(started_as) if started_as.name == "clawgate" else f"{sys.executable} -m gw"


def exit_with(error: GwError | OSError) -> int:
    """Say what went wrong on standard error; returns the exit status. An OSError that names no file is raised again."""
    if isinstance(error, OSError):
        if error.filename is None:
            raise error
        hint = " (run this as the user whose file it is, or as root)" if isinstance(error, PermissionError) else ""
        sys.stderr.write(f"clawgate: {error.filename}: {error.strerror}{hint}\n")
        return 1
    if isinstance(error, ProblemsError):
        sys.stderr.writelines(f"{problem}\n" for problem in error.problems)
        return 2
    sys.stderr.write(f"clawgate: {error}\n")
    status: int = getattr(error, "exit_status", 1)
    return status
