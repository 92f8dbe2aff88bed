"""`clawgate status`: ask the running gateway how it is. Exit status 3 when none answers, 1 when it is not ready."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from gw.cli.options import connection_options, load_settings
from gw.cli.output import as_json_option, is_for_person, paint, print_json, print_pairs
from gw.cli.rpc import GatewayClient
from gw.config.secrets import read_secret, secret_file
from gw.config.settings import Settings


@click.command()
@connection_options
@as_json_option
def command(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Ask the running gateway how it is."""
    settings = load_settings(config_file, flags).settings
    with open_client(settings) as client:
        status = client.call("status")
        version = client.hello["server"]["version"]
    if as_json:
        print_json({"address": str(settings.gateway.listen), "version": version, **status})
    else:
        print_pairs(describe(str(settings.gateway.listen), version, status))
    return 1 if status.get("failing") else 0


def open_client(settings: Settings, scopes: tuple[str, ...] = ("operator.read",)) -> GatewayClient:
    """A client of the gateway that these settings describe; its secret comes from the same file."""
    auth, gateway = settings.auth, settings.gateway
    secret = None
    if auth.mode != "none":
        chosen = auth.token_file if auth.mode == "token" else auth.password_file
        secret = read_secret(secret_file(chosen, auth.mode, gateway.state, os.environ))
    return GatewayClient(gateway.listen, secret, scopes=scopes, tls_ca=gateway.tls_cert)


def describe(address: str, version: str, status: dict[str, Any]) -> list[tuple[str, str]]:
    ours = status.get("clawgate", {})
    policy = ours.get("policy", {})
    failing = status.get("failing", [])
    memory_mib = status.get("processMemory", {}).get("rssBytes", 0) / 1024**2
    audit = ", audit only: nothing is enforced" if ours.get("auditOnly") else ""
    dropped = ours.get("decisionsDropped", 0)
    rows = [
        ("gateway", f"{address}, version {version}, process {status.get('pid')}"),
        ("state", paint("error") + ": " + ", ".join(failing) if failing else paint("ok")),
        ("up for", str(timedelta(seconds=status.get("uptimeMs", 0) // 1000))),
        ("connections", str(ours.get("connections", 0))),
        ("policy", f"{policy.get('name', '?')}, digest {policy.get('digest', '?')[:12]}{audit}"),
        ("decisions", str(ours.get("decisions", 0)) + (f", {dropped} not written" if dropped else "")),
        ("sessions", str(status.get("sessions", {}).get("count", 0))),
        ("memory", f"{memory_mib:.0f} MiB"),
    ]
    return [*rows, *beside(ours)]


def beside(ours: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands beside a real gateway: the plugin, the sidecar, and what ran without a decision."""
    rows: list[tuple[str, str]] = []
    if plugin := ours.get("plugin"):
        rows.append(("plugin", f"{plugin.get('version', '?')} in OpenClaw {plugin.get('openclaw', '?')}"))
        if not plugin.get("canary"):
            rows.append(("", alarm("the plugin's probe was not refused: nothing is enforced there")))
    if sidecar := ours.get("sidecar"):
        state = f"OpenClaw {sidecar['version']}, {sidecar['sessions']} sessions" if sidecar["connected"] else None
        rows.append(("sidecar", state or alarm(f"not connected: {sidecar['problem']}")))
        rows += unbitten(sidecar)
    if guard := ours.get("guard"):
        state = f"in front of {guard['upstream']}, {guard['connections']} connections, {guard['waiting']} waiting"
        rows.append(("guard", state if guard["upstreamUp"] else alarm(f"{guard['upstream']} is away")))
        rows += unbitten(guard)
    if coverage := ours.get("coverage"):
        unguarded, executions = coverage["unguarded"], coverage["executions"]
        by_tool = ", ".join(f"{tool} {count}" for tool, count in coverage["byTool"].items())
        covered = f"{executions} executions, each with a decision"
        without = f"{unguarded} of {executions} executions without a decision that let them happen: {by_tool}"
        rows.append(("coverage", alarm(without) if unguarded else covered))
    return rows


def unbitten(block: dict[str, Any]) -> list[tuple[str, str]]:
    """The gates whose last probe was not refused."""
    gates = [name for name, probe in block.get("canaries", {}).items() if probe["outcome"] == "open"]
    return [("", alarm(f"gate {name} does not bite: see `clawgate doctor`")) for name in gates]


def alarm(text: str) -> str:
    """A line that nobody should overlook."""
    return click.style(text, fg="red", bold=True) if is_for_person() else text
