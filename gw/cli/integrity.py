"""`clawgate integrity`: make, look at and accept the signed picture of protected files.

Must not know how the service sweeps. Invariant: only who can read the private key can change what is accepted, and
nothing is accepted that was not shown first.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import Group, as_json_option, paint, print_json, print_pairs, print_table
from gw.config.settings import Settings
from gw.defender.integrity.baseline import Baseline, Change
from gw.errors import StoreError

RESTORED = "restored"  # changed and put back while the service watched
CHANGED = 1  # exit status of `diff` and `status` when something differs


@click.group(cls=Group)
def command() -> None:
    """Watch protected files for tampering."""


@command.command()
@settings_options("gateway.state", "policy.path")
@click.option("--force", is_flag=True, help="Replace an existing baseline without looking at what changed.")
@as_json_option
def init(config_file: Path | None, force: bool, as_json: bool, **flags: Any) -> int:
    """Take the picture of every protected file as it is now, and sign it."""
    settings = load_settings(config_file, flags).settings
    from gw.modes.host_integrity import baseline_file, load_baseline

    if baseline_file(settings).exists() and not force:
        before = load_baseline(settings)
        changes = before.diff(_observe(settings, before)) if before is not None else ()
        if changes:
            _show(changes)
            raise StoreError("these files differ from the baseline; accept them, or use --force")
    baseline = Baseline(_now_ms(), _observe(settings, None))
    _save(settings, baseline)
    if not baseline.files:
        click.echo("clawgate: nothing that the policy watches (`host`) is on this machine", err=True)
    _tell(as_json, {"files": len(baseline.files), "key": str(_key_file(settings))})
    return 0


@command.command()
@settings_options("gateway.state", "policy.path")
@as_json_option
def status(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """Say whether the host is as it was; exit status 1 when it is not."""
    settings = load_settings(config_file, flags).settings
    baseline = _baseline(settings)
    changes = _changes(settings, baseline)
    if as_json:
        print_json({"files": len(baseline.files), "changed": len(changes), "madeAtMs": baseline.made_at_ms})
    else:
        made = _time(baseline.made_at_ms)
        print_pairs([("baseline", f"{len(baseline.files)} files, made {made}"), ("key", str(_key_file(settings)))])
        print_pairs([("changed  ", str(len(changes))), ("result   ", paint("error" if changes else "ok"))])
    return CHANGED if changes else 0


@command.command()
@settings_options("gateway.state", "policy.path")
@as_json_option
def diff(config_file: Path | None, as_json: bool, **flags: Any) -> int:
    """List every protected file that changed; exit status 1 when there is one."""
    settings = load_settings(config_file, flags).settings
    baseline = _baseline(settings)
    changes = _changes(settings, baseline)
    if as_json:
        for change in changes:
            print_json({"watch": change.watch, "path": change.path, "kind": change.kind})
    else:
        _show(changes)
    return CHANGED if changes else 0


@command.command()
@settings_options("gateway.state", "policy.path")
@click.argument("paths", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Accept every change.")
@as_json_option
def accept(config_file: Path | None, paths: tuple[str, ...], everything: bool, as_json: bool, **flags: Any) -> int:
    """Accept changes of PATHS (or --all): they become the picture, and stop weighing on actions."""
    settings = load_settings(config_file, flags).settings
    baseline = _baseline(settings)
    if not (paths or everything):
        raise click.UsageError("name the files to accept, or use --all; `clawgate integrity diff` lists them")
    chosen = [change for change in _changes(settings, baseline) if everything or change.path in paths]
    unchanged = set(paths) - {change.path for change in chosen}
    if unchanged:
        raise click.UsageError(f"nothing changed: {', '.join(sorted(unchanged))}")
    _save(settings, baseline.accepting(chosen, _now_ms()))
    _tell(as_json, {"accepted": len(chosen)})
    return 0


@command.command()
@settings_options("gateway.state", "policy.path")
@click.option("--minutes", default=10, show_default=True, type=click.IntRange(0, 240), help="How long; 0 ends it now.")
@as_json_option
def maintenance(config_file: Path | None, minutes: int, as_json: bool, **flags: Any) -> int:
    """Let watches that accept `operator-shell` change without a word for a while."""
    settings = load_settings(config_file, flags).settings
    baseline = _baseline(settings)
    until_ms = _now_ms() + minutes * 60_000
    changed = Baseline(baseline.made_at_ms, baseline.files, baseline.acknowledged, until_ms)
    _save(settings, changed)
    if as_json:
        print_json({"untilMs": until_ms})
    else:
        click.echo(f"maintenance until {_time(until_ms)}" if minutes else "maintenance is over")
    return 0


def _baseline(settings: Settings) -> Baseline:
    from gw.modes.host_integrity import load_baseline

    found = load_baseline(settings)
    if found is None:
        raise StoreError("there is no baseline yet; make one with `clawgate integrity init`")
    return found


def _changes(settings: Settings, baseline: Baseline) -> tuple[Change, ...]:
    """What differs, and what differed: a file that was put back stays open until somebody has spoken about it."""
    from gw.modes.host_integrity import open_changes

    changes = baseline.diff(_observe(settings, baseline))
    differing = {change.key for change in changes}
    restored = (
        Change(*key, RESTORED, baseline.files.get(key), baseline.files.get(key))
        for key, tamper in sorted(open_changes(settings).items())
        if key not in differing and not baseline.acknowledges(key, tamper.seen_ms)
    )
    return (*changes, *restored)


def _observe(settings: Settings, before: Baseline | None) -> dict[Any, Any]:
    from gw.defender.integrity.watcher import watches
    from gw.modes.host_integrity import Observer
    from gw.modes.policy_files import policy_paths
    from gw.policy.loader import load

    policy, _ = load(policy_paths(settings))
    return Observer().look(watches(policy.host), before.files if before is not None else {})


def _save(settings: Settings, baseline: Baseline) -> None:
    """Sign and write; the first time makes the key. The folder belongs to whoever owns the state."""
    from gw.defender.integrity.keys import generate, signer
    from gw.modes.host_integrity import baseline_file
    from gw.session.durable import replace_file

    owner = settings.gateway.state.stat()  # without a state there is nothing to make a key for
    key = _key_file(settings)
    if not key.exists():
        private, public = generate()
        replace_file(key, private)
        replace_file(key.with_suffix(".pub"), public)
        key.with_suffix(".pub").chmod(0o644)
    try:
        sign = signer(key.read_bytes())
    except OSError as error:
        raise StoreError(
            f"{key} cannot be read ({error.strerror}): run this as the user who made the baseline"
        ) from None
    path = baseline_file(settings)
    replace_file(path, baseline.dump(sign))
    path.chmod(0o644)  # the service reads it; only the key's owner can write a valid one
    if os.geteuid() == 0:
        os.chown(path.parent, owner.st_uid, owner.st_gid)


def _key_file(settings: Settings) -> Path:
    from gw.modes.host_integrity import key_file

    return key_file(settings)


def _show(changes: tuple[Change, ...]) -> None:
    print_table(("kind", "watch", "path"), [(change.kind, change.watch, change.path) for change in changes])


def _tell(as_json: bool, facts: dict[str, Any]) -> None:
    if as_json:
        print_json(facts)
    else:
        print_pairs([(name, str(value)) for name, value in facts.items()])


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
