"""What a state backend must do, and the changes it is given.

Holds no I/O. Invariant: a backend applies a batch of changes wholly or not at all, in order, and `commit` returns only
when the batch would survive a power cut. Backends are called from one native thread, never from the hub.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from gw.errors import StoreError

FORMAT_VERSION: Final = 2  # of what is stored; older ones are brought forward by formats.py
_NAME: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,199}")

# Tables of small values; a transcript is not a table but a list of lines under a name that is never used twice.
ENTRIES: Final = "entry"  # stored session key -> entry
CLAIMS: Final = "claim"  # idempotency claims
PENDING: Final = "pending"  # accepted work that has not finished
DEAD: Final = "dead"  # work that will never be done, with the reason
META: Final = "meta"
TABLES: Final = (ENTRIES, CLAIMS, PENDING, DEAD, META)


class Put(NamedTuple):
    table: str
    key: str
    value: bytes  # JSON


class Drop(NamedTuple):
    table: str
    key: str


class Append(NamedTuple):
    transcript: str
    line: bytes  # JSON, without the line end


class Archive(NamedTuple):
    """Move a transcript out of the live state into the archive file `target` (a bare file name)."""

    transcript: str
    target: str


Change = Put | Drop | Append | Archive


class Loaded(NamedTuple):
    tables: Mapping[str, Mapping[str, bytes]]
    problems: tuple[str, ...] = ()  # what was damaged, what was set aside, what was kept


class StateStore(Protocol):
    @property
    def path(self) -> Path: ...

    def open(self) -> Loaded:
        """Take the state for this process alone and read it.

        Raises StoreError when another process has it, or when nothing readable is left of something that exists.
        """

    def commit(self, changes: Sequence[Change]) -> None:
        """Apply and make durable. Raises StoreError; then nothing of the batch counts as written."""

    def transcript(self, name: str) -> list[bytes]:
        """Return the lines of a transcript, oldest first; empty when there is none."""

    def transcripts(self) -> list[str]:
        """Return the names of all live transcripts."""

    def archive_path(self, target: str) -> Path:
        """Say where `Archive` puts a file."""

    def verify(self) -> list[str]:
        """Read everything that is stored and return what is wrong with it."""

    def close(self) -> None: ...


def kept_copy(path: Path, version: int) -> Path:
    """A free name for the copy of a state in an older format."""
    copy = path.with_name(f"{path.name}.format-{version}")
    number = 1
    while copy.exists():
        number += 1
        copy = path.with_name(f"{path.name}.format-{version}-{number}")
    return copy


def newer(path: Path, version: int) -> StoreError:
    """The error for a state that only a later clawgate can read: nothing is guessed, nothing is touched."""
    return StoreError(
        f"state {path} was written by a newer version of clawgate (format {version}, this one reads up to "
        f"{FORMAT_VERSION}): install that version again, or put back the copy its upgrade kept, "
        f"{path.name}.format-{FORMAT_VERSION} (docs/install.md, Go back)"
    )


def check_name(name: str) -> str:
    """Return a transcript or archive name that is safe as a file name.

    Raises:
        StoreError: it is not (a bug of ours: names are made, never taken from callers).
    """
    if (
        not 0 < len(name) <= 200
        or name[0] == "."
        or not all(c.isascii() and (c.isalnum() or c in "._~-") for c in name)
    ):
        raise StoreError(f"unusable transcript name {name[:40]!r}")
    return name
