"""Shared secrets: deriving them and comparing them without telling how much was right.

Knows nothing of where they are kept. Invariant: a comparison takes the same time wherever two texts differ, and an
empty secret matches nothing.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode


def matches(given: str | None, expected: str | None) -> bool:
    """Compare digests, so that lengths do not show either."""
    if not given or not expected:
        return False
    return hmac.compare_digest(_digest(given), _digest(expected))


def derived_token(secret: bytes, *parts: str) -> str:
    """The token that *secret* gives to *parts*; nothing but the secret has to be stored."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return urlsafe_b64encode(hmac.digest(secret, message, "sha256")).rstrip(b"=").decode()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
