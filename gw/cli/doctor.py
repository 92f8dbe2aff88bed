"""`clawgate doctor`: which gates are active, what stays open and how to close it, and whatever else is wrong.

Finds out, and has `doctor_checks` judge it. Exit status 0: everything an agent does passes a gate that bites, and
nothing is wrong; 1: not so; 2: configuration or policies do not load; 3: the daemon does not answer.
"""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any, Final

import click

from gw.cli.check import check_channels, check_files, check_policy, check_secrets
from gw.cli.doctor_checks import ERROR, Facts, Result, posture, run_checks
from gw.cli.openclaw import OpenClawError, Program, program_option
from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import as_json_option, is_for_person, paint, print_json
from gw.cli.rpc import GatewayClient, RefusedError
from gw.cli.status import alarm, open_client
from gw.cli.websocket import TurnedAwayError, UnreachableError, WebSocket
from gw.config.secrets import read_secret, secret_file
from gw.config.settings import Address, Settings
from gw.errors import ConfigError, GwError, ProblemsError
from gw.model.problem import Problem
from gw.modes.beside.canary import new_word
from gw.modes.beside.openclaw_config import State, read_state
from gw.policy.loader import load as load_policy

SAID: Final = {
    "enforcing": "enforcing: whatever an agent does passes a gate that bites",
    "partly": "NOT enforcing everything: an agent has ways around the gates",
    "open": "NOT enforcing: no gate in front of an agent was seen to bite",
}
START: Final = "systemctl start clawgate, or clawgate serve; if it runs, say where with --listen and --state"
OTHER: Final = (
    "give the --state or --token-file it runs with; if that is OpenClaw's own gateway, give clawgate's --listen"
)
PROBE_TIMEOUT_S: Final = 5.0
TOKEN_NAME: Final = "upstream-token"  # noqa: S105  (a file's name)


