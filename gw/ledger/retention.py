"""How long the ledgers keep what: by age, then by size, the oldest first.

Knows no record's meaning. Invariant: the file in use is never removed, and nothing younger than MIN_AGE_MS goes for its
size, so that what waits for a person keeps its text.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gw.ledger.decisions import CURRENT, files_of

logger = logging.getLogger(__name__)

DAY_MS: Final = 86_400_000
MIN_AGE_MS: Final = 2 * DAY_MS


class Keep(NamedTuple):
    """Limits of one ledger."""

    days: int
    max_bytes: int


class Pruned(NamedTuple):
    files: int = 0
    size_bytes: int = 0


class _File(NamedTuple):
    at_ms: int
    size_bytes: int
    path: Path


def prune_quarantine(folder: Path, keep: Keep, now_ms: int) -> Pruned:
    """Remove entries with their marks; folders of days that are empty then go too. Raises OSError."""
    pruned = _prune(sorted(_entries(folder)), keep, now_ms)
    for day in sorted(folder.iterdir()) if folder.is_dir() else ():
        if day.is_dir() and not any(day.iterdir()):
            day.rmdir()
    return pruned


def prune_decisions(folder: Path, keep: Keep, now_ms: int) -> Pruned:
    """Remove finished files of the decision log; verification starts at the oldest that is left. Raises OSError."""
    return _prune([_file(path) for path in files_of(folder) if path.name != CURRENT], keep, now_ms)


def _prune(files: list[_File], keep: Keep, now_ms: int) -> Pruned:
    """*files* are oldest first."""
    total = sum(file.size_bytes for file in files)
    removed = freed = 0
    for file in files:
        too_old = now_ms - file.at_ms > keep.days * DAY_MS
        too_much = total > keep.max_bytes and now_ms - file.at_ms > MIN_AGE_MS
        if not too_old and not too_much:
            continue
        file.path.unlink(missing_ok=True)
        total -= file.size_bytes
        removed += 1
        freed += file.size_bytes
    if removed:
        logger.info("ledger.pruned", extra={"ledger": files[0].path.parent.name, "files": removed, "bytes": freed})
    return Pruned(removed, freed)


def _entries(folder: Path) -> Iterator[_File]:
    for day in sorted(folder.iterdir()) if folder.is_dir() else ():
        for path in day.iterdir() if day.is_dir() else ():
            yield _file(path)


def _file(path: Path) -> _File:
    status = path.stat()
    return _File(status.st_mtime_ns // 1_000_000, status.st_size, path)
