"""Types of the file hasher (pyx/filehash.pyx)."""

from collections.abc import Sequence
from typing import Final, final

FILE: Final[int]
LINK: Final[int]
OTHER: Final[int]

# (errno, kind, digest, mode, uid, gid, size, mtime_ns, ctime_ns, dev, ino, unchanged)
Row = tuple[int, int, str, int, int, int, int, int, int, int, int, bool]

@final
class Cancel:
    def cancel(self) -> None: ...
    @property
    def is_cancelled(self) -> bool: ...

def sweep(paths: list[bytes], known: Sequence[Row | None] | None = None, cancel: Cancel | None = None) -> list[Row]: ...
def hash_fd(fd: int, cancel: Cancel | None = None) -> str: ...
