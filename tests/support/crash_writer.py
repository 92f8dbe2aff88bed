"""Writes numbered batches to a state file until it is killed, saying on stdout which ones were acknowledged.

Run as `python -m tests.support.crash_writer PATH`. Batch n changes one of 50 entries, appends to one of 5 transcripts,
and now and then archives one, so that `expected(n)` follows from n alone.
"""

import sys
from pathlib import Path

from gw.session.backends import backend_for, is_sqlite
from gw.session.store import ENTRIES, META, Append, Archive, Change, Put, StateStore
from gw.session.store_json import JsonStore

ENTRIES_USED = 50
TRANSCRIPTS_USED = 5
ARCHIVE_EVERY = 97
SMALL_JOURNAL = 16 * 1024  # so that snapshots are written all the time, and kills hit them


def open_store(path: Path) -> StateStore:
    return backend_for(path) if is_sqlite(path) else JsonStore(path, journal_min_bytes=SMALL_JOURNAL)


def transcript_name(number: int) -> str:
    """Transcripts get a new name after each archiving, as sessions do."""
    return f"t{number % TRANSCRIPTS_USED}-{number // ARCHIVE_EVERY}"


def batch(number: int) -> list[Change]:
    value = b'{"n":%d,"pad":"%b"}' % (number, b"x" * (number % 300))
    changes: list[Change] = [
        Put(ENTRIES, f"agent:main:k{number % ENTRIES_USED}", value),
        Append(transcript_name(number), b'{"n":%d}' % number),
        Put(META, "last", b"%d" % number),
    ]
    if number % ARCHIVE_EVERY == ARCHIVE_EVERY - 1:
        name = transcript_name(number)
        changes.append(Archive(name, f"{name}.deleted"))
    return changes


def main() -> None:
    store = open_store(Path(sys.argv[1]))
    last = int(store.open().tables[META].get("last", b"0"))
    while True:
        last += 1
        store.commit(batch(last))
        sys.stdout.write(f"{last}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
