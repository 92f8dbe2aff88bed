"""`clawgate policy sign` and `verify`."""

from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import counted
from gw.policy.signing import KEY_SUFFIX, Trust, key_id, load_key, make_key, public_bytes, read_trust
from gw.policy.signing import sign as sign_folder
from gw.policy.signing import verify as verify_folder


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--key", "key_file", type=click.Path(path_type=Path), required=True, help="Private key, PEM.")
@click.option("--new-key", is_flag=True, help="Make the key first; its public half is written beside it.")
def sign(folder: Path, key_file: Path, new_key: bool) -> int:
    """Sign every policy and test file in FOLDER (manifest.json, manifest.sig)."""
    try:
        key = make_key(key_file) if new_key else load_key(key_file)
        names = sign_folder(folder, key)
    except FileNotFoundError:
        click.echo(f"clawgate: there is no key {key_file} (--new-key makes one)", err=True)
        return 2
    except (OSError, ValueError) as error:
        click.echo(f"clawgate: {error}", err=True)
        return 2
    click.echo(f"{counted(len(names), 'file')} signed with key {key_id(public_bytes(key))}")
    if new_key:
        click.echo(f"trust it by putting {key_file.with_suffix(KEY_SUFFIX)} into the folder policy.trusted_keys names")
    return 0


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--keys", type=click.Path(path_type=Path, file_okay=False), help="Folder of trusted *.pub files.")
@settings_options()
def verify(folder: Path, keys: Path | None, config_file: Path | None, **flags: Any) -> int:
    """Check FOLDER against its signature: 0 signed and whole, 2 anything else."""
    trusted = keys or load_settings(config_file, flags).settings.policy.trusted_keys
    problems = verify_folder(folder, Trust(read_trust(trusted, required=True).keys, required=True))
    for problem in problems:
        click.echo(str(problem), err=True)
    if not problems:
        click.echo("signed and whole")
    return 2 if problems else 0
