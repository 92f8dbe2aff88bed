"""Whether a plain HTTP request comes from somebody who may see more than that the gateway lives.

Knows nothing of routes. Invariant: guessing over HTTP is slowed down by the same counter as guessing at connect.
"""

from collections.abc import Callable

from gw.access.admission import Secrets
from gw.access.pairing import Pairings
from gw.access.throttle import LoginThrottle
from gw.access.tokens import matches
from gw.modes.http_routes import bearer
from gw.net.http import Request
from gw.ports import Clock


class HttpAccess:
    """Accepts the shared secret, or an operator device's own token (what a paired page sends)."""

    def __init__(
        self, secrets: Callable[[], Secrets], pairings: Pairings, throttle: LoginThrottle, clock: Clock
    ) -> None:
        self._secrets = secrets
        self._pairings = pairings
        self._throttle = throttle
        self._clock = clock

    def __call__(self, request: Request) -> bool:
        secrets = self._secrets()
        if secrets.mode == "none":
            return True
        given = bearer(request)
        now = self._clock.monotonic()
        if given is None or self._throttle.wait_ms(request.remote, now):
            return False
        if matches(given, secrets.secret) or self._pairings.is_operator_token(given):
            return True
        self._throttle.failed(request.remote, now)
        return False
