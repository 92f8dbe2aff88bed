"""The events of held actions on disk: one JSON line each, appended and synced, shortened when the service starts.

Knows nothing of what the events mean. Invariant: an event that `append` returned for is there after a crash; a line
torn by one is left out.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from gw.ledger.files import FILE_MODE, append, make_folder, sync_folder
from gw.ports import Offload
from gw.wire.json import dumps

NAME: Final = "reviews.jsonl"


class ReviewFile:
    """Implements `defender.review.ReviewStore`; `offload` must have exactly one worker."""

    def __init__(self, folder: Path, offload: Offload) -> None:
        self._path = folder / NAME
        self._offload = offload
        self._descriptor = -1
        self._size = 0

    def load(self) -> list[dict[str, Any]]:
        """Every whole event, oldest first. Raises OSError."""
        make_folder(self._path.parent)
        if not self._path.exists():
            return []
        events = []
        for line in self._path.read_bytes().split(b"\n"):
            try:
                event = json.loads(line) if line else None
            except ValueError:
                continue  # torn
            if isinstance(event, dict):
                events.append(event)
        return events

    def open(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Begin with these events instead of all that ever happened. Raises OSError."""
        make_folder(self._path.parent)
        data = b"".join(dumps(dict(event)) + b"\n" for event in events)
        partial = self._path.with_suffix(".part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        sync_folder(self._path.parent)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size = len(data)

    def append(self, event: Mapping[str, Any]) -> None:
        self._offload.run(self._write, dumps(dict(event)) + b"\n")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, line: bytes) -> None:
        self._size = append(self._descriptor, line, self._size)
