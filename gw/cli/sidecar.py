"""`clawgate sidecar`: stand beside a real gateway as one of its operators, until told to stop.

The same service as `serve` (commands and plugin find it as usual), and a connection to the real gateway. Invariant: as
for `serve`, standard output carries one announcement.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import as_json_option

if TYPE_CHECKING:
    from gw.modes.standalone import Standalone

STOP_S: Final = 2.0


@click.command()
@settings_options(*ALL)
@as_json_option
def command(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Answer a real gateway's approvals by policy, watch its sessions, and prove that its gates bite."""
    loaded = load_settings(config_file, flags)
    from gw import hub
    from gw.cli.running import Announcement, run_service
    from gw.modes.beside.build import build_sidecar, follow_reviews, upstream_target, upstream_token

    target = upstream_target(loaded.settings)  # what cannot work shows before anything is opened
    upstream_token(loaded.settings)
    supervisor = hub.Supervisor()

    def begin(service: "Standalone") -> Announcement:
        gateway = service.gateway
        sidecar = build_sidecar(gateway)
        follow_reviews(gateway, sidecar)
        supervisor.start("sidecar", sidecar.run)
        text = welcome(str(service.address), str(target), loaded.settings.gateway.state)
        return Announcement({"upstream": str(target)}, text)

    return run_service(
        loaded, lambda: load_settings(config_file, flags), as_json, begin, lambda: supervisor.stop(STOP_S)
    )


def welcome(address: str, upstream: str, state: Path) -> str:
    """What it stands beside, and what to try next."""
    from gw.cli.running import program_name

    program, asked = program_name(), f"--listen {address} --state {state}"
    return "\n".join(
        [
            f"clawgate stands beside {upstream} as one of its operators; commands ask at {address}",
            "Try next, in another terminal:",
            f"  {program} status {asked}",
            f"  {program} doctor {asked} --upstream {upstream.rstrip('/')}",
            f"  {program} review list {asked}",
        ]
    )
