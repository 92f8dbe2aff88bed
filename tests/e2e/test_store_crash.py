"""Kill -9 at random moments under write load: nothing acknowledged is lost, nothing is torn, on either backend.

The same state goes through all kills. 50 kill points by default; CLAWGATE_CRASH_POINTS sets another number.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gw.session.store import ENTRIES, META, StateStore
from tests.support import crash_writer

POINTS = int(os.environ.get("CLAWGATE_CRASH_POINTS", "50"))
START_S = 10.0
MOST_LIFE_S = 0.04
ROOT = Path(__file__).resolve().parents[2]


def live_and_die(path: Path, life_s: float) -> int:
    """Run a writer, kill it; returns the last batch it said was written (0: none)."""
    command = [sys.executable, "-m", "tests.support.crash_writer", str(path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert writer.stdout is not None
    try:
        first = writer.stdout.readline()
        time.sleep(life_s)
    finally:
        writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read()
    writer.stdout.close()
    writer.wait(START_S)
    whole = [line for line in (first + rest).split(b"\n")[:-1] if line]
    return int(whole[-1]) if whole else 0


def check(store: StateStore, acknowledged: int) -> int:
    """What is stored is exactly what batches 1..n leave behind, for one n that was at least acknowledged."""
    loaded = store.open()
    assert loaded.problems == ()
    last = int(loaded.tables[META].get("last", b"0"))
    assert last >= acknowledged, f"batch {acknowledged} was acknowledged, {last} is the last one stored"
    used = crash_writer.ENTRIES_USED
    for key, value in loaded.tables[ENTRIES].items():
        slot = int(key.rpartition("k")[2])
        newest = last - (last - slot) % used
        assert value == crash_writer.batch(newest)[0].value, f"{key} at batch {last}"  # type: ignore[union-attr]
    every = crash_writer.ARCHIVE_EVERY
    recent = range(max(1, (last // every - 2) * every), last + 1)  # whole spans between archivings
    wrote: dict[str, list[int]] = {}
    for number in recent:
        wrote.setdefault(crash_writer.transcript_name(number), []).append(number)
    for name, numbers in wrote.items():
        lines = [b'{"n":%d}' % number for number in numbers]
        if any(number % every == every - 1 for number in numbers):
            assert store.transcript(name) == []
            assert store.archive_path(f"{name}.deleted").read_bytes().split(b"\n")[:-1] == lines
        else:
            assert store.transcript(name) == lines, f"{name} at batch {last}"
    return last


@pytest.mark.slow
@pytest.mark.timeout(60 + 2 * POINTS)
@pytest.mark.parametrize("suffix", ["json", "sqlite"])
def test_nothing_acknowledged_is_lost(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"state.{suffix}"
    chance = random.Random()  # kill points differ from run to run on purpose
    last = 0
    for _ in range(POINTS):
        acknowledged = live_and_die(path, chance.uniform(0, MOST_LIFE_S))
        store = crash_writer.open_store(path)
        last = check(store, max(acknowledged, last))
        assert store.verify() == []
        store.close()
    assert last > POINTS, "the writer hardly wrote: nothing was tested"
