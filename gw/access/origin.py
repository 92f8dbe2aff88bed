"""Which web pages may open a connection.

Knows nothing of tokens. Invariant: a page of another site is refused whatever else it brings, because a browser sends
its user's reach (loopback) along without asking.
"""

from collections.abc import Collection
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

MISSING: Final = "origin missing or invalid"
NOT_ALLOWED: Final = "origin not allowed"

# The page of a client id that only ever runs in a browser.
BROWSER_CLIENTS: Final = frozenset({"openclaw-control-ui", "openclaw-browser-copilot"})


class Parsed(NamedTuple):
    origin: str  # scheme://host[:port], lower case
    host: str  # host[:port]
    hostname: str


def parse(origin: str | None) -> Parsed | None:
    text = (origin or "").strip().lower()
    if not text or text == "null" or len(text) > 1024:
        return None
    try:
        parts = urlsplit(text)
        hostname, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not parts.scheme or not hostname:
        return None
    shown = f"[{hostname}]" if ":" in hostname else hostname
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = shown if port in (None, default) else f"{shown}:{port}"
    return Parsed(f"{parts.scheme}://{host}", host, hostname)


def problem(origin: str | None, host: str | None, *, is_local: bool, allowed: Collection[str] = ()) -> str | None:
    """Why a page of this origin may not connect to the host name it used; None when it may."""
    parsed = parse(origin)
    if parsed is None:
        return MISSING
    if "*" in allowed or parsed.origin in {entry.strip().lower().rstrip("/") for entry in allowed}:
        return None
    if parsed.host == (host or "").strip().lower() and _is_private_name(parsed.hostname, is_local=is_local):
        return None
    if is_local and is_loopback(parsed.hostname):
        return None
    return NOT_ALLOWED


def is_same_page(origin: str | None, host: str | None) -> bool:
    """Whether the page itself was served from here."""
    parsed = parse(origin)
    return parsed is not None and parsed.host == (host or "").strip().lower()


def is_loopback(hostname: str) -> bool:
    if hostname == "localhost" or hostname.endswith(".localhost"):
        return True
    try:
        address = ip_address(hostname)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_private_name(hostname: str, *, is_local: bool) -> bool:
    """A name under which a page can be trusted to be ours: an outsider cannot make a browser resolve it elsewhere."""
    if is_loopback(hostname):
        return is_local
    try:
        return ip_address(hostname).is_private
    except ValueError:
        return hostname.endswith((".local", ".ts.net"))
