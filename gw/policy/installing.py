"""Putting a checked set of policy files in force, and taking it back.

Knows no rules: whoever calls has checked them. Invariant: the folder in force is exchanged in one step, and what was
there before is kept.
"""

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAX_HISTORY: Final = 20
_EXCHANGE: Final = 2  # RENAME_EXCHANGE, linux/fs.h
_HERE: Final = -100  # AT_FDCWD


def stage(source: Path, live: Path, folder: Path) -> Path:
    """Copy what would be in force into *folder*: the set *source*, or the live one with the file *source* in it."""
    target = folder / "staged"
    target.mkdir(mode=0o755)
    if source.is_dir():
        _copy(source, target)
    else:
        if live.is_dir():
            _copy(live, target)
        shutil.copyfile(source, target / source.name)
    return target


def install(staged: Path, live: Path, history: Path, name: str) -> Path | None:
    """Exchange *live* for *staged*; returns where the former set is now (None: there was none). Raises OSError."""
    live.parent.mkdir(parents=True, exist_ok=True)
    ready = live.with_name(f".{live.name}.new")
    shutil.rmtree(ready, ignore_errors=True)
    _copy_tree(staged, ready)
    if not live.exists():
        ready.rename(live)
        return None
    _exchange(ready, live)
    kept = _next(history, name)
    shutil.move(ready, kept)
    for old in _entries(history)[:-MAX_HISTORY]:
        shutil.rmtree(old, ignore_errors=True)
    return kept


def latest(history: Path) -> Path | None:
    """The set that was in force before the present one."""
    return next(iter(reversed(_entries(history))), None)


def _entries(history: Path) -> list[Path]:
    return sorted(path for path in history.glob("*") if path.is_dir()) if history.is_dir() else []


def _next(history: Path, name: str) -> Path:
    history.mkdir(mode=0o700, parents=True, exist_ok=True)
    last = latest(history)
    number = int(last.name.partition("-")[0]) + 1 if last is not None else 1
    return history / f"{number:06d}-{name}"


def _copy(source: Path, target: Path) -> None:
    for file in _policy_files(source):
        path = target / file.relative_to(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, path)


def _policy_files(folder: Path) -> Iterator[Path]:
    """Policies, their tests and signatures; nothing hidden."""
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.is_file() and not hidden and file.suffix in (".yaml", ".json", ".sig"):
            yield file


def _copy_tree(source: Path, target: Path) -> None:
    """Copy and sync, so that a crash after the exchange finds whole files."""
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders of one file system in one step. Raises OSError."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, "renameat2 is missing from this system's C library")
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))
