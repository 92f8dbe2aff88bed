"""What a group said since the agent last spoke there: allowed messages that were not meant for it.

In memory only, never in a transcript. Invariant: bounded per group, in groups and in characters; groups never mix.

Source: openclaw/ROUTING.md sections 1 and 4.3.
"""

from collections import OrderedDict, deque
from typing import Final

from gw.routing.replies import Said

PER_GROUP: Final = 50
GROUPS: Final = 1000
MOST_CHARS: Final = 2000  # of one message; what lies behind is not context any more


class Unmentioned:
    def __init__(self, per_group: int = PER_GROUP, groups: int = GROUPS) -> None:
        self._per_group = per_group
        self._most = groups
        self._groups: OrderedDict[str, deque[Said]] = OrderedDict()  # least recently spoken in first

    def add(self, group: str, sender: str, text: str) -> None:
        """`group` is `channel:account:kind:peer`."""
        said = self._groups.setdefault(group, deque(maxlen=self._per_group))
        said.append(Said(sender, text[:MOST_CHARS]))
        self._groups.move_to_end(group)
        while len(self._groups) > self._most:
            self._groups.popitem(last=False)

    def take(self, group: str) -> list[Said]:
        """All of it, once: the agent is about to answer."""
        return list(self._groups.pop(group, ()))

    def clear(self) -> None:
        """Give the memory back; what is lost is context only."""
        self._groups.clear()

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))
