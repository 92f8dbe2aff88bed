"""Whether the package manager brought a file as it is now: by the checksums dpkg keeps of what it unpacked.

Runs in a native pool: it reads files. Invariant: only the exact content vouches; no record, or an unreadable one, is
no. A file that went missing has no content, so nobody vouches for that.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gw.defender.integrity.baseline import Change

INFO: Final = Path("/var/lib/dpkg/info")
MOST_BYTES: Final = 256 * 1024 * 1024  # larger files are never vouched for


def vouching(info: Path = INFO, root: Path = Path("/")) -> Callable[[Change], bool]:
    """Return a function for one sweep; the records are read once, when the first change needs them."""
    known: dict[str, str] = {}

    def vouched(change: Change) -> bool:
        if not known:
            known.update(_checksums(info))
            known.setdefault("", "")
        recorded = known.get(change.path.lstrip("/"))
        return recorded is not None and change.kind in ("content", "appeared") and recorded == _md5(root, change.path)

    return vouched


def _checksums(info: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for record in info.glob("*.md5sums"):
        try:
            lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            digest, _, path = line.partition("  ")
            found[path] = digest
    return found


def _md5(root: Path, path: str) -> str:
    try:
        file = root / path.lstrip("/")
        if file.is_symlink() or file.stat().st_size > MOST_BYTES:
            return ""
        with file.open("rb") as content:
            return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return ""
