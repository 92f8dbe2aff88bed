"""From a watch's globs to the files they mean on this host.

Runs in a native pool: it walks folders. Invariant: bounded (files and depth), follows no symbolic link out of a folder,
and reports a bound it hit instead of looking away.
"""

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from gw.errors import StoreError

MOST_FILES: Final = 100_000
MOST_DEPTH: Final = 32
MOST_ALTERNATIVES: Final = 64
MOST_PATTERN_CHARS: Final = 512
_BRACES: Final = re.compile(r"\{([^{}]*)\}")


def braces(pattern: str) -> tuple[str, ...]:
    """Expand {a,b} groups: "/x/{a,b}.md" -> ("/x/a.md", "/x/b.md"). Raises StoreError past the bound."""
    if len(pattern) > MOST_PATTERN_CHARS:
        raise StoreError(f"watched path longer than {MOST_PATTERN_CHARS} characters")
    pieces = _BRACES.split(pattern)  # odd places are the groups
    groups = [piece.split(",") if place % 2 else [piece] for place, piece in enumerate(pieces)]
    expanded = ("".join(chosen) for chosen in itertools.product(*groups))
    found = tuple(itertools.islice(expanded, MOST_ALTERNATIVES + 1))
    if len(found) > MOST_ALTERNATIVES:
        raise StoreError(f"{pattern}: more than {MOST_ALTERNATIVES} alternatives")
    return found


def absolute(patterns: Iterable[str], homes: Iterable[str]) -> tuple[str, ...]:
    """Expand braces, and `~` to each of *homes*; what is not absolute then is refused."""
    found: dict[str, None] = {}
    homes = tuple(homes)
    for pattern in patterns:
        for one in braces(pattern):
            for path in (home.rstrip("/") + one[1:] for home in homes) if one.startswith("~/") else (one,):
                if not path.startswith("/"):
                    raise StoreError(f"{pattern}: a watched path begins with / or ~/")
                found[os.path.normpath(path)] = None
    return tuple(found)


def fixed_folder(pattern: str) -> str:
    """The longest folder of a pattern without wildcards: where watching for changes begins."""
    parts = PurePosixPath(pattern).parts
    fixed = tuple(itertools.takewhile(lambda part: not _is_wild(part), parts))
    return str(PurePosixPath(*fixed[:-1] if len(fixed) == len(parts) else fixed))


def files(pattern: str) -> Iterator[str]:
    """Existing files and links a pattern means; `*` and `?` stay in a name, `**` crosses folders."""
    parts = PurePosixPath(pattern).parts
    yield from _walk("/", parts[1:], MOST_DEPTH)


def all_files(patterns: Iterable[str]) -> tuple[str, ...]:
    """Every file of the patterns once, sorted. Raises StoreError past MOST_FILES."""
    found = set(itertools.islice((path for pattern in patterns for path in files(pattern)), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        raise StoreError(f"more than {MOST_FILES} protected files; name fewer folders under `host.watch`")
    return tuple(sorted(found))


def _is_wild(part: str) -> bool:
    return any(character in part for character in "*?[")


def _walk(folder: str, parts: tuple[str, ...], depth: int) -> Iterator[str]:
    head, rest = parts[0], parts[1:]
    if not _is_wild(head):
        # os.path says False where a folder may not be looked into; Path would raise (another user's home).
        path = os.path.join(folder, head)  # noqa: PTH118
        if rest:
            if os.path.isdir(path):  # noqa: PTH112
                yield from _walk(path, rest, depth)
        elif os.path.islink(path) or (os.path.exists(path) and not os.path.isdir(path)):  # noqa: PTH110, PTH112, PTH114
            yield path
        return
    if depth == 0:
        return
    if head == "**" and rest:
        yield from _walk(folder, rest, depth)
    for entry in _entries(folder):
        is_folder = entry.is_dir(follow_symlinks=False)
        if head == "**":
            if is_folder:
                yield from _walk(entry.path, parts, depth - 1)
            elif not rest:
                yield entry.path
        elif _glob(head).fullmatch(entry.name):
            if rest and is_folder:
                yield from _walk(entry.path, rest, depth - 1)
            elif not rest and not is_folder:
                yield entry.path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:  # not there, or not ours to read: then nothing in it is watched, and `init` shows the count
        return []


def _glob(part: str) -> re.Pattern[str]:
    """A name's glob as a constant-size expression; names are at most 255 bytes, so `re` is bounded here."""
    text = re.escape(part).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(re.sub(r"\\\[(.*?)\\\]", lambda found: "[" + found[1].replace("\\-", "-") + "]", text), re.DOTALL)
