"""`clawgate serve`: run the gateway in the foreground until it is told to stop.

Must not know the parts. Invariant: what is printed on standard output is one line (or one JSON object) when clients can
connect, and nothing else; everything later goes to the log.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import as_json_option, print_json

FOREVER_S: Final = 3600.0


@click.command()
@settings_options(*ALL)
@as_json_option
def command(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Run the gateway: real OpenClaw clients connect, and what they send is judged."""
    loaded = load_settings(config_file, flags)
    # Loaded only here: the other commands start without the event loop.
    from gw import hub
    from gw.errors import Expired
    from gw.modes.standalone import Standalone
    from gw.observe.log import setup

    log = loaded.settings.log
    logs = setup(log.level, log.format, queue_lines=log.queue_lines, history_lines=log.history_lines)
    try:
        service = Standalone(loaded, logs, lambda: load_settings(config_file, flags))
        address = service.start()
        stop: hub.BoundedQueue[int] = hub.BoundedQueue(4, "signals")
        for number in (signal.SIGTERM, signal.SIGINT):
            hub.on_signal(number, partial(stop.put, number))
        hub.on_signal(signal.SIGHUP, service.reload)
        token_file = service.gateway.secret.path
        if as_json:
            token = str(token_file) if token_file is not None else None
            print_json({"url": address.url, "http": address.http, "tokenFile": token, "pid": os.getpid()})
        else:
            secret = f"; the {loaded.settings.auth.mode} is in {token_file}" if token_file is not None else ""
            click.echo(f"clawgate listens on {address.url}{secret}")
        sys.stdout.flush()
        while True:
            try:
                stop.get(FOREVER_S)
                break
            except Expired:
                continue
        service.stop()
    finally:
        logs.close()
    return 0
