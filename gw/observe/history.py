"""The last log lines, kept in memory for `logs.tail`.

Knows nothing of formats or files. Invariant: a cursor counts lines since start, so a reader that fell behind learns
that it did.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple


class Tail(NamedTuple):
    lines: tuple[str, ...]
    cursor: int  # where the next call goes on
    truncated: bool  # lines were skipped: gone from memory, or more than asked for
    reset: bool  # the cursor is from before a restart


class History:
    def __init__(self, limit: int) -> None:
        self._lines: deque[str] = deque(maxlen=limit)
        self._count = 0  # lines ever seen

    def append(self, line: str) -> None:
        self._lines.append(line)
        self._count += 1

    def tail(self, cursor: int | None, limit: int, max_bytes: int) -> Tail:
        """The newest lines after `cursor` (None: from the oldest kept), at most `limit` and `max_bytes` of UTF-8."""
        reset = cursor is not None and cursor > self._count
        first = self._count - len(self._lines)
        start = first if cursor is None or reset else max(cursor, first)
        missed = cursor is not None and not reset and cursor < first
        wanted = list(islice(self._lines, start - first, None))
        chosen: list[str] = []
        room = max_bytes
        for line in reversed(wanted[-limit:]):
            room -= len(line.encode("utf-8", "replace")) + 1
            if room < 0:
                break
            chosen.append(line)
        chosen.reverse()
        return Tail(tuple(chosen), self._count, missed or len(chosen) < len(wanted), reset)
