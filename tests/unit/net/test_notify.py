"""The notifier against a datagram socket in the manager's place."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gw.net.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        yield listener


def test_messages_reach_the_manager_in_order(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("listening")
    notifier.alive()
    notifier.reloading(17)
    notifier.stopping()
    assert [manager.recv(200).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=listening",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=17",
        "STOPPING=1",
    ]
    notifier.close()
    notifier.alive()  # after close: dropped, not an error


def test_abstract_addresses() -> None:
    name = f"clawgate-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(30)
        notifier = Notifier({"NOTIFY_SOCKET": "@" + name})
        notifier.ready()
        assert listener.recv(200) == b"READY=1"
        notifier.close()


def test_no_manager_and_a_dead_one_are_both_silent(tmp_path: Path) -> None:
    Notifier({}).ready()
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    notifier.ready()
    notifier.close()


@pytest.mark.parametrize(
    "environ, beat_s",
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_beat_is_half_of_what_the_manager_asks(environ: dict[str, str], beat_s: float | None) -> None:
    assert Notifier(environ).watchdog_s == beat_s
