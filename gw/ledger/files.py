"""Durable file operations the ledgers share; each is one job for the native store pool.

Knows no record. Invariant: what these return from has reached the disk, and a file either has its old content or its
new one, never a mixture.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700


def make_folder(folder: Path) -> None:
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def append(descriptor: int, data: bytes, size: int) -> int:
    """Write *data* at the end of a file of *size* bytes and sync it; returns the new size.

    A write that fails half-way is cut off again, so that a full disk leaves whole lines. Raises OSError.
    """
    try:
        at = 0
        while at < len(data):
            at += os.write(descriptor, data[at:])
        os.fdatasync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
    return size + len(data)


def write_new(path: Path, data: bytes) -> None:
    """Create *path* with its final content, mode 600. Raises FileExistsError when there is one already."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike rename, refuses to replace: the ledger is append-only
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
