"""The obvious way to look at files and hash them: one path at a time, with the standard library."""

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gw._native.filehash import Row


def look(path: bytes) -> "Row":
    """A row as `sweep` gives it when nothing is known."""
    try:
        found = os.lstat(path)
    except OSError as error:
        return (error.errno or 0, 0, "", 0, 0, 0, 0, 0, 0, 0, 0, False)
    kind, digest, error_number = 2, "", 0
    try:
        if stat.S_ISREG(found.st_mode):
            kind, digest = 0, hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()
        elif stat.S_ISLNK(found.st_mode):
            kind, digest = 1, hashlib.sha256(os.readlink(path)).hexdigest()
    except OSError as error:
        error_number = error.errno or 0
    return (
        error_number, kind, digest, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_size,
        found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino, False,
    )  # fmt: skip
