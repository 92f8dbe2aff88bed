"""The order of what waits in the guard proxy: one lane per session, and what a held request keeps waiting.

Knows no frames and no verdicts. Invariant: requests of one lane leave in the order they came, but for what overtakes a
request that a person has to decide on: those that are not guarded. A request without a session never waits behind a
held one.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

NO_SESSION: Final = "\0"  # begins the lane of a method's requests that name no session; no session key has it


class State(Enum):
    FREE = "free"  # in no lane
    WAITING = "waiting"  # behind others of its lane
    JUDGING = "judging"
    STOPPED = "stopped"  # by its verdict; whoever asked is told once that is on record
    HELD = "held"  # for a person
    DONE = "done"  # passed on, or answered


FREE, WAITING, JUDGING, STOPPED, HELD, DONE = State  # every request passes several, and a class is slow to look up in


class Item:
    """One request (or one event for a node) on its way through the guard; `data` is what came and what will leave."""

    __slots__ = (
        *("data", "guarded", "id", "lane", "method", "opcode", "params", "patience_s", "raw", "repeat", "review"),
        "state",
    )

    def __init__(self, request_id: str, method: str, data: bytes, opcode: int, *, guarded: bool = True) -> None:
        self.id = request_id
        self.method = method
        self.data = data
        self.opcode = opcode
        self.guarded = guarded
        self.lane = ""
        self.params: Any = None
        self.raw = b""  # the bytes `params` were read from
        self.patience_s: float | None = None  # of whoever asked, where it says how long it waits
        self.repeat: tuple[str, str, str] | None = None  # its name in the table of idempotency keys
        self.review: str | None = None  # id of the held action it waits for
        self.state = FREE

    @property
    def is_done(self) -> bool:
        return self.state is DONE


class Lanes:
    """`judge(item)` is called when a guarded item's turn has come, `forward(item)` when an unguarded one's has."""

    def __init__(self, judge: Callable[[Item], None], forward: Callable[[Item], None]) -> None:
        self._judge = judge
        self._forward = forward
        self._lanes: dict[str, deque[Item]] = {}
        self._detached: dict[Item, None] = {}  # that nothing waits behind: held without a session, or blocked
        self.count = 0
        self.held = 0  # of those, how many wait for a person themselves
        self.bytes = 0

    def is_busy(self, lane: str) -> bool:
        """Whether an unguarded request of this lane has to wait."""
        queue = self._lanes.get(lane)
        return queue is not None and queue[0].review is None

    def add(self, item: Item) -> None:
        item.state = WAITING
        self.count += 1
        self.bytes += len(item.data)
        queue = self._lanes.setdefault(item.lane, deque())
        queue.append(item)
        if len(queue) == 1:
            self._begin(item)

    def hold(self, item: Item, review: str) -> None:
        """A person decides: what is not guarded goes on now; without a session so does everything behind it."""
        item.state = HELD
        again, item.review = item.review is not None, review
        if again:  # it was held before, and the answer was not for it
            return
        self.held += 1
        queue = self._lanes[item.lane]
        if item.lane.startswith(NO_SESSION):
            queue.popleft()
            self._detached[item] = None
            self._advance(item.lane, queue)
            return
        free = [each for each in queue if not each.guarded]
        self._lanes[item.lane] = deque(each for each in queue if each.guarded)
        for each in free:
            self._leave(each)
            self._forward(each)

    def stop(self, item: Item, *, for_good: bool) -> None:
        """Its verdict is not to let it pass; *for_good*: nobody can change that, so what is behind it goes on now."""
        item.state = STOPPED
        if for_good and item not in self._detached:
            queue = self._lanes[item.lane]
            queue.popleft()
            self._detached[item] = None
            self._advance(item.lane, queue)

    def retry(self, item: Item) -> None:
        """A person has answered: judge a held item again, this time with leave or without."""
        if item.state is HELD:
            self._begin(item)

    def finish(self, item: Item) -> None:
        """The item is passed on or answered: the next of its lane has its turn. Harmless when it is done already."""
        if item.state in (FREE, DONE):
            item.state = DONE
            return
        self._leave(item)
        if item in self._detached:
            del self._detached[item]
            return
        queue = self._lanes[item.lane]
        was_head = queue[0] is item
        queue.remove(item)
        if was_head:
            self._advance(item.lane, queue)

    def items(self) -> list[Item]:
        """Everything that waits, in order within each lane."""
        return [*self._detached, *(item for queue in self._lanes.values() for item in queue)]

    def _advance(self, lane: str, queue: deque[Item]) -> None:
        """Start the first that waits; unguarded ones need no verdict."""
        while queue:
            if queue[0].guarded:
                self._begin(queue[0])
                return
            item = queue.popleft()
            self._leave(item)
            self._forward(item)
        del self._lanes[lane]

    def _begin(self, item: Item) -> None:
        item.state = JUDGING
        self._judge(item)

    def _leave(self, item: Item) -> None:
        item.state = DONE
        self.count -= 1
        self.bytes -= len(item.data)
        self.held -= item.review is not None
