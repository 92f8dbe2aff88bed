"""Work that is accepted but not done: its letter while it is pending, and the dead letter when it never will be.

Knows the store's tables, not queues or runs. Invariant: what was acknowledged is in the transcript, in a pending letter
or in a dead letter, whenever the process ends; dead letters are bounded, the oldest go first.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from gw.methods.session_desk import SessionDesk
from gw.ports import Json
from gw.session import entries, keys
from gw.session.state_log import dump
from gw.session.store import DEAD, PENDING, Change, Drop, Loaded, Put
from gw.wire import json

logger = logging.getLogger(__name__)

DEAD_LETTERS: Final = 1000


class Undone:
    def __init__(self, desk: SessionDesk) -> None:
        self._desk = desk
        self._dead: OrderedDict[str, None] = OrderedDict()
        self.interrupted: list[tuple[str, Mapping[str, Json]]] = []  # run id and transport

    def restore(self, loaded: Loaded) -> list[Change]:
        """What was pending when the last process ended becomes dead letters; its text stays visible as interrupted."""
        self._dead = OrderedDict.fromkeys(loaded.tables.get(DEAD, {}))
        changes: list[Change] = []
        for run_id, packed in loaded.tables.get(PENDING, {}).items():
            letter = json.loads(packed)
            self.interrupted.append((run_id, letter.get("transport") or {}))
            changes += self._interrupt(run_id, letter)
            changes += [Drop(PENDING, run_id), *self.bury(run_id, letter["sessionKey"], letter["text"], "restart")]
        return changes

    def pending(self, run_id: str, key: str, text: str, transport: Mapping[str, Json], *, stored: bool) -> list[Change]:
        """The letter of a request; `stored` says that its text is in the transcript already."""
        if keys.is_incognito(key):
            return []
        letter = {
            "sessionKey": key,
            "text": text,
            "stored": stored,
            "transport": dict(transport),
            "at": self._desk.clock.now_ms(),
        }
        return [Put(PENDING, run_id, dump(letter))]

    def done(self, run_id: str) -> list[Change]:
        return [Drop(PENDING, run_id)]

    def bury(self, run_id: str, key: str, text: str, reason: str) -> list[Change]:
        """Make a dead letter."""
        if keys.is_incognito(key):
            return []
        logger.warning("message.undone", extra={"run": run_id, "reason": reason})
        letter = {"sessionKey": key, "text": text, "reason": reason, "deadAt": self._desk.clock.now_ms()}
        self._dead[run_id] = None
        changes: list[Change] = [Put(DEAD, run_id, dump(letter))]
        while len(self._dead) > DEAD_LETTERS:
            changes.append(Drop(DEAD, self._dead.popitem(last=False)[0]))
        return changes

    def _interrupt(self, run_id: str, letter: Mapping[str, Json]) -> list[Change]:
        desk, key = self._desk, letter["sessionKey"]
        entry = desk.book.get(key)
        if entry is None:
            return []
        entries.run_ended(entry, status="interrupted", now_ms=desk.clock.now_ms(), error="restart", usage={})
        if letter["stored"]:
            return desk.book.put(key, entry)
        record = desk.user_record(letter["text"], run_id, letter.get("transport"), interrupted=True)
        return desk.book.append(key, entry, record)[1]
