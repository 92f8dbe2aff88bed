"""`clawgate guard`: stand in front of a real gateway's whole port and judge what passes.

The same service as `serve`, on an address of its own for control, and the guarded port. Invariant: as for `serve`,
standard output carries one announcement.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import as_json_option
from gw.config.settings import BY_PATH

if TYPE_CHECKING:
    from gw.cli.running import Announcement
    from gw.modes.standalone import Standalone

# What a guard does not do, and `--listen`, which means the guarded port here; the rest of `serve` keeps its meaning.
NOT_HERE: Final = {
    "gateway.listen",
    "gateway.control_ui",
    "gateway.plugin_socket",
    "channels.file",
    "upstream.token_file",
}
SHARED: Final = tuple(path for path in ALL if path not in NOT_HERE)
OWN: Final = {
    "--listen": ("guard.listen", "ADDRESS:PORT"),
    "--control": ("guard.control", "ADDRESS:PORT"),
    "--guard-token-file": ("guard.token_file", "PATH"),
}


def own_options(function: Any) -> Any:
    for flag, (path, metavar) in reversed(OWN.items()):
        function = click.option(flag, path.replace(".", "__"), metavar=metavar, help=BY_PATH[path].doc)(function)
    return function


@click.command()
@own_options
@settings_options(*SHARED)
@as_json_option
def command(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Stand in front of an OpenClaw gateway: clients connect here instead, and what they send is judged."""
    loaded = load_settings(config_file, flags)
    from gw.cli.running import Announcement, run_service
    from gw.modes.guard.proxy import GuardProxy, on_control, secret_of, target_of

    guard = loaded.settings.guard
    target, _ = target_of(loaded.settings), secret_of(guard)  # what cannot work shows before anything is opened
    proxies: list[GuardProxy] = []

    def begin(service: "Standalone") -> "Announcement":
        proxies.append(GuardProxy(service.gateway))
        try:
            host, port = proxies[0].start()
        except BaseException:
            service.stop()
            raise
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        secure = "s" if loaded.settings.gateway.tls_cert else ""
        addresses = {"url": f"ws{secure}://{shown}", "http": f"http{secure}://{shown}", "control": service.address}
        text = welcome(addresses, str(target), loaded.settings.gateway.state, is_up=proxies[0].upstream.is_up)
        return Announcement(addresses, text)

    def stop() -> None:
        for proxy in proxies:
            proxy.stop()

    return run_service(on_control(loaded), lambda: on_control(load_settings(config_file, flags)), as_json, begin, stop)


def welcome(addresses: dict[str, str], upstream: str, state: Path, *, is_up: bool) -> str:
    """Where to connect, and what to try next."""
    from gw.cli.running import program_name

    asked = f"--listen {addresses['control']} --state {state}"
    away = (
        f"NOBODY ANSWERS at {upstream}: start that gateway, or give the right one with --upstream. It is tried again."
    )
    return "\n".join(
        [
            f"clawgate guards {upstream}: use {addresses['url']} or {addresses['http']}/ instead",
            *([] if is_up else [away]),
            f"Its own methods, health and metrics are on {addresses['control']}. Try next, in another terminal:",
            f"  openclaw gateway call health --url {addresses['url']} --token TOKEN-OF-THE-GATEWAY",
            f"  {program_name()} status {asked}",
            f"  {program_name()} review list {asked}",
        ]
    )
