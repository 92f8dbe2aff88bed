"""The signed picture of protected files, and what differs from it.

Knows no file system: states come in as values. Invariant: what the picture does not hold must be absent, so a planted
file counts as much as a changed one; a picture whose signature does not fit is refused, never used in part.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from gw.errors import StoreError
from gw.wire import json

VERSION: Final = 1
Verify = Callable[[bytes, bytes], bool]  # (message, signature) -> fits
Sign = Callable[[bytes], bytes]
Key = tuple[str, str]  # (watch, path)


class FileState(NamedTuple):
    """What is compared; `digest` is the hex SHA-256 of a regular file, the target's text for a link (`link:...`)."""

    digest: str
    mode: int  # permission bits
    uid: int
    gid: int
    size: int


class Change(NamedTuple):
    """One difference; `kind` is one of KINDS."""

    watch: str  # id of the watch, which is the id of the finding
    path: str
    kind: str
    before: FileState | None
    after: FileState | None

    @property
    def key(self) -> Key:
        return self.watch, self.path


KINDS: Final = ("appeared", "missing", "content", "mode", "owner")


class Baseline(NamedTuple):
    """`files` holds every protected file by (watch, path).

    `acknowledged` says when an operator accepted a change of that file; `maintenance_until_ms` ends a window in which
    watches that accept `operator-shell` may change without a word.
    """

    made_at_ms: int
    files: Mapping[Key, FileState]
    acknowledged: Mapping[Key, int] = {}
    maintenance_until_ms: int = 0

    def diff(self, observed: Mapping[Key, FileState]) -> tuple[Change, ...]:
        """Return every change, in order of watch and path."""
        changes = []
        for key in sorted(self.files.keys() | observed.keys()):
            before, after = self.files.get(key), observed.get(key)
            if before != after:
                changes.append(Change(*key, _kind(before, after), before, after))
        return tuple(changes)

    def accepting(self, changes: Iterable[Change], now_ms: int) -> "Baseline":
        """A picture in which these changes are the truth."""
        files, acknowledged = dict(self.files), dict(self.acknowledged)
        for change in changes:
            acknowledged[change.key] = now_ms
            if change.after is None:
                files.pop(change.key, None)
            else:
                files[change.key] = change.after
        return self._replace(files=files, acknowledged=acknowledged)

    def acknowledges(self, key: Key, seen_ms: int) -> bool:
        """Whether an operator has spoken about this file since *seen_ms*."""
        return self.made_at_ms >= seen_ms or self.acknowledged.get(key, -1) >= seen_ms

    def dump(self, sign: Sign) -> bytes:
        """The file's content: one line of picture, one line of signature over exactly those bytes."""
        picture = json.dumps(
            {
                "version": VERSION,
                "madeAtMs": self.made_at_ms,
                "maintenanceUntilMs": self.maintenance_until_ms,
                "acknowledged": [[*key, at_ms] for key, at_ms in sorted(self.acknowledged.items())],
                "files": [[*key, *state] for key, state in sorted(self.files.items())],
            }
        )
        return picture + b"\n" + sign(picture).hex().encode() + b"\n"

    @classmethod
    def load(cls, data: bytes, verify: Verify) -> "Baseline":
        """Raises StoreError saying what is wrong: cut short, not signed by our key, or of a newer version."""
        picture, _, rest = data.partition(b"\n")
        try:
            signature = bytes.fromhex(rest.strip().decode("ascii"))
        except ValueError:
            raise StoreError("the integrity baseline has no signature; run `clawgate integrity init`") from None
        if not verify(picture, signature):
            raise StoreError("the integrity baseline is not signed by this host's key: it was altered or copied")
        try:
            document = json.loads(picture)
            if document["version"] != VERSION:
                raise StoreError(f"the integrity baseline has version {document['version']}, not {VERSION}")
            return cls(
                int(document["madeAtMs"]),
                {(row[0], row[1]): FileState(*row[2:]) for row in document["files"]},
                {(watch, path): int(at_ms) for watch, path, at_ms in document["acknowledged"]},
                int(document["maintenanceUntilMs"]),
            )
        except (KeyError, TypeError, ValueError, IndexError):
            raise StoreError("the integrity baseline is signed but unreadable; run `clawgate integrity init`") from None


def _kind(before: FileState | None, after: FileState | None) -> str:
    if before is None:
        return "appeared"
    if after is None:
        return "missing"
    if (before.digest, before.size) != (after.digest, after.size):
        return "content"
    return "mode" if before.mode != after.mode else "owner"
