"""A small JSON file that is replaced whole: where pairing records live.

Must not know what is in it. Invariant: a reader finds the old content or the new one, both mode 600; `save` returns
once the new one is on disk.
"""

from pathlib import Path

from gw.errors import ConfigError, StoreError
from gw.model.problem import Problem
from gw.ports import Json, Offload
from gw.session.durable import replace_file
from gw.wire import json


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
            hint = "restore it, or move it away to start with no paired devices"
            raise ConfigError(
                [Problem(str(self._path), 0, 0, "records.unreadable", f"cannot read: {error}", hint=hint)]
            ) from None

    def save(self, records: Json) -> None:
        """Raises StoreError, Overloaded."""
        try:
            self._offload.run(replace_file, self._path, json.dumps(records))
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from None
