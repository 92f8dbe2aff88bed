"""Waiting for what processes, threads and greenlets bring about: for as long as it takes, within a bound."""

import time
from collections.abc import Callable
from typing import Any

import gevent

DEADLINE_S = 60.0


def until(condition: Callable[[], Any], what: str = "it", timeout_s: float = DEADLINE_S, every_s: float = 0.01) -> Any:
    """What *condition* gives once that is true, greenlets running meanwhile; AssertionError says *what* never came.

    It is asked once more after the deadline: a machine that stood still has lost time, not its chance.
    """
    ends = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < ends, f"waited {timeout_s:g} s for {what}"
        gevent.sleep(every_s)
    return found
