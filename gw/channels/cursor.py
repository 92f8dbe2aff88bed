"""Where receiving goes on after a restart: one small JSON value in a file.

Knows no provider. Invariant: the file holds a whole value or none; a value is saved after what it stands behind is.
"""

from pathlib import Path

from gw.errors import StoreError
from gw.ports import Json, Offload
from gw.session.durable import replace_file
from gw.wire import json


class Cursor:
    def __init__(self, path: Path, store: Offload) -> None:
        self.value: Json = None
        self._saved: Json = None
        self._path = path
        self._store = store

    def load(self) -> None:
        """An unreadable file counts as none: messages come again and are known by their keys. Raises StoreError."""
        try:
            data = self._store.run(self._read)
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from None
        try:
            self.value = json.loads(data) if data else None
        except ValueError:
            self.value = None
        self._saved = self.value

    def save(self, value: Json, *, lazily: bool = False) -> None:
        """`lazily`: only in memory, until the next that is not. Raises StoreError, Overloaded."""
        self.value = value
        if lazily or value == self._saved:
            return
        try:
            self._store.run(replace_file, self._path, json.dumps(value))
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from None
        self._saved = value

    def _read(self) -> bytes:
        return self._path.read_bytes() if self._path.exists() else b""
