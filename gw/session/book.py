"""The sessions of this gateway: cards in memory, the store behind them, and writes that return when they are durable.

Runs on the hub; everything that touches a disk goes through the Offload port. Invariant: memory changes first and the
disk follows in the same order; nobody is told of a write before it is on the disk; an incognito session never is.
"""

import gc
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from gw.errors import Overloaded, StoreError, Unavailable
from gw.ports import Json, Offload
from gw.session import entries, keys, transcript
from gw.session.entries import Card, Entry
from gw.session.state_log import dump
from gw.session.store import ENTRIES, Append, Archive, Change, Drop, Loaded, Put, StateStore
from gw.session.transcript import Numbered, Record

logger = logging.getLogger(__name__)

MAX_WRITERS: Final = 512  # greenlets that wait for the disk at once
BATCH_CHANGES: Final = 4096
CACHED_TRANSCRIPTS: Final = 16
CACHED_RECORDS: Final = 2000  # longer transcripts are read anew


class _Ticket:
    """One writer's changes on their way to the disk."""

    __slots__ = ("changes", "done", "error")

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = changes
        self.done = False
        self.error: StoreError | None = None


class Writer:
    """Group commit: whoever comes to the disk first takes everybody's changes with it."""

    def __init__(self, store: StateStore, offload: Offload) -> None:
        self._store = store
        self._offload = offload
        self._queue: deque[_Ticket] = deque()
        self._owed: list[Change] = []  # failed to be written; memory has them, so the next batch begins with them
        self._waiting = 0
        self.failing = False

    def write(self, changes: Sequence[Change]) -> None:
        """Return once the changes are durable. Raises StoreError or Overloaded."""
        if not changes:
            return
        if self._waiting >= MAX_WRITERS:
            raise Overloaded("store")
        ticket = _Ticket(changes)
        self._queue.append(ticket)
        self._waiting += 1
        try:
            self._offload.run(self._flush, ticket)
        finally:
            self._waiting -= 1
        if ticket.error is not None:
            raise ticket.error

    def recover(self) -> None:
        """Try to write what is owed. Raises Unavailable while the disk still refuses."""
        if not self.failing:
            return
        try:
            self._offload.run(self._flush, _Ticket(()))
        except StoreError:
            logger.warning("store.still_failing")
        if self.failing:
            raise Unavailable("the session store cannot be written right now", retry_after_ms=2000)

    def _flush(self, mine: _Ticket) -> None:
        """In the store's thread: commit until `mine` is done."""
        while not mine.done:
            batch: list[_Ticket] = []
            changes: list[Change] = list(self._owed)
            while self._queue and len(changes) < BATCH_CHANGES:
                batch.append(self._queue.popleft())
                changes += batch[-1].changes
            if not batch:
                batch.append(mine)
            error: StoreError | None = None
            try:
                self._store.commit(changes)
            except StoreError as caught:
                error = caught
            except Exception:  # boundary: nobody may hear that what was not written is; it is not tried again
                logger.exception("store.crashed")
                error, changes = StoreError("the store failed inside the gateway"), self._owed
            self._owed = changes if error is not None else []
            self.failing = error is not None
            for ticket in batch:
                ticket.error, ticket.done = error, True


