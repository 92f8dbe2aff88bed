"""How much memory we use, and what follows: past a soft limit caches are emptied, past a hard one new work is refused.

Knows no cache and no work: who can give memory back says so by a function. Invariant: a limit that was reached is left
only some way below it, so that nothing flutters; a limit of 0 is none; without /proc nothing is ever refused.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from gw.errors import Overloaded
from gw.observe.rss import Memory, read_memory

logger = logging.getLogger(__name__)

MEBIBYTE: Final = 1 << 20
LEAVE: Final = 0.95  # of a limit: below it the limit counts as left
RETRY_AFTER_MS: Final = 5000


class MemoryWatch:
    def __init__(
        self,
        soft_mib: int,
        hard_mib: int,
        shed: Sequence[Callable[[], object]] = (),
        read: Callable[[], Memory] = read_memory,
    ) -> None:
        self._soft = soft_mib * MEBIBYTE
        self._hard = hard_mib * MEBIBYTE
        self.shed = [*shed]
        self._read = read
        self.rss_bytes = 0
        self.sheds = 0  # times that caches were emptied
        self.is_shedding = False
        self.is_refusing = False

    def sample(self) -> None:
        """Look, and act; called every few seconds."""
        self.rss_bytes = self._read().rss_bytes
        if self._is_past(self._soft, self.is_shedding):
            if not self.is_shedding:
                logger.warning("memory.soft_limit", extra={"rss_mib": self.rss_bytes // MEBIBYTE})
            self.is_shedding = True
            self.sheds += 1
            for give_back in self.shed:
                give_back()
        else:
            self.is_shedding = False
        refusing = self._is_past(self._hard, self.is_refusing)
        if refusing != self.is_refusing:
            level = logging.ERROR if refusing else logging.WARNING
            word = "memory.hard_limit" if refusing else "memory.recovered"
            logger.log(level, word, extra={"rss_mib": self.rss_bytes // MEBIBYTE})
        self.is_refusing = refusing

    def admit(self) -> None:
        """Call before new work begins. Raises Overloaded past the hard limit."""
        if self.is_refusing:
            raise Overloaded("memory", RETRY_AFTER_MS)

    def _is_past(self, limit: int, already: bool) -> bool:
        return bool(limit) and self.rss_bytes >= (limit * LEAVE if already else limit)
