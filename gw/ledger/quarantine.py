"""The quarantine ledger: one file per blocked or held action, with its full text, for whoever looks into it later.

Knows no verdicts. Invariant: append-only; an entry is never edited, what happens to it later is a second file beside
it.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gw.ledger.files import make_folder, sync_folder, write_new
from gw.model.action import Action
from gw.ports import Offload
from gw.wire.json import dumps

RELEASED: Final = "released"
PURGED: Final = "purged"
_TEXT: Final = ("parts", "sessionKey")
_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,80}\Z")
MAX_TEXT_BYTES: Final = 256 * 1024  # of one part; the digest still covers everything


class Quarantine:
    """Folder of `YYYY-MM-DD/<decision id>.json`, mode 600."""

    def __init__(self, folder: Path, offload: Offload) -> None:
        self.folder = folder
        self._offload = offload

    def put(self, record: dict[str, Any], action: Action) -> None:
        """Store a decision's record with the action's text. Raises OSError, Overloaded."""
        entry = {**record, "parts": [_whole(part) for part in action.parts], "sessionKey": action.session_key}
        day = datetime.fromtimestamp(record["at"] / 1000, UTC).strftime("%Y-%m-%d")
        self._offload.run(_store, self.folder / day, f"{record['id']}.json", dumps(entry))

    def mark(self, decision_id: str, what: str, by: str, note: str, at_ms: int) -> bool:
        """Say beside an entry that it was `released` or `purged` (which removes its text); False: no such entry.

        The first of a kind counts. Raises OSError.
        """
        path = self.find(decision_id)
        if path is None or path.name.endswith(f".{PURGED}.json"):
            return path is not None
        entry = _read(path)
        mark = {"by": by, "note": note, "at": at_ms}
        kept = {name: value for name, value in (entry or {}).items() if name not in _TEXT} if what == PURGED else {}
        with contextlib.suppress(FileExistsError):
            write_new(path.with_name(f"{decision_id}.{what}.json"), dumps({**kept, what: mark}))
        if what == PURGED:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
        return True

    def list(self, limit: int = 100) -> list[dict[str, Any]]:
        """Newest first, without the text."""
        found: list[dict[str, Any]] = []
        for path in self._paths():
            if len(found) >= limit:
                break
            if (entry := _with_marks(path)) is not None:
                found.append({name: value for name, value in entry.items() if name not in _TEXT})
        return found

    def get(self, decision_id: str) -> dict[str, Any] | None:
        """The whole entry; None when there is none of that id."""
        path = self.find(decision_id)
        return None if path is None else _with_marks(path)

    def find(self, decision_id: str) -> Path | None:
        """The entry's file; that of the mark when it was purged."""
        if not _ID.match(decision_id[:81]):
            return None
        names = (f"*/{decision_id}.json", f"*/{decision_id}.{PURGED}.json")
        return next((path for name in names for path in self.folder.glob(name)), None)

    def _paths(self) -> Iterator[Path]:
        """Entries, newest first by the time they were written."""
        for day in sorted(_folders(self.folder), reverse=True):
            entries = [(entry.stat().st_mtime_ns, entry.path) for entry in os.scandir(day) if _is_entry(entry.name)]
            yield from (Path(path) for _, path in sorted(entries, reverse=True))


def _is_entry(name: str) -> bool:
    """Entries and what is left of purged ones; not the marks beside entries."""
    return name.endswith(f".{PURGED}.json") or (name.endswith(".json") and name.count(".") == 1)


def _with_marks(path: Path) -> dict[str, Any] | None:
    """The entry with what was done about it since."""
    entry = _read(path)
    if entry is None:
        return None
    released = path.with_name(f"{path.name.partition('.')[0]}.{RELEASED}.json")
    return {**entry, **(_read(released) or {})}


def _folders(folder: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):
        return [entry.path for entry in os.scandir(folder) if entry.is_dir()]
    return []


def _whole(part: Any) -> dict[str, Any]:
    text = part.value[:MAX_TEXT_BYTES]
    whole: dict[str, Any] = {"kind": part.kind.value, "where": part.where, "chars": len(part.value), "text": text}
    if part.provenance is not None:
        whole["provenance"] = part.provenance.value
    return whole


def _store(folder: Path, name: str, data: bytes) -> None:
    make_folder(folder)
    write_new(folder / name, data)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        entry = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) else None
