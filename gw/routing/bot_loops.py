"""Two bots that answer each other: after twenty messages in a minute both are ignored for one.

Knows no text. Invariant: both directions of a pair count together; pairs are bounded, the quietest go first.

Source: openclaw/ROUTING.md section 10.
"""

from collections import OrderedDict, deque
from typing import Final

MOST_EVENTS: Final = 20
WINDOW_MS: Final = 60_000
SILENCE_MS: Final = 60_000
PAIRS: Final = 1000


class BotLoops:
    def __init__(self) -> None:
        self._seen: OrderedDict[frozenset[str], deque[int]] = OrderedDict()
        self._silent_until: dict[frozenset[str], int] = {}

    def admit(self, one: str, other: str, now_ms: int) -> bool:
        """Count a message between two bot identities; False while the pair is being ignored."""
        pair = frozenset((one, other))
        if now_ms < self._silent_until.get(pair, 0):
            return False
        times = self._seen.setdefault(pair, deque(maxlen=MOST_EVENTS))
        self._seen.move_to_end(pair)
        while len(self._seen) > PAIRS:
            gone, _ = self._seen.popitem(last=False)
            self._silent_until.pop(gone, None)
        times.append(now_ms)
        if len(times) < MOST_EVENTS or now_ms - times[0] >= WINDOW_MS:
            return True
        times.clear()
        self._silent_until[pair] = now_ms + SILENCE_MS
        return False
