"""A small file of things to be done, by key: what is open, and which keys were there before.

Knows no channel: values are JSON; `store` runs one job at a time, in order. Invariant: when a call returns, what it
says is on disk (written and synced in a native thread); a key that was put once is refused while it is open or among
the last `remember` that were closed; a torn last line counts for nothing, any other unreadable one is skipped with the
file kept aside. A line is one step: it counts as a whole or not at all.
"""

import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, ParamSpec

from gw.errors import StoreError
from gw.ports import Json, Offload
from gw.session.durable import replace_file, write_all
from gw.wire import json

logger = logging.getLogger(__name__)

P = ParamSpec("P")

REMEMBER: Final = 5000
COMPACT_BYTES: Final = 4 * 1024 * 1024


class Journal:
    """Lines `["put",key,value]`, `["note",key,value]` (a new value), `["join",key,value,keys]` and `["done",key]`."""

    def __init__(self, path: Path, store: Offload, remember: int = REMEMBER) -> None:
        self.path = path
        self._store = store
        self._remember = remember
        self.open: OrderedDict[str, Json] = OrderedDict()  # oldest first
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._bytes = 0

    def load(self) -> None:
        """Read what the last process left. Raises StoreError."""
        self._run(self._load)

    def knows(self, key: str) -> bool:
        return key in self.open or key in self._closed

    def put(self, items: Sequence[tuple[str, Json]]) -> list[str]:
        """Open what is new, in one write; returns the keys that were. Raises StoreError, Overloaded."""
        fresh: dict[str, Json] = {}
        for key, value in items:
            if not self.knows(key):
                fresh.setdefault(key, value)
        self.open.update(fresh)
        try:
            self._append(b"".join(_line("put", key, value) for key, value in fresh.items()))
        except BaseException:
            for key in fresh:
                self.open.pop(key, None)
            raise
        return list(fresh)

    def note(self, key: str, value: Json) -> None:
        """Give an open key another value."""
        self.open[key] = value
        self._append(_line("note", key, value))

    def join(self, key: str, value: Json, others: Sequence[str]) -> None:
        """Give an open key another value, which stands for the *others* too: they are closed with it."""
        self._join(key, value, others)
        self._append(_line("join", key, value, others))

    def close(self, *keys: str) -> None:
        self._done(keys)
        self._append(b"".join(_line("done", key) for key in keys))
        if self._bytes > COMPACT_BYTES:
            self._run(self._compact, self._whole())

    def _join(self, key: str, value: Json, others: Sequence[str]) -> None:
        self._done(others)
        self.open[key] = value

    def _done(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.open.pop(key, None)
            self._closed[key] = None
        while len(self._closed) > self._remember:
            self._closed.popitem(last=False)

    # --- the file ---------------------------------------------------------------------------------------------

    def _run(self, job: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            self._store.run(job, *args, **kwargs)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from None

    def _append(self, lines: bytes) -> None:
        if lines:
            self._run(self._write, lines)

    def _write(self, lines: bytes) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            try:
                write_all(descriptor, lines)
                os.fdatasync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)  # half a line would swallow the next
                raise
            self._bytes = before + len(lines)
        finally:
            os.close(descriptor)

    def _whole(self) -> bytes:
        closed = [_line("done", key) for key in self._closed]
        return b"".join(closed + [_line("put", key, value) for key, value in self.open.items()])

    def _compact(self, data: bytes) -> None:
        replace_file(self.path, data)
        self._bytes = len(data)

    def _load(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            replace_file(self.path, b"")  # which also makes its name durable
        data = self.path.read_bytes()
        *lines, torn = data.split(b"\n")
        damaged = sum(not self._replay(line) for line in lines if line)
        if damaged:
            aside = self.path.with_name(self.path.name + ".damaged")
            replace_file(aside, data)
            logger.error(
                "channels.journal_damaged",
                extra={"file": f"{self.path.parent.name}/{self.path.name}", "lines": damaged},
            )
        if damaged or torn or len(data) > COMPACT_BYTES:
            self._compact(self._whole())

    def _replay(self, line: bytes) -> bool:
        try:
            match json.loads(line):
                case ["put" | "note", str(key), value]:
                    self.open[key] = value
                    return True
                case ["join", str(key), value, [*others]] if all(isinstance(one, str) for one in others):
                    self._join(key, value, others)
                    return True
                case ["done", str(key)]:
                    self._done([key])
                    return True
        except ValueError:
            pass
        return False


def _line(*fields: Json) -> bytes:
    return json.dumps(list(fields)) + b"\n"
