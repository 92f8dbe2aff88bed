"""A small JSON file that is replaced whole: where pairing records live.

Must not know what is in it. Invariant: a reader finds the old content or the new one, both mode 600; `save` returns
once the new one is on disk.
"""

import os
from pathlib import Path

from gw.errors import ConfigError
from gw.ledger.files import FILE_MODE, FOLDER_MODE, sync_folder
from gw.model.problem import Problem
from gw.ports import Json, Offload
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
        self._offload.run(replace_file, self._path, json.dumps(records))


def replace_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)
