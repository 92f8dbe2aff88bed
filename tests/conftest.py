"""What holds for every test: loopback only, no deadlines on a shared machine, the reference folder by fixture."""

import logging
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support.shared import shared_path

# Time is measured by tests/bench; two busy cores would make deadlines flaky.
hypothesis.settings.register_profile(
    "clawgate", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("clawgate")


def is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        address = ip_address(str(host).split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def guard_sockets(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook, so that gevent's sockets and C code in this process are seen too."""
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if isinstance(address, tuple) and not is_local(address[0]):
            pytest.fail(f"{event} to {address[0]!r}: tests talk to loopback only")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not is_local(args[0]):
        pytest.fail(f"{event} of {args[0]!r}: tests resolve no names")


sys.addaudithook(guard_sockets)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A service sets up the whole process's logging: the next test must not inherit its level."""
    root, ours = logging.getLogger(), logging.getLogger("gw")
    before = (list(root.handlers), root.level, ours.level, logging.raiseExceptions)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.raiseExceptions = before[3]


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Path of a file in the read-only reference folder; skips with the reason when it is absent."""
    return shared_path
