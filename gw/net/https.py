"""Outbound HTTP(S): `requests` in a native pool, so that a slow service never stalls the hub.

Knows nothing of what is asked. Invariant: an answer larger than the limit, a redirect, or more time than given is an
error; no request is repeated; `requests` is imported by the first call (12 MB that an idle gateway does not need).
"""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gw.errors import IntelError, Overloaded, UpstreamError
from gw.ports import Clock, Offload

if TYPE_CHECKING:
    import requests

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024


class Https:
    """Connections are pooled by host; at most *pool*'s workers are busy at once."""

    def __init__(self, pool: Offload, clock: Clock, user_agent: str) -> None:
        self._pool = pool
        self._clock = clock
        self._user_agent = user_agent
        self._session: requests.Session | None = None

    def get(self, url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
        """ports.HttpClient."""
        try:
            status, _, body = self.exchange("GET", url, headers, b"", timeout_s)
        except UpstreamError as error:
            raise IntelError(str(error)) from None
        return status, body

    def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with lower-case names, body. Raises UpstreamError("timeout" | "network" | "answer" | "busy");
        neither the URL nor the headers are in it."""
        if timeout_s <= 0:
            raise UpstreamError("timeout")
        ends = self._clock.monotonic() + timeout_s
        try:
            return self._pool.run(self._exchange, method, url, dict(headers), body, ends)
        except Overloaded:
            raise UpstreamError("busy") from None

    def _exchange(
        self, method: str, url: str, headers: dict[str, str], data: bytes, ends: float
    ) -> tuple[int, dict[str, str], bytes]:
        """Runs in a native thread."""
        import requests
        import urllib3

        session = self._session
        if session is None:
            session = requests.Session()
            session.headers["User-Agent"] = self._user_agent
            session.trust_env = False  # no proxy or .netrc that happens to lie around
            self._session = session
        left = ends - self._clock.monotonic()
        if left <= 0:
            raise UpstreamError("timeout")
        try:
            with contextlib.closing(
                session.request(
                    method, url, headers=headers, data=data or None, timeout=left, allow_redirects=False, stream=True
                )
            ) as response:
                # The timeout of `requests` is per read, and its own iterator waits for full chunks: a server that
                # drips must not stretch the whole, so take what is there and look at the clock.
                body = bytearray()
                while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise UpstreamError("answer")
                    if self._clock.monotonic() > ends:
                        raise UpstreamError("timeout")
                told = {name.lower(): value for name, value in response.headers.items()}
                return response.status_code, told, bytes(body)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise UpstreamError("timeout") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            raise UpstreamError("network") from None

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
