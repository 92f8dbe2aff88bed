"""Pauses between attempts: short at first, doubling, back to short once something worked.

Knows nothing of what is attempted. Invariant: no pause is shorter than what was asked for; when nothing was asked
for, none is longer than MOST_S and its jitter.
"""

import random
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 1.0
MOST_S: Final = 30.0
JITTER: Final = 0.2


class Pace:
    def __init__(
        self,
        sleep: Callable[[float], object],
        first_s: float = FIRST_S,
        most_s: float = MOST_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._sleep = sleep
        self._first_s = first_s
        self._most_s = most_s
        self._jitter = jitter
        self._next_s = first_s

    def worked(self) -> None:
        self._next_s = self._first_s

    def failed(self, asked_s: float | None, least_s: float = 0.0) -> None:
        """Wait as long as the other side asked for, else as long as it is our turn to."""
        if asked_s is None:
            asked_s = self._next_s * (1 + JITTER * self._jitter())
            self._next_s = min(self._next_s * 2, self._most_s)
        self._sleep(max(asked_s, least_s))
