"""Where `clawgate` begins: a service as the service manager starts it, or the full command line.

The command-line library would take 1.4 MB of memory for as long as a service runs. Invariant: only what is plainly
understood starts without it; help and mistakes are the full command's, which reads everything else the same way.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from gw.config.settings import SETTINGS

SERVICE: Final = "serve"
FLAGS: Final = {setting.flag: setting for setting in SETTINGS if setting.flag}


class Plain(NamedTuple):
    config_file: Path | None
    as_json: bool
    flags: dict[str, str]  # setting path -> value as text


def plainly(arguments: Sequence[str]) -> Plain | None:
    """Read the arguments behind `serve`; None when anything is not `--flag value`, `--flag=value` or a switch."""
    config_file = os.environ.get("CLAWGATE_CONFIG") or None
    as_json = False
    flags: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, has_value, value = rest.pop(0).partition("=")
        setting = FLAGS.get(name)
        if name == "--json" or (setting is not None and setting.kind is bool):
            if has_value:
                return None
            value = "true"
        elif name != "--config" and setting is None:
            return None
        elif not has_value:
            if not rest or rest[0].startswith("-"):
                return None
            value = rest.pop(0)
        if name == "--json":
            as_json = True
        elif setting is None:
            config_file = value
        else:
            flags[setting.path] = value
    return Plain(Path(config_file) if config_file else None, as_json, flags)


def serve(plain: Plain) -> int:
    from gw.cli.running import exit_with, run_service
    from gw.config.load import Loaded, load
    from gw.errors import GwError

    def read() -> Loaded:
        return load(plain.config_file, os.environ, plain.flags)

    try:
        return run_service(read(), read, plain.as_json)
    except (GwError, OSError) as error:
        return exit_with(error)
    except KeyboardInterrupt:
        return 130


def main() -> None:
    plain = plainly(sys.argv[2:]) if sys.argv[1:2] == [SERVICE] else None
    if plain is not None:
        sys.exit(serve(plain))
    from gw.cli.main import run

    sys.exit(run())
