"""What programs do: one table per area, merged into EFFECTS.

A new program is a row in one of the tables. Invariant: no program stands in two tables, so the order does not matter.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gw.defender.shell.draft import Effect
from gw.defender.shell.effects import (
    accounts,
    agents,
    bus,
    capture,
    clients,
    containers,
    databases,
    deletion,
    disks,
    files,
    git,
    guards,
    hosted,
    machine,
    macos,
    migrations,
    packages,
    sockets,
    tools,
    windows,
)

AREAS: Final = (
    accounts, agents, bus, capture, clients, containers, databases, deletion, disks, files, git, guards, hosted,
    machine, macos, migrations, packages, sockets, tools, windows,
)  # fmt: skip

EFFECTS: Final[Mapping[str, Effect]] = MappingProxyType({k: v for area in AREAS for k, v in area.EFFECTS.items()})
