"""Slows down guessing: how many logins of one address failed within the last minute.

Knows nothing of why they failed; the time comes in. Invariant: memory is bounded, whatever the number of addresses.
"""

from collections import OrderedDict, deque
from typing import Final

from gw.limits import AUTH_FAILURES_PER_MINUTE

WINDOW_S: Final = 60.0
ADDRESSES: Final = 4096


class LoginThrottle:
    def __init__(self, most: int = AUTH_FAILURES_PER_MINUTE) -> None:
        self._most = most
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_ms(self, address: str, now: float) -> int:
        """How long this address must wait before it may try again; 0 when it may now. `now` in monotonic seconds."""
        failures = self._recent(address, now)
        if failures is None or len(failures) < self._most:
            return 0
        return max(1, int((failures[0] + WINDOW_S - now) * 1000))

    def failed(self, address: str, now: float) -> None:
        failures = self._failures.setdefault(address, deque(maxlen=self._most))
        failures.append(now)
        self._failures.move_to_end(address)
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """A right secret clears the address: it is not guessing."""
        self._failures.pop(address, None)

    def _recent(self, address: str, now: float) -> deque[float] | None:
        failures = self._failures.get(address)
        if failures is None:
            return None
        while failures and failures[0] <= now - WINDOW_S:
            failures.popleft()
        if not failures:
            del self._failures[address]
            return None
        return failures
