"""Readiness and watchdog messages to the service manager (sd_notify(3)).

Knows nothing of what is ready. Invariant: never blocks and never fails the service: where no manager listens, or its
socket is full, the message is dropped.
"""

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends state lines to $NOTIFY_SOCKET; does nothing when it is not set."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # A leading @ is the abstract namespace, which the kernel spells with a NUL.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        # The manager kills a service that is silent for WATCHDOG_USEC; half of it is the customary beat.
        own = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        micros = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s: float | None = int(micros) / 2e6 if own and micros.isdigit() and int(micros) > 0 else None

    def ready(self, status: str = "") -> None:
        self._send("READY=1" + (f"\nSTATUS={status}" if status else ""))

    def reloading(self, monotonic_us: int) -> None:
        """Tell that a reload began; `ready()` ends it. The time is CLOCK_MONOTONIC in microseconds."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        """One beat for the watchdog."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(message.encode(), self._address)
