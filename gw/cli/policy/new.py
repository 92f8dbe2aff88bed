"""`clawgate policy new` and `import`: first files for an author."""

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import click

from gw.cli.policy.schema import MODELINE
from gw.policy.importing import Imported, from_openclaw, from_port

TEMPLATE: Final = """{modeline}
# Everything in clawgate.default is in force, with what follows on top of it. `clawgate policy lint` checks this file,
# `clawgate policy test` runs its examples, `clawgate policy apply` puts it in force.
version: 1
kind: policy
id: {id}
title: What is special here
include: [clawgate.default]
# audit: record what would be stopped, stop nothing. Change to enforce when `clawgate decisions` looks right.
mode: audit
allow:
  # Lines made only of such commands skip the points of rules in group `shell`.
  - id: {id}.allow.list
    title: Looking around
    prefix: [[ls, pwd, wc]]
    hit: ['ls -la']
    miss: ['ls; rm -rf x', 'ls > /etc/motd']
score:
  - id: {id}.deploys
    title: Deployments wait for a person
    # No points, so that nothing else can make it a block; the floor alone holds it.
    severity: info
    floor: review
    target: command
    prefix: [[make, just], deploy]
    say: Deployments are looked at first.
    instead: Ask in the release room.
    hit: ['make deploy', 'sudo make deploy ENV=prod']
    miss: ['make test', 'echo "make deploy"']
"""
TESTS: Final = """version: 1
title: Scenarios of {id}
tests:
  - name: a deployment is held wherever it is asked for
    for: {{channel: [discord, telegram], chat: [direct, group]}}
    action: {{tool: exec, command: make deploy}}
    expect: {{verdict: review, enforced: allow, hits: [{id}.deploys]}}
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--id", "policy_id", default="local.policy", show_default=True, help="Id of the new policy.")
def new(folder: Path, policy_id: str) -> int:
    """Write a first policy and its test file into FOLDER."""
    name = policy_id.replace("/", "-")
    files = {
        folder / f"{name}.yaml": TEMPLATE.format(modeline=MODELINE, id=policy_id),
        folder / f"{name}_test.yaml": TESTS.format(id=policy_id),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        if path.exists():
            click.echo(f"clawgate: {path} exists already", err=True)
            return 1
        path.write_text(text, encoding="utf-8")
        click.echo(str(path))
    click.echo(f"next: clawgate policy test {folder}")
    return 0


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--id", "policy_id", default="imported.policy", show_default=True, help="Id of the new policy.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write; otherwise it is printed."
)
def import_(source: Path, policy_id: str, output: Path | None) -> int:
    """Turn the Rust port's TOML, or OpenClaw's exec approvals (JSON), into a policy.

    What could not be carried over is listed on standard error.
    """
    try:
        found = read(source, policy_id)
    except (ValueError, UnicodeDecodeError) as error:
        click.echo(f"clawgate: {source}: {error}", err=True)
        return 2
    if output is None:
        click.echo(found.text, nl=False)
    elif output.exists():
        click.echo(f"clawgate: {output} exists already", err=True)
        return 1
    else:
        output.write_text(f"{MODELINE}\n{found.text}", encoding="utf-8")
    for what, why in found.left:
        click.echo(f"not carried over: {what}: {why}", err=True)
    return 0


def read(source: Path, policy_id: str) -> Imported:
    """Raises ValueError for what is neither of the two."""
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".toml":
        return from_port(tomllib.loads(text), policy_id)
    document: Any = json.loads(text)
    if not isinstance(document, dict) or "agents" not in document:
        raise ValueError("expected OpenClaw's exec approvals, a JSON object with `agents`, or a .toml file")
    return from_openclaw(document, policy_id)
