"""A Unix socket that takes one request a line and answers one line each: the way local plugins ask.

Knows nothing of what is asked. Invariant: a line is bounded, so is the number of lines being answered; a slow answer
stalls no other, and answers leave whole, in whatever order they are ready.
"""

import contextlib
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gevent import socket
from gevent.lock import Semaphore
from gevent.server import StreamServer

from gw.errors import Expired
from gw.hub import Deadline, spawn

logger = logging.getLogger(__name__)

MOST_LINE_BYTES: Final = 4 * 1024 * 1024  # a tool call that writes a large file carries the file
MOST_OPEN: Final = 256  # lines of one connection being answered
MOST_CONNECTIONS: Final = 64
READ_BYTES: Final = 64 * 1024
SEND_TIMEOUT_S: Final = 10.0
SOCKET_MODE: Final = 0o660


class LineServer:
    """`answer(line)` may wait; what it returns is sent with a newline. It must not raise."""

    def __init__(self, path: Path, answer: Callable[[bytes], bytes], group: int | None = None) -> None:
        """Bind now, so that a path that cannot be used shows at start (OSError)."""
        self.path = path
        self._answer = answer
        self._listener = _bind(path, group)
        self._server = StreamServer(self._listener, self._serve, spawn=MOST_CONNECTIONS)
        self._server.start()

    def stop(self) -> None:
        self._server.stop(timeout=1)
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _serve(self, client: socket.socket, address: object) -> None:
        client.settimeout(None)
        places, writing = Semaphore(MOST_OPEN), Semaphore(1)
        pending = bytearray()
        try:
            while chunk := client.recv(READ_BYTES):
                pending += chunk
                *lines, rest = pending.split(b"\n")
                for line in lines:
                    if line:
                        places.acquire()  # the plugin waits: it gets its place or gives up by its own deadline
                        spawn(self._one, client, bytes(line), places, writing)
                pending = bytearray(rest)
                if len(pending) > MOST_LINE_BYTES:
                    logger.info("lines.too_long", extra={"bytes": len(pending)})
                    return
        except OSError:
            return
        finally:
            client.close()

    def _one(self, client: socket.socket, line: bytes, places: Semaphore, writing: Semaphore) -> None:
        try:
            answer = self._answer(line)
            with writing, Deadline(SEND_TIMEOUT_S, "the asker"):
                client.sendall(answer + b"\n")
        except (OSError, Expired):  # the asker is gone; its own fail mode decides
            client.close()
        finally:
            places.release()


def _bind(path: Path, group: int | None) -> socket.socket:
    """A listening socket at *path*; a stale one of ours is replaced, anything else there is an error."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(17, "exists and is not a socket", str(path))
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise OSError(98, "another gateway listens here", str(path))
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Nobody may connect between bind and chmod.
    before = os.umask(0o777)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    if group is not None:
        os.chown(path, -1, group)
    path.chmod(SOCKET_MODE)
    listener.listen(64)
    return listener
