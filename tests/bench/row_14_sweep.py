"""A sweep over protected files that did not change, against hashing them all again; and what watching costs at rest."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.processes import NotStartedError, clawgate, running
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave, ratios, summary

FILES = 10_000
WATCHING = "whole gateway at rest, watching by inotify, CPU ms per second"
FOLDERS = 100
SIZES = (1024, 4096, 8192, 32768)  # configuration and skills are small, programs are not

IDLE_S = 6.0  # of one look at what a gateway at rest costs
POLICY = """version: 1
kind: policy
id: bench
include: [clawgate.default]
host: {watch: [{id: host.bench, title: A file was changed, paths: ['%s/**'], on_change: {points: 55}}]}
"""
CONFIG = "integrity: {key_file: %s/integrity.key}\npolicy: {path: %s/policy.yaml}\n"


def make_tree(root: Path) -> list[bytes]:
    content = os.urandom(max(SIZES))
    paths = []
    for folder in range(FOLDERS):
        place = root / f"{folder:03}"
        place.mkdir()
        for number in range(FILES // FOLDERS):
            path = place / f"{number:03}.bin"
            path.write_bytes(content[: SIZES[number % len(SIZES)]])
            paths.append(os.fsencode(path))
    return paths


def measure(settings: Settings) -> Measured:
    from gw._native.filehash import sweep

    with tempfile.TemporaryDirectory() as folder:
        paths = make_tree(Path(folder))
        known = sweep(paths)
        if any(row[0] for row in known):
            return Measured({}, skipped="the files could not be read")

        def cost(is_known: bool) -> float:
            start = time.process_time()
            found = sweep(paths, known if is_known else None)
            spent = time.process_time() - start
            assert all(row[-1] for row in found) == is_known
            return spent

        results = interleave({"sweep": True, "hash": False}, cost, settings.rounds)
        try:
            idle = {name: median(costs) for name, costs in idle_costs(Path(folder), settings.rounds).items()}
        except NotStartedError as error:
            return Measured({}, skipped=str(error))
    ratio = ratios(results, "sweep", "hash")
    detail = {
        "sweep_ms": round(median(results["sweep"]) * 1000, 2),
        "hash_ms": round(median(results["hash"]) * 1000, 2),
        "files": FILES,
        "sizes": SIZES,
        "ratio": summary(ratio),
        "gateway at rest, CPU ms per second": {name: round(cost, 3) for name, cost in idle.items()},
    }
    return Measured({"sweep vs full hash": median(ratio), WATCHING: round(idle["watching"], 3)}, detail)


def idle_costs(tree: Path, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds a second of a gateway that watches the tree by inotify, and of one that protects nothing."""
    with tempfile.TemporaryDirectory(prefix="clawgate-bench-") as place, running([]) as started:
        root = Path(place)
        (root / "policy.yaml").write_text(POLICY % tree)
        config = root / "clawgate.yaml"
        config.write_text(CONFIG % (root, root))
        flags = ("--config", str(config))
        state = root / "watching"
        state.mkdir(mode=0o700)  # a baseline belongs to a state that is there
        init = [sys.executable, "-m", "gw", "integrity", "init", *flags, "--state", str(state)]
        subprocess.run(init, check=True, capture_output=True, timeout=120)
        started.append(clawgate(state, *flags))
        started.append(clawgate(root / "plain"))
        servers = dict(zip(("watching", "plain"), started, strict=True))
        time.sleep(IDLE_S)  # the sweep of the start

        def cost(name: str) -> float:
            before = servers[name].cpu_ns()
            time.sleep(IDLE_S)
            return (servers[name].cpu_ns() - before) / 1e6 / IDLE_S

        return interleave({name: name for name in servers}, cost, rounds)


ROW = Row(
    14,
    f"sweep of {FILES:,} unchanged files vs hashing them all; watching them at rest",
    (Bar("sweep vs full hash", "<=", 1 / 6), Bar(WATCHING, "<=", 1.0)),
    measure,
)
