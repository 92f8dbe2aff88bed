"""One look-up after the other's answer: cache, quota, circuit breaker, then the network.

Knows no socket: it asks an HttpClient. Invariant: at most the account's quota of requests a minute leave, and a service
that fails is left alone for a while; both show as an IntelError, never as a clean report.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from gw.defender.virustotal.cache import Cache
from gw.defender.virustotal.client import REASONS, Indicator, Report, read
from gw.errors import IntelError
from gw.ports import Clock, HttpClient

MINUTE_S: Final = 60.0
FREE_PER_MINUTE: Final = 4  # the public API's limit
FAILURES_TO_OPEN: Final = 3
OPEN_S: Final = 60.0
# These say that nobody can be asked now, so the breaker counts them; a 404 or an odd answer does not.
_OUTAGES: Final = frozenset({"key", "busy", "timeout", "network"})


class Lookup:
    """`key()` returns the API key; `on_outcome` is told one of REASONS, "cached" or "answered" for each look-up."""

    def __init__(
        self,
        http: HttpClient,
        clock: Clock,
        key: Callable[[], str],
        *,
        base_url: str,
        cache: Cache | None = None,
        per_minute: int = FREE_PER_MINUTE,
        on_outcome: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        self.cache = Cache() if cache is None else cache
        self._http = http
        self._clock = clock
        self._key = key
        self._base_url = base_url.rstrip("/")
        self._per_minute = per_minute
        self._sent: deque[float] = deque()
        self._failures = 0
        self._open_until = 0.0
        self._outcome = on_outcome

    def ask(self, indicator: Indicator, timeout_s: float) -> Report:
        """Return what is known; may wait up to *timeout_s*. Raises IntelError with one of REASONS."""
        found = self.cache.get(indicator, self._clock.now_ms())
        if found is not None:
            self._outcome("cached")
            return found
        try:
            report = self._fetch(indicator, timeout_s)
        except IntelError as error:
            reason = str(error) if str(error) in REASONS else "network"
            self._outcome(reason)
            if reason in _OUTAGES:
                self._count_failure()
            raise IntelError(reason) from None
        self._failures = 0
        self._outcome("answered")
        self.cache.put(indicator, report, self._clock.now_ms())
        return report

    def _fetch(self, indicator: Indicator, timeout_s: float) -> Report:
        now = self._clock.monotonic()
        if now < self._open_until:
            raise IntelError("open-circuit")
        while self._sent and now - self._sent[0] >= MINUTE_S:
            self._sent.popleft()
        if len(self._sent) >= self._per_minute:
            raise IntelError("quota")
        self._sent.append(now)
        headers = {"x-apikey": self._key(), "accept": "application/json"}
        status, body = self._http.get(self._base_url + indicator.path, headers, timeout_s)
        return read(status, body)

    def _count_failure(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            # Half-open afterwards: one failure more opens it again.
            self._failures = FAILURES_TO_OPEN - 1
            self._open_until = self._clock.monotonic() + OPEN_S
