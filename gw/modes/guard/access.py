"""Who may use the guard's own port at all, before the gateway behind it asks for anything.

Knows no routes. Invariant: what was shown to us alone is not handed on; guessing is slowed down as at every other door.

Clients cannot all send headers of their own choice, so the token is taken from a header, a cookie, or the address
(`?clawgate_token=`), which a page turns into the cookie.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from gw.access.throttle import LoginThrottle
from gw.access.tokens import matches
from gw.net.front import Asked
from gw.net.http import Response, error_response
from gw.ports import Clock

HEADER: Final = "x-clawgate-token"
COOKIE: Final = "clawgate_guard"
PARAMETER: Final = "clawgate_token"


class FrontAccess:
    """`secret` is None when everybody may (loopback only)."""

    def __init__(self, secret: Callable[[], str | None], throttle: LoginThrottle, clock: Clock) -> None:
        self._secret = secret
        self._throttle = throttle
        self._clock = clock

    def pass_for_us(self) -> dict[str, str]:
        """The headers that let our own probes in."""
        secret = self._secret()
        return {} if secret is None else {HEADER: secret}

    def admit(self, asked: Asked) -> tuple[Asked, Response | None]:
        secret = self._secret()
        if secret is None:
            return asked, None
        given, by_address = _given(asked)
        stripped = without_token(asked)
        if given is None or not self._is_right(given, secret, asked.facts.remote):
            message = "the guard in front of this gateway asks for its token"
            return stripped, error_response(401, "unauthorized", message)
        is_page = "text/html" in asked.facts.headers.get("accept", "")
        if by_address and asked.method == "GET" and is_page and "upgrade" not in asked.facts.headers:
            return stripped, _remember(stripped.target, given, is_tls=asked.facts.is_tls)
        return stripped, None

    def _is_right(self, given: str, secret: str, remote: str) -> bool:
        """Who has to wait is not heard, and what is not heard is no failure: the wait ends by itself."""
        now = self._clock.monotonic()
        if self._throttle.wait_ms(remote, now):
            return False
        if matches(given, secret):
            return True
        self._throttle.failed(remote, now)
        return False


def _given(asked: Asked) -> tuple[str | None, bool]:
    """The token, and whether it came in the address."""
    headers = asked.facts.headers
    if HEADER in headers:
        return headers[HEADER], False
    for name, value in parse_qsl(asked.target.partition("?")[2]):
        if name == PARAMETER:
            return value, True
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return unquote(value), False
    return None, False


def without_token(asked: Asked) -> Asked:
    """The request as the gateway may see it."""
    path, mark, query = asked.target.partition("?")
    pairs = query.split("&")
    others = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) != PARAMETER]  # read as `_given` reads it
    if len(others) < len(pairs):
        query, mark = "&".join(others), mark if others else ""
    headers = []
    for name, value in asked.headers:
        if name.lower() == "cookie" and COOKIE in value:
            value = "; ".join(pair.strip() for pair in value.split(";") if pair.strip().partition("=")[0] != COOKIE)
        if name.lower() != HEADER and value:
            headers.append((name, value))
    return asked._replace(target=f"{path}{mark}{query}", headers=tuple(headers))


def _remember(target: str, token: str, *, is_tls: bool) -> Response:
    """A page asked with the token in its address: keep it in a cookie and take it out of the address."""
    cookie = f"{COOKIE}={quote(token)}; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if is_tls else "")
    return Response(
        303, b"", "text/plain", (("Location", target), ("Set-Cookie", cookie), ("Cache-Control", "no-store"))
    )
