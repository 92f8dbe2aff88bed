"""Work by key: one at a time and in order within a key, several keys side by side.

Knows nothing of the work. Invariant: at most `most` items wait, at most `side_by_side` are worked on; every key that
waits has its turn before one that had its turn comes again.
"""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from gw.errors import Overloaded
from gw.ports import Tasks

T = TypeVar("T")


class Lanes(Generic[T]):
    """`work` may wait; it must not raise."""

    def __init__(self, work: Callable[[T], object], tasks: Tasks, *, where: str, most: int, side_by_side: int) -> None:
        self._work = work
        self._tasks = tasks
        self._where = where
        self._most = most
        self._side_by_side = side_by_side
        self._lanes: dict[str, deque[T]] = {}
        self._ready: deque[str] = deque()
        self._running = 0
        self._waiting = 0
        self._is_stopped = False

    def __len__(self) -> int:
        """Items that wait or are being worked on."""
        return self._waiting

    def room(self) -> int:
        return self._most - self._waiting

    def stop(self) -> None:
        """Start no more of it; what is being worked on goes on."""
        self._is_stopped = True

    def put(self, key: str, item: T) -> None:
        """Raises Overloaded at once when too many wait."""
        if self.room() < 1:
            raise Overloaded(self._where)
        self._waiting += 1
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append(item)
            return
        self._lanes[key] = deque((item,))
        self._ready.append(key)
        if self._running < self._side_by_side:
            self._running += 1
            self._tasks.spawn(self._run)

    def _run(self) -> None:
        try:
            while self._ready and not self._is_stopped:
                key = self._ready.popleft()
                lane = self._lanes[key]
                try:
                    self._work(lane.popleft())
                finally:
                    self._waiting -= 1
                    if lane:
                        self._ready.append(key)
                    else:
                        del self._lanes[key]
        finally:
            self._running -= 1
