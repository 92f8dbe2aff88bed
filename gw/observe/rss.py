"""Memory of this process: how much it is, from /proc (Linux), and giving back what is free.

Invariant: never raises; on a system without /proc every figure is 0.
"""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

STATUS = Path("/proc/self/status")


class Memory(NamedTuple):
    rss_bytes: int  # resident now
    peak_bytes: int  # most ever resident


def parse_status(text: str) -> Memory:
    """Read VmRSS and VmHWM (proc_pid_status(5); kB means 1024 bytes)."""
    found = {"VmRSS": 0, "VmHWM": 0}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in found:
            number = rest.split()[:1]
            found[name] = int(number[0]) * 1024 if number and number[0].isdigit() else 0
    return Memory(found["VmRSS"], found["VmHWM"])


def read_memory(path: Path = STATUS) -> Memory:
    try:
        return parse_status(path.read_text("ascii", "replace"))
    except OSError:
        return Memory(0, 0)


def give_back() -> None:
    """Return freed pages to the system (malloc_trim(3)); glibc alone keeps those below what is still in use."""
    import ctypes

    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
