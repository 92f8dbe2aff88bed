"""`clawgate decisions`: the decision log, read from its files; works whether or not the service runs."""

import base64
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import Group, as_json_option, counted, few, paint, print_json
from gw.errors import StoreError
from gw.ledger.decisions import CURRENT, read_latest
from gw.ledger.receipts import PUBLIC_FILE, verify

POLL_S = 0.5


@click.group(cls=Group, invoke_without_command=True)
@settings_options("gateway.state")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many, newest last.")
@click.option("--verdict", type=click.Choice(["allow", "review", "block"]), help="Only these.")
@click.option("--follow", is_flag=True, help="Then print new ones as they come.")
@as_json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    config_file: Path | None,
    limit: int,
    verdict: str | None,
    follow: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Show recorded decisions."""
    ctx.obj = folder = load_settings(config_file, flags).settings.gateway.state / "decisions"
    if ctx.invoked_subcommand is not None:
        return
    if not (folder / CURRENT).exists():
        click.echo(f"clawgate: nothing was recorded in {folder} yet", err=True)
    records = [r for r in read_latest(folder, limit if verdict is None else 100_000) if verdict in (None, r["verdict"])]
    for record in reversed(records[:limit]):
        _print(record, as_json)
    if follow:
        for record in follow_file(folder / CURRENT):
            if verdict in (None, record["verdict"]):
                _print(record, as_json)


@command.command("verify")
@settings_options("gateway.state")
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False), help="Public key, base64.  [default: the log's]"
)
@click.option("--head", help="Hash the newest line must have, from a journal kept elsewhere.")
@as_json_option
@click.pass_context
def verify_log(
    ctx: click.Context, /, config_file: Path | None, key: Path | None, head: str | None, as_json: bool, **flags: Any
) -> int:
    """Check the hash chain and the receipts of the whole log: 0 when nothing was changed, 1 otherwise."""
    folder: Path = ctx.obj
    if config_file is not None or any(flags.values()):  # given here rather than before `verify`
        folder = load_settings(config_file, flags).settings.gateway.state / "decisions"
    if not folder.is_dir():
        raise StoreError(f"there is no decision log at {folder}")
    public = read_public_key(key or folder / PUBLIC_FILE, is_needed=key is not None)
    report = verify(folder, public)
    if head is not None and report.head != head:
        report.say(f"the newest line has hash {report.head}, not {head}: lines were cut off or added")
    if as_json:
        print_json(asdict(report))
    else:
        for problem in report.problems:
            click.echo(problem, err=True)
        start = "" if report.first in (0, 1) else f" (from seq {report.first} on; older files were removed)"
        signed = "receipts not checked: no public key" if public is None else f"confirmed up to seq {report.confirmed}"
        counts = f"{counted(report.records, 'record')}, {counted(report.receipts, 'receipt')}"
        click.echo(f"{counts}{start}; {signed}; newest seq {report.last}")
    return 1 if report.problems else 0


def read_public_key(file: Path, *, is_needed: bool) -> bytes | None:
    """Raises StoreError when the file holds no key."""
    if not is_needed and not file.exists():
        return None
    try:
        return base64.b64decode(file.read_bytes(), validate=True)
    except ValueError:
        raise StoreError(f"{file} is no public key (base64)") from None


def _print(record: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(record)
    else:
        click.echo(describe(record))


def describe(record: dict[str, Any]) -> str:
    """One line for a person."""
    at = datetime.fromtimestamp(record["at"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    verdict, enforced = record["verdict"], record["enforced"]
    done = "" if enforced == verdict else f" (enforced {enforced})"
    what = next((part["text"] for part in record.get("parts", ()) if "text" in part), "")
    rules = list(dict.fromkeys(hit["rule"] for hit in record["hits"]))
    place = record.get("tool") or record["method"]
    words = f"{paint(verdict)}{done.ljust(len('review') - len(verdict))}"
    line = f"{at}  {words}  {record['score']:>3}  {place}  {few(rules)}  {record['id']}"
    return f"{line}  {what[:120]!r}" if what else line


def follow_file(path: Path) -> Iterator[dict[str, Any]]:
    """New records for ever; notices when the log is rotated."""
    while not path.exists():
        time.sleep(POLL_S)  # noqa: TID251  (a command line of its own: no hub to block)
    file = path.open("rb")
    try:
        file.seek(0, os.SEEK_END)
        while True:
            line = file.readline()
            if line.endswith(b"\n"):
                yield json.loads(line)
                continue
            file.seek(-len(line), os.SEEK_CUR)
            if path.exists() and path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                file.close()
                file = path.open("rb")
                continue
            time.sleep(POLL_S)  # noqa: TID251  (as above)
    finally:
        file.close()
