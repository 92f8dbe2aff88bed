"""Memory limits: what is given back, what is refused, and when it ends."""

import pytest

from gw.errors import Overloaded
from gw.observe.memory import MEBIBYTE, MemoryWatch
from gw.observe.rss import Memory


class Machine:
    def __init__(self) -> None:
        self.mib = 0
        self.given_back = 0

    def read(self) -> Memory:
        return Memory(self.mib * MEBIBYTE, self.mib * MEBIBYTE)

    def shed(self) -> None:
        self.given_back += 1


@pytest.fixture
def machine() -> Machine:
    return Machine()


def look(watch: MemoryWatch, machine: Machine, mib: int) -> tuple[bool, bool]:
    machine.mib = mib
    watch.sample()
    return watch.is_shedding, watch.is_refusing


def test_limits_are_reached_and_left_some_way_below(machine: Machine) -> None:
    watch = MemoryWatch(100, 200, [machine.shed], machine.read)
    watch.admit()
    assert look(watch, machine, 99) == (False, False)
    assert machine.given_back == 0
    assert look(watch, machine, 100) == (True, False)
    assert machine.given_back == 1
    assert look(watch, machine, 96) == (True, False)
    assert look(watch, machine, 200) == (True, True)
    with pytest.raises(Overloaded) as caught:
        watch.admit()
    assert caught.value.code == "UNAVAILABLE"
    assert caught.value.retry_after_ms
    assert look(watch, machine, 191) == (True, True)
    assert look(watch, machine, 94) == (False, False)
    watch.admit()
    assert (watch.sheds, machine.given_back, watch.rss_bytes) == (4, 4, 94 * MEBIBYTE)


def test_no_limits(machine: Machine) -> None:
    watch = MemoryWatch(0, 0, [machine.shed], machine.read)
    assert look(watch, machine, 1 << 20) == (False, False)
    assert machine.given_back == 0


def test_our_own_memory() -> None:
    watch = MemoryWatch(1, 1)
    watch.sample()
    assert watch.rss_bytes > MEBIBYTE
    assert watch.is_refusing
