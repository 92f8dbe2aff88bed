"""`clawgate check`: load everything `serve` would load and report every problem, without binding or writing anything.

The service runs it before start and before a reload. Invariant: exit 0 means `serve` would get past loading and, unless
told to leave the examples out, would take the policy at a reload too.
"""

import os
import ssl
from pathlib import Path
from typing import Any

import click

from gw.cli.options import ALL, load_settings, settings_options
from gw.cli.output import as_json_option, counted, print_json, print_pairs
from gw.config.load import Loaded
from gw.config.secrets import read_secret, secret_file
from gw.config.settings import SETTINGS, Settings
from gw.errors import ProblemsError
from gw.model.problem import Problem
from gw.modes.policy_files import read_policies

Facts = list[tuple[str, str]]


@click.command()
@settings_options(*ALL)
@click.option(
    "--examples/--no-examples",
    default=True,
    help="Also try the `hit` and `miss` examples of every rule, as a reload does; a start does not.",
)
@as_json_option
def command(config_file: Path | None, examples: bool, as_json: bool, **flags: Any) -> int:
    """Load configuration and policies and report every problem; binds nothing."""
    facts: Facts = []
    problems: list[Problem] = []
    try:
        loaded = load_settings(config_file, flags)
    except ProblemsError as error:
        problems += error.problems
    else:
        facts.append(("configuration", ", ".join(map(str, loaded.files)) or "defaults"))
        problems += [
            *check_secrets(loaded),
            *check_files(loaded.settings),
            *check_policy(loaded.settings, facts, examples),
        ]
        problems += check_channels(loaded.settings, facts)
    problems.sort(key=lambda problem: problem[:3])
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        print_json({"ok": not errors, **dict(facts), "problems": [problem._asdict() for problem in problems]})
    else:
        for problem in problems:
            click.echo(str(problem), err=True)
        print_pairs([*facts, ("result", counted(errors, "error") if errors else "ok")])
    return 2 if errors else 0


def check_policy(settings: Settings, facts: Facts, examples: bool) -> list[Problem]:
    """Errors and warnings of the policy that would be in force."""
    try:
        policy, problems, _ = read_policies(settings)
    except ProblemsError as error:
        return list(error.problems)
    facts.append(("policy", f"{policy.ref.name}, {len(policy.rules)} rules, digest {policy.ref.digest[:12]}"))
    if examples:
        from gw.defender.tester import failed_examples  # late: a start does without the whole defender

        problems += failed_examples(policy)
    return problems


def check_secrets(loaded: Loaded) -> list[Problem]:
    """Problems of every secret file that is named or already there; a token that `serve` would generate is fine."""
    gateway, auth = loaded.settings.gateway, loaded.settings.auth
    named = [loaded.settings.value(setting.path) for setting in SETTINGS if setting.secret]
    files = [path for path in named if path is not None]
    if auth.mode != "none":
        chosen = auth.token_file if auth.mode == "token" else auth.password_file
        file = secret_file(chosen, auth.mode, gateway.state, os.environ)
        if file not in files and (file.exists() or auth.mode == "password"):
            files.append(file)
    problems: list[Problem] = []
    for file in files:
        try:
            read_secret(file)
        except ProblemsError as error:
            problems += error.problems
    return problems


def check_files(settings: Settings) -> list[Problem]:
    """A state that is no folder, certificate and key that do not fit, a Control UI folder without a page."""
    gateway = settings.gateway
    problems: list[Problem] = []
    if gateway.state.exists() and not gateway.state.is_dir():
        problems.append(Problem(str(gateway.state), 0, 0, "state.folder", "the state must be a folder"))
    if gateway.tls_cert is not None and gateway.tls_key is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(gateway.tls_cert, gateway.tls_key)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or error.strerror or "unusable"
            problems.append(Problem(str(gateway.tls_cert), 0, 0, "tls", f"certificate and key: {reason}"))
    if gateway.control_ui is not None and not (gateway.control_ui / "index.html").is_file():
        problems.append(Problem(str(gateway.control_ui), 0, 0, "control-ui.index", "no index.html in this folder"))
    return problems


def check_channels(settings: Settings, facts: Facts) -> list[Problem]:
    """Problems of the channels file, of its accounts and of their secrets."""
    if settings.channels.file is None:
        return []
    from gw.modes.channels import ChannelsFile  # drivers load only where they are configured

    try:
        found = ChannelsFile(settings.channels.file)
    except ProblemsError as error:
        return list(error.problems)
    names = ", ".join(f"{one.channel} {one.account}" for one in found.accounts)
    facts.append(("channels", f"{names or 'none'}; agents {', '.join(found.rules.keys.agents)}"))
    return []
