"""Starts the engine under the sanitizers, shows how far it is, and reports what killed it."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tests.fuzz import sanitized

WARM = 0.3  # of the run; what memory holds then is its due
GROWTH = 1.05
SLACK_BYTES = 4 << 20


class Report(NamedTuple):
    done: int
    warm_bytes: int
    end_bytes: int
    problem: str  # "" when all is well

    @property
    def growth(self) -> float:
        return self.end_bytes / max(self.warm_bytes, 1)


def fuzz(
    *,
    count: int,
    seconds: float,
    seed: int = 0,
    compare_every: int = 50,
    targets: Sequence[str] = (),
    show: TextIO | None = None,
    is_sanitized: bool = True,
) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        last = Path(folder, "last")
        command = [sys.executable, "-m", "tests.fuzz.engine", "--last", str(last), "--count", str(count)]
        command += ["--seconds", str(seconds), "--seed", str(seed), "--compare-every", str(compare_every)]
        if is_sanitized:
            command += ["--native", str(sanitized.build())]
        errors = Path(folder, "errors")
        with errors.open("w") as stderr:
            engine = subprocess.Popen(
                [*command, *targets],
                cwd=sanitized.ROOT,
                env=sanitized.environment() if is_sanitized else None,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
            with engine:
                assert engine.stdout is not None
                report = follow(engine.stdout, count, seconds, show)
        if engine.returncode and not report.problem:
            size = int.from_bytes(last.read_bytes()[:8], "big") if last.exists() else 0
            data = last.read_bytes()[8 : 8 + size] if size else b""
            tail = errors.read_text(errors="replace")[-8000:]
            return report._replace(problem=f"died with {engine.returncode} on input {data.hex()}\n{tail}")
        return report


def follow(lines: Iterable[str], count: int, seconds: float, show: TextIO | None) -> Report:
    """Read what the engine tells until it ends."""
    started = time.monotonic()
    done = warm = resident = 0
    for line in lines:
        facts: dict[str, Any] = json.loads(line)
        if "failed" in facts:
            return Report(done, warm, resident, f"{facts['failed']} on input {facts['input']}\n{facts['error']}")
        done, resident = facts.get("done", done), facts["resident"]
        share = max(done / count, (time.monotonic() - started) / seconds)
        if share <= WARM or not warm:
            warm = resident
        if show:
            draw(show, done, count, share, resident)
    if show:
        show.write("\n")
    problem = ""
    if resident > warm * GROWTH + SLACK_BYTES:
        problem = f"memory grew from {warm:,} to {resident:,} bytes"
    return Report(done, warm, resident, problem)


def draw(show: TextIO, done: int, count: int, share: float, resident: int) -> None:
    bar = "#" * int(30 * min(share, 1))
    show.write(f"\r[{bar:<30}] {done:,} of {count:,} inputs, {resident >> 20} MiB ")
    show.flush()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tests/fuzz/run", description="Fuzz the compiled modules under the sanitizers."
    )
    parser.add_argument("--count", type=int, default=5_000_000, help="inputs altogether (default 5,000,000)")
    parser.add_argument("--seconds", type=float, default=3600, help="stop earlier after this time (default 3600)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="for the same inputs again")
    parser.add_argument("--compare-every", type=int, default=50, help="every nth input goes through the slow twin too")
    parser.add_argument("targets", nargs="*", help="envelope, wsframe, patterns, text (default: all)")
    options = parser.parse_args()
    print(f"seed {options.seed}; building the sanitized modules when they changed", file=sys.stderr)
    report = fuzz(
        count=options.count,
        seconds=options.seconds,
        seed=options.seed,
        compare_every=options.compare_every,
        targets=options.targets,
        show=sys.stderr,
    )
    print(f"{report.done:,} inputs; memory {report.warm_bytes:,} -> {report.end_bytes:,} bytes ({report.growth:.3f})")
    if report.problem:
        print("FAILED:", report.problem)
        print("Keep the input as a file in tests/fuzz/corpus/<target>/ once it is understood.")
        return 1
    print("no crash, no hang, no growth, no difference from the slow twins")
    return 0
