"""Linux inotify(7): hears at once that something in a folder changed, so that a sweep can look.

Knows nothing of what is protected. Invariant: it may say "look" too often (an overflow means: look everywhere), never
too seldom; the slow full sweep covers what the kernel cannot watch (a folder over the limit, a network file system).
"""

import ctypes
import errno
import logging
import os
import struct
from collections.abc import Callable
from typing import Any, Final

import gevent

logger = logging.getLogger(__name__)

IN_MODIFY: Final = 0x002
IN_ATTRIB: Final = 0x004
IN_MOVED_FROM: Final = 0x040
IN_MOVED_TO: Final = 0x080
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_DELETE_SELF: Final = 0x400
IN_Q_OVERFLOW: Final = 0x4000
IN_IGNORED: Final = 0x8000
IN_ONLYDIR: Final = 0x01000000
IN_DONT_FOLLOW: Final = 0x02000000
INTEREST: Final = IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF
HEADER: Final = struct.Struct("iIII")  # wd, mask, cookie, length of the name that follows
BUFFER_BYTES: Final = 64 * 1024
MOST_FOLDERS: Final = 4096  # the kernel's default limit for all of a user's programs is 8192


class Inotify:
    """`on_change(folder)` runs on the hub and must not block; "" means that events were lost."""

    def __init__(self, on_change: Callable[[str], None]) -> None:
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), "inotify")
        self._on_change = on_change
        self._folders: dict[int, str] = {}
        self._watcher = gevent.get_hub().loop.io(self._fd, 1)
        self._watcher.start(self._read)

    def watch(self, folder: str) -> bool:
        """Listen to one folder (not those below it). False when it cannot be watched; asking twice is harmless."""
        if len(self._folders) >= MOST_FOLDERS:
            return False
        name = os.fsencode(folder)
        number: int = self._libc.inotify_add_watch(self._fd, name, INTEREST | IN_ONLYDIR | IN_DONT_FOLLOW)
        if number < 0:
            code = ctypes.get_errno()
            if code not in (errno.ENOENT, errno.ENOTDIR):
                logger.warning("inotify.refused", extra={"errno": errno.errorcode.get(code, code)})
            return False
        self._folders[number] = folder
        return True

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(self._folders.values())

    def _read(self) -> None:
        try:
            data = os.read(self._fd, BUFFER_BYTES)
        except BlockingIOError:
            return
        changed: dict[str, None] = {}
        offset = 0
        while offset < len(data):
            number, mask, _, length = HEADER.unpack_from(data, offset)
            offset += HEADER.size + length
            if mask & IN_Q_OVERFLOW:
                changed[""] = None
            elif mask & IN_IGNORED:
                self._folders.pop(number, None)
            elif number in self._folders:
                changed[self._folders[number]] = None
        for folder in changed:
            self._on_change(folder)

    def close(self) -> None:
        if self._fd >= 0:
            self._watcher.stop()
            self._watcher.close()
            os.close(self._fd)
            self._fd = -1