class Book:
    def __init__(self, store: StateStore, offload: Offload) -> None:
        self._store = store
        self._offload = offload
        self._writer = Writer(store, offload)
        self._cards: dict[str, Card] = {}  # least recently updated first
        self._ordered = True
        self._latest = 0
        self.revision = 0  # another number whenever an entry has changed
        self._private: dict[str, list[Record]] = {}  # transcripts of incognito sessions
        self._cache: dict[str, list[Record]] = {}  # file name -> records, least recently used first

    @property
    def path(self) -> str:
        return str(self._store.path)

    @property
    def is_failing(self) -> bool:
        return self._writer.failing

    def open(self) -> Loaded:
        """Read the state. Raises StoreError. The tables other than entries are for their owners to take over."""
        gc.disable()  # a hundred thousand new objects, all of which stay: no collection need look at them
        try:
            loaded = self._offload.run(self._store.open)
            cards = [self._card(key, packed) for key, packed in loaded.tables.get(ENTRIES, {}).items()]
            cards.sort(key=lambda card: card.updated_at)
            self._cards = {card.key: card for card in cards}
        finally:
            gc.freeze()
            gc.enable()
        self._latest = cards[-1].updated_at if cards else 0
        for problem in loaded.problems:
            logger.error("store.damage", extra={"problem": problem})
        return loaded

    def close(self) -> None:
        self._offload.run(self._store.close)

    def _card(self, key: str, packed: bytes) -> Card:
        try:
            return entries.card_of(key, packed)
        except ValueError:
            raise StoreError(
                f"state {self._store.path}: the entry of session {key[:80]} is not in a form this version reads; "
                "`clawgate state verify` names every such entry: restore a backup, or install the version that wrote it"
            ) from None

    # --- entries --------------------------------------------------------------------------------------------

    def count(self) -> int:
        return len(self._cards)

    def recent(self, limit: int) -> list[tuple[str, int]]:
        """Keys and last update (ms), newest first."""
        return [(card.key, card.updated_at) for card in islice(self.newest_first(), limit)]

    def __contains__(self, key: str) -> bool:
        return key in self._cards

    def get(self, key: str) -> Entry | None:
        """A fresh copy; change it and `put` it back without switching greenlets in between."""
        card = self._cards.get(key)
        return card.entry() if card is not None else None

    def newest_first(self) -> Iterable[Card]:
        if not self._ordered:
            self._cards = dict(sorted(self._cards.items(), key=lambda pair: pair[1].updated_at))
            self._ordered = True
        return reversed(self._cards.values())

    def put(self, key: str, entry: Mapping[str, Json]) -> list[Change]:
        """Change memory and return what must be written."""
        card = entries.card(key, entry)
        self.revision += 1
        self._cards.pop(key, None)
        self._cards[key] = card
        self._ordered = self._ordered and card.updated_at >= self._latest
        self._latest = max(self._latest, card.updated_at)
        return [] if keys.is_incognito(key) else [Put(ENTRIES, key, card.packed)]

    def drop(self, key: str) -> list[Change]:
        self.revision += 1
        self._cards.pop(key, None)
        if keys.is_incognito(key):
            self._private.pop(key, None)
            return []
        return [Drop(ENTRIES, key)]

    # --- transcripts ----------------------------------------------------------------------------------------

    def append(self, key: str, entry: Entry, record: Record) -> tuple[Numbered, list[Change]]:
        """Put the entry with a record appended under its leaf; a `leaf` record keeps the parent it has."""
        if record["type"] != "leaf":
            record["parentId"] = entry.get("_leaf")
        raw_seq = (entry.get("_raw") or 0) + 1
        entry |= {"_leaf": record["id"], "_raw": raw_seq, "updatedAt": max(entry.get("updatedAt") or 0, record["at"])}
        if record["type"] == "message":
            entries.said(entry, transcript.text_of(record["message"]), record["message"].get("role"))
        number = Numbered(record, raw_seq, entry.get("_count") or 0)
        if keys.is_incognito(key):
            self._private.setdefault(key, []).append(record)
            return number, self.put(key, entry)
        name = file_of(entry)
        cached = self._cache.get(name)
        if cached is not None:
            cached.append(record)
        return number, [Append(name, dump(record)), *self.put(key, entry)]

    def continue_at(self, key: str, entry: Entry, record: Record, shown: Sequence[Numbered]) -> list[Change]:
        """Append a record that changes what the conversation shows to `shown`; clients have to read it anew."""
        said = transcript.messages(shown)
        entry |= {"_branch": (entry.get("_branch") or 0) + 1, "_count": 0}
        entry.pop("_preview", None)
        entry.pop("_title", None)
        for one in said[:1] + said[-1:]:
            entries.said(entry, transcript.text_of(one.record["message"]), one.record["message"].get("role"))
        entry["_count"] = len(said)
        return self.append(key, entry, record)[1]

    def copy_into(self, key: str, entry: Entry, shown: Sequence[Numbered]) -> list[Change]:
        """Begin a new session's transcript with what another one shows."""
        changes: list[Change] = []
        for one in shown:
            changes += self.append(key, entry, dict(one.record))[1]
        return changes or self.put(key, entry)

    def records(self, key: str, entry: Mapping[str, Json]) -> list[Record]:
        """All records of a session, oldest first. Blocks (the calling greenlet only)."""
        if keys.is_incognito(key):
            return list(self._private.get(key, ()))
        name = file_of(entry)
        cached = self._cache.pop(name, None)
        if cached is None:
            cached = transcript.parse(self._offload.run(self._store.transcript, name))
            current = self.get(key)
            whole = current is not None and file_of(current) == name and len(cached) == (current.get("_raw") or 0)
            if not whole or len(cached) > CACHED_RECORDS:
                return cached
        self._cache[name] = cached
        while len(self._cache) > CACHED_TRANSCRIPTS:
            del self._cache[next(iter(self._cache))]
        return list(cached)

    def shown(self, key: str, entry: Mapping[str, Json]) -> list[Numbered]:
        """What the session's conversation shows."""
        return transcript.visible(transcript.branch(self.records(key, entry), entry.get("_leaf")))

    def archive(self, entry: Mapping[str, Json], target: str) -> tuple[str, list[Change]]:
        """Move a transcript to the archive; returns its path there."""
        name = file_of(entry)
        self._cache.pop(name, None)
        return str(self._store.archive_path(target)), [Archive(name, target)]

    def forget(self) -> None:
        """Give back the memory of transcripts that can be read again."""
        self._cache.clear()

    # --- durability -----------------------------------------------------------------------------------------

    def write(self, changes: Sequence[Change]) -> None:
        """Return once durable. Raises StoreError or Overloaded."""
        self._writer.write(changes)

    def ready(self) -> None:
        """Call before changing anything. Raises Unavailable while the store cannot be written."""
        self._writer.recover()


def file_of(entry: Mapping[str, Json]) -> str:
    """The transcript's name; it differs from the session id after the first rewrite."""
    return str(entry.get("_file") or entry["sessionId"])
