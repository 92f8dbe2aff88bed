"""Command-line options made from rows of the settings table, and the loading of settings they lead to.

Invariant: a flag exists only as a row's `flag`, so help, file key and variable cannot drift apart.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import click

from gw.config.load import Loaded, load
from gw.config.settings import BY_PATH, SETTINGS, Setting

F = TypeVar("F", bound=Callable[..., Any])

# Every row that has a flag.
ALL: tuple[str, ...] = tuple(setting.path for setting in SETTINGS if setting.flag)

# What leads to a gateway that runs already, in the words of somebody who asks it.
CONNECTION: Final = {
    "gateway.listen": "Where the running gateway listens.",
    "gateway.state": "Its state folder.",
    "auth.token_file": "File with its token.  [default: token in the state folder]",
}


def settings_options(*paths: str, words: Mapping[str, str] = MappingProxyType({})) -> Callable[[F], F]:
    """Add --config and the flags of these settings; the command collects them with `load_settings(**kwargs)`.

    *words* stand in the help instead of a setting's own.
    """

    def decorate(function: F) -> F:
        for path in reversed(paths):
            function = _option(BY_PATH[path], words.get(path))(function)
        return click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="CLAWGATE_CONFIG",
            help="Configuration file instead of /etc/clawgate/clawgate.yaml.",
        )(function)

    return decorate


def connection_options(function: F) -> F:
    """The flags of a command that asks the running gateway (`gw.cli.status.open_client`)."""
    return settings_options(*CONNECTION, words=CONNECTION)(function)


def _option(setting: Setting, words: str | None) -> Callable[[F], F]:
    if setting.flag is None:
        raise ValueError(f"{setting.path} has no flag")
    name, words = setting.path.replace(".", "__"), words or setting.doc
    if setting.kind is bool:
        return click.option(setting.flag, name, is_flag=True, flag_value="true", default=None, help=words)
    return click.option(setting.flag, name, metavar=_metavar(setting), help=words)


def _metavar(setting: Setting) -> str:
    return "|".join(setting.choices) or {"Address": "ADDRESS:PORT", "Path": "PATH"}.get(setting.kind.__name__, "VALUE")


def load_settings(config_file: Path | None, flags: dict[str, Any]) -> Loaded:
    """Load with the real environment. `flags` is what click passed for `settings_options`; others are ignored.

    Raises ConfigError.
    """
    given = {name.replace("__", "."): value for name, value in flags.items() if "__" in name and value is not None}
    return load(config_file, os.environ, given)
