"""A small JSON file that is replaced whole: where records of devices, nodes, paired people and timers live.

Must not know what is in it. Invariant: a reader finds the old content or the new one, both mode 600; `save` returns
once the new one is on disk.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gw.errors import ConfigError, StoreError
from gw.model.problem import Problem
from gw.ports import Json, Offload
from gw.session.durable import replace_file
from gw.wire import json

T = TypeVar("T")


class JsonRecordFile:
    """access.pairing.RecordFile; `offload` must have exactly one worker, which keeps saves in order."""

    def __init__(self, path: Path, offload: Offload) -> None:
        self._path = path
        self._offload = offload

    def load(self) -> Json | None:
        """None when there is no file yet. Raises ConfigError for an unreadable one: no pairing is lost quietly."""
        try:
            return json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _unreadable(self._path, str(error)) from None

    def save(self, records: Json) -> None:
        """Raises StoreError, Overloaded."""
        try:
            self._offload.run(replace_file, self._path, json.dumps(records))
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from None


def restored(make: Callable[[JsonRecordFile], T], path: Path, offload: Offload) -> T:
    """What *make* takes up from the records at *path*. Raises ConfigError when this version cannot read them."""
    try:
        return make(JsonRecordFile(path, offload))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, f"{type(error).__name__} {error}") from None


def _unreadable(path: Path, why: str) -> ConfigError:
    hint = "restore a backup, or move the file away to start without what it remembers"
    return ConfigError([Problem(str(path), 0, 0, "records.unreadable", f"cannot read: {why}", hint=hint)])