@click.command()
@program_option
@settings_options(*ALL)
@as_json_option
def command(program: str, config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Say which gates are active, what stays open and how to close it."""
    facts = find_out(program, config_file, flags)
    results = run_checks(facts)
    verdict = posture(facts)
    if as_json:
        print_json({"posture": verdict, "results": [result._asdict() for result in results]})
    else:
        for result, following in zip(results, [*results[1:], None], strict=True):
            is_said_below = following is not None and (following.check, following.fix) == (result.check, result.fix)
            click.echo(line(result._replace(fix="") if is_said_below else result))
        click.echo(SAID[verdict] if verdict == "enforcing" else alarm(SAID[verdict]))
    return exit_status(facts, verdict, results)


def exit_status(facts: Facts, verdict: str, results: list[Result]) -> int:
    if any(problem.severity == "error" for problem in facts.problems):
        return 2
    if facts.status is None:
        return 3
    return 0 if verdict == "enforcing" and all(result.level != ERROR for result in results) else 1


def line(result: Result) -> str:
    fix = f"\n{'':<22}to fix: {result.fix}" if result.fix else ""
    width = 8 + (len(paint(result.level)) - len(result.level) if is_for_person() else 0)
    return f"{paint(result.level):<{width}}{result.check:<14}{result.text}{fix}"


def find_out(program: str, config_file: Path | None, flags: dict[str, Any]) -> Facts:
    """Ask everybody who can know; raises ConfigError only when not even the settings can be read."""
    loaded = load_settings(config_file, flags)
    settings = loaded.settings
    problems: list[Problem] = [
        *check_secrets(loaded),
        *check_files(settings),
        *check_policy(settings, [], examples=False),
        *check_channels(settings, []),
    ]
    status, unreachable, start = ask_daemon(settings)
    mode, digest = policy_of(settings)
    state, version = ask_openclaw(program)
    return Facts(
        settings=settings,
        now_ms=time.time_ns() // 1_000_000,
        problems=tuple(problem for problem in problems if problem.severity == "error"),
        policy_mode=mode,
        policy_digest=digest,
        status=status,
        unreachable=unreachable,
        start=start,
        same=same_daemon(config_file, flags),
        openclaw=state,
        openclaw_version=version,
        upstream_skew_ms=upstream_skew_ms(settings),
        guard_probe=probe_guard(settings) if (status or {}).get("guard") else "",
    )


def ask_daemon(settings: Settings) -> tuple[dict[str, Any] | None, str, str]:
    """clawgate's block of `status`; or why there is none, and what to do about it."""
    try:
        with open_client(settings) as client:
            block: dict[str, Any] = client.call("status")["clawgate"]
            return block, "", ""
    except KeyError:
        return None, f"what answers at {settings.gateway.listen} is no clawgate", START
    except (UnreachableError, RefusedError, ConfigError) as error:
        return None, *why_silent(error, settings)


def why_silent(error: GwError, settings: Settings) -> tuple[str, str]:
    if isinstance(error, ConfigError):
        (problem,) = error.problems
        if "Permission" in problem.message:
            fix = "run this as root, or as a member of the group clawgate"
        else:
            fix = START if "No such file" in problem.message else problem.hint
        return f"not asked, for want of its secret: {problem.file}: {problem.message}", fix
    if isinstance(error, TurnedAwayError):
        return str(error), OTHER
    guard = (
        f"; a guard: --listen {settings.guard.control} and its own --state" if settings.upstream.url is not None else ""
    )
    return str(error), START + guard


def same_daemon(config_file: Path | None, flags: dict[str, Any]) -> str:
    """What commands that we advise must repeat, to speak of the daemon that was asked here."""
    given = {"--config": config_file, "--state": flags.get("gateway__state")}
    return "".join(f" {flag} {value}" for flag, value in given.items() if value is not None)


def policy_of(settings: Settings) -> tuple[str | None, str]:
    """Mode and digest of the policy in the files."""
    try:
        policy, _ = load_policy([settings.policy.path] if settings.policy.path is not None else [])
    except ProblemsError:
        return None, ""
    return policy.settings.mode, policy.ref.digest


def ask_openclaw(program: str) -> tuple[State | None, str]:
    """What stands in its configuration, and its version; nothing when it is not on this machine."""
    if shutil.which(program) is None:
        return None, ""
    openclaw = Program(program)
    try:
        return read_state(openclaw.document()), openclaw.version()
    except OpenClawError:
        return None, ""


def upstream_skew_ms(settings: Settings) -> int | None:
    """How far the real gateway's clock is ahead of ours, by the first thing it says; None when it says nothing."""
    url = settings.upstream.url
    if url is None or not url.startswith("ws://"):
        return None
    host, _, port = url.removeprefix("ws://").partition("/")[0].rpartition(":")
    if not port.isdigit():
        return None
    try:
        socket = WebSocket(Address(host.strip("[]"), int(port)), timeout_s=PROBE_TIMEOUT_S)
        try:
            said_ms: int = json.loads(socket.receive())["payload"]["ts"]
        finally:
            socket.close()
    except (UnreachableError, ValueError, KeyError, TypeError):
        return None
    return said_ms - time.time_ns() // 1_000_000


def probe_guard(settings: Settings) -> str:
    """Ask through the guarded port for a command that exists nowhere, on a node that exists nowhere.

    `bites` when the guard refuses it, `open` when the gateway gets to answer, `unreachable`, or "" without a token.
    """
    try:
        token = read_secret(secret_file(settings.upstream.token_file, TOKEN_NAME, settings.gateway.state, os.environ))
    except ConfigError:
        return ""
    command = {"command": "system.run", "params": {"command": [new_word()]}}
    params = {"nodeId": "clawgate-canary", **command, "idempotencyKey": new_word()}
    try:
        with GatewayClient(
            settings.guard.listen, token, scopes=("operator.admin",), timeout_s=PROBE_TIMEOUT_S
        ) as client:
            client.call("node.invoke", params)
    except RefusedError as refused:
        details = refused.shape.get("details")
        is_ours = isinstance(details, dict) and details.get("code") == "GUARD_BLOCKED"
        return "bites" if is_ours else "open"
    except UnreachableError:
        return "unreachable"
    return "open"
