"""A sweep over protected files that did not change, against hashing them all again."""

import os
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import interleave, ratios, summary

FILES = 10_000
FOLDERS = 100
SIZES = (1024, 4096, 8192, 32768)  # configuration and skills are small, programs are not


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
    ratio = ratios(results, "sweep", "hash")
    detail = {
        "sweep_ms": round(median(results["sweep"]) * 1000, 2),
        "hash_ms": round(median(results["hash"]) * 1000, 2),
        "files": FILES,
        "sizes": SIZES,
        "ratio": summary(ratio),
    }
    return Measured({"sweep vs full hash": median(ratio)}, detail)


ROW = Row(
    14,
    f"sweep of {FILES:,} unchanged files vs hashing them all",
    (Bar("sweep vs full hash", "<=", 1 / 6),),
    measure,
)
