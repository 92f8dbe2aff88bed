"""A hundred thousand sessions: all there after a start, and small, measured in a process of their own.

Memory is what the process has resident. Start-up and listing times are printed for people (`pytest -s`), not asserted:
under coverage or on a busy machine a stop-watch says nothing about the code.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SESSIONS = 100_000
ROOT = Path(__file__).resolve().parents[2]

MAKE = """
import sys, uuid
from pathlib import Path
from gw.session import entries
from gw.session.backends import backend_for
from gw.session.store import ENTRIES, Put

store = backend_for(Path(sys.argv[1]))
store.open()
batch = []
for n in range(int(sys.argv[2])):
    key = f"agent:main:telegram:group:-100{n}" if n % 3 else f"agent:main:dashboard:{uuid.UUID(int=n)}"
    at = 1_790_000_000_000 + n
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{n}/{part}")) for part in range(4)]
    entry = entries.new(key, now_ms=at, session_id=ids[0], revision=ids[1][:16])
    entry |= {"lastInteractionAt": at, "_people": ["openclaw-control-ui"], "_leaf": ids[2][:16], "_raw": 2, "_count": 2}
    entry |= {"_title": "How long may a title of a conversation be here", "_preview": "p" * 100, "lastRunId": ids[3]}
    entry |= {"status": "done", "startedAt": at, "endedAt": at + 50, "lastActivityAt": at + 50}
    if n % 10 == 0:
        entry["label"] = f"Project {n}"
    batch.append(Put(ENTRIES, key, entries.pack(entry)))
    if len(batch) == 5000:
        store.commit(batch)
        batch = []
store.commit(batch)
store.close()
"""

MEASURE = """
import gc, json, sys, time
from pathlib import Path
from gw.session import listing
from gw.session.book import Book
from gw.session.backends import backend_for


class Inline:
    def run(self, job, *args):
        return job(*args)


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


gc.collect()
before = resident()
start = time.process_time()
book = Book(backend_for(Path(sys.argv[1])), Inline())
book.open()
open_s = time.process_time() - start
gc.collect()
each = (resident() - before) / book.count()
queries = {
    "plain": {}, "label": {"label": "Project 500"}, "search": {"search": "project 77"}, "none": {"search": "zzqq"},
    "page": {"limit": 50, "offset": 50_000}, "active": {"activeMinutes": 1}, "spawned": {"spawnedBy": "x"},
    "ui": {"agentId": "main", "limit": 200, "includeGlobal": True, "configuredAgentsOnly": True},
    "interaction": {"sortBy": "lastInteractionAt"}, "id": {"search": "aaaaaaaa"}, "common": {"search": "e"},
    "short label": {"label": "e"},
}
times = {}
for name, params in queries.items():
    spent = []
    for _ in range(7):
        start = time.process_time()
        page = listing.select(
            book.newest_first(), params, now_ms=1_790_000_100_000, agents=("main",), is_active=lambda key: False
        )
        [card.entry() for card in page.cards]
        spent.append(time.process_time() - start)
    times[name] = sorted(spent)[3] * 1000
print(json.dumps({"count": book.count(), "open_s": open_s, "bytes_each": each, "list_ms": times}))
"""


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["json", "sqlite"])
def test_a_hundred_thousand_sessions(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"state.{suffix}"
    run(MAKE, str(path), str(SESSIONS))
    seen = json.loads(run(MEASURE, str(path)))
    print(suffix, seen)
    assert seen["count"] == SESSIONS
    assert seen["bytes_each"] <= 1024
    assert set(seen["list_ms"]) >= {"plain", "search", "page"}
