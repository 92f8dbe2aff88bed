"""Remembers what guards without memory said of an action, so that the same content is read once.

Knows no rule. Invariant: an answer is given again only for exactly the same content, names and policy, and only for a
short while; what depends on anything else (the host, the network, earlier calls) is never kept here.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, NamedTuple

from gw.model.action import Action
from gw.model.decision import Finding, PolicyRef
from gw.model.subject import Subject
from gw.ports import Clock

MAX_ENTRIES: Final = 512
MAX_CHARACTERS: Final = 2 * 1024  # of one action; longer ones are rarely said twice, and keeping them is not free
TTL_S: Final = 30.0  # exceptions of a policy end by time


class Answer(NamedTuple):
    subjects: tuple[Subject, ...]
    findings: tuple[Finding, ...]


class AnswerCache:
    """The least recently used entry goes first."""

    def __init__(self, clock: Clock, max_entries: int = MAX_ENTRIES) -> None:
        self.hits = 0
        self.misses = 0
        self._clock = clock
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()

    def key(self, action: Action, policy: PolicyRef) -> Hashable | None:
        """Everything an answer may depend on; None for what is not kept."""
        if sum(len(part.value) for part in action.parts) > MAX_CHARACTERS:
            return None
        # All of the action but its own id, its bytes' digest and size, and its connection.
        return (policy.generation, policy.digest, action[1:3], action[5:12], action[13:])

    def clear(self) -> None:
        """Give the memory back."""
        self._entries.clear()

    def get(self, key: Hashable) -> Answer | None:
        entry = self._entries.get(key)
        if entry is None or self._clock.monotonic() > entry[0]:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: Hashable, answer: Answer) -> None:
        self._entries[key] = (self._clock.monotonic() + TTL_S, answer)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)
