"""Installs the built package on real machines and proves what an operator relies on.

    python packaging/smoke/run.py dist/clawgate_0.1.0_amd64.deb [--suite bullseye] [--suite trixie] [--json]

Each step prints one line. Exit status 0 when every step passed, 1 when one failed, 77 when this machine cannot boot
machines (with the reason), so that CI can say that the test was skipped.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from machine import Machine, MachineError, make_root, tools_missing  # noqa: E402  needs the path above
from steps import REPOSITORY, STEPS, Site  # noqa: E402

SKIPPED = 77


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deb", type=Path)
    parser.add_argument("--suite", action="append", help="Debian suite to boot (default: bullseye and trixie)")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--cache", type=Path, default=_cache())
    options = parser.parse_args()
    missing = tools_missing()
    if missing:
        print(f"skipped: this machine cannot boot machines, it lacks {', '.join(missing)}")
        return SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a machine is powered off, too
    options.cache.mkdir(parents=True, exist_ok=True)
    try:
        report = {suite: _prove(suite, options) for suite in options.suite or ["bullseye", "trixie"]}
    except (MachineError, OSError) as error:  # before any step: nothing was said about the package
        print(f"skipped: this machine cannot boot machines: {error}")
        return SKIPPED
    if options.json:
        print(json.dumps(report))
    return 0 if all(row["ok"] for rows in report.values() for row in rows) else 1


def _cache() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("CLAWGATE_CACHE", home / "clawgate")) / "deb"


def _prove(suite: str, options: argparse.Namespace) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    tell = sys.stderr if options.json else sys.stdout
    root = make_root(suite, options.cache, os.environ.get("CLAWGATE_DEBIAN_MIRROR") or _mirror(), options.deb)
    _make_older(options.deb, root / "srv/clawgate-previous.deb")
    _make_repository(options.deb, root)
    with Machine(root) as machine:
        unpacked = root.parent / "unpacked"
        subprocess.run(["dpkg-deb", "-x", str(options.deb), str(unpacked)], check=True)
        site = Site(machine, f"/srv/{options.deb.name}", "/srv/clawgate-previous.deb", unpacked)
        for step in STEPS:
            rows.append(_take(step, site))
            row = rows[-1]
            mark = "ok  " if row["ok"] else "FAIL"
            print(f"{suite:9} {mark} {row['step']:58} {row['s']:6.1f} s  {row['said']}", file=tell, flush=True)
            if not row["ok"]:
                print(site.machine.run("journalctl -u clawgate -n 30 --no-pager -o cat", check=False), file=tell)
                break
    return rows


def _take(step: Callable[[Site], str], site: Site) -> dict[str, object]:
    begun = time.monotonic()
    try:
        said, ok = step(site), True
    except (MachineError, AssertionError, OSError, subprocess.TimeoutExpired) as error:
        said, ok = str(error), False
    return {"step": (step.__doc__ or step.__name__).strip(), "ok": ok, "said": said, "s": time.monotonic() - begun}


def _mirror() -> str | None:
    """The Debian mirror this host's apt uses, when it is a Debian host."""
    asked = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)"], capture_output=True, text=True)
    return next((site for site in asked.stdout.split() if site.endswith("/debian")), None)


def _make_repository(deb: Path, root: Path) -> None:
    """Make a signed repository inside the root, where this host has the tools for it."""
    if not all(map(shutil.which, ("dpkg-scanpackages", "apt-ftparchive", "gpg"))):
        return
    with tempfile.TemporaryDirectory() as keys:
        script = [str(HERE.parent / "apt-repo.sh"), "--from", str(deb.resolve().parent), f"{root}{REPOSITORY}"]
        subprocess.run(script, check=True, capture_output=True, env={**os.environ, "CLAWGATE_ARCHIVE_KEYS": keys})


def _make_older(deb: Path, older: Path) -> None:
    """Make the same package with a lower version number, to upgrade from."""
    work = older.with_suffix(".unpacked")
    subprocess.run(["dpkg-deb", "-R", str(deb), str(work)], check=True)
    control = work / "DEBIAN/control"
    control.write_text(re.sub("(?m)^Version: .*$", "Version: 0.0.1~previous", control.read_text()))
    build = ["dpkg-deb", "-Zgzip", "--root-owner-group", "-b", str(work), str(older)]
    subprocess.run(build, check=True, capture_output=True)
    shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
