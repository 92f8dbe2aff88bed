"""Shared secrets: deriving them and comparing them without telling how much was right.

Knows nothing of where they are kept. Invariant: a comparison takes the same time wherever two texts differ, and an
empty secret matches nothing.
"""

from _operator import _compare_digest as compare_digest  # what hmac's is without OpenSSL, which hmac would load
from base64 import urlsafe_b64encode
from typing import Final

from gw._native.filehash import sha256

BLOCK_BYTES: Final = 64


def matches(given: str | None, expected: str | None) -> bool:
    """Compare digests, so that lengths do not show either."""
    if not given or not expected:
        return False
    return compare_digest(_digest(given), _digest(expected))


def derived_token(secret: bytes, *parts: str) -> str:
    """The token that *secret* gives to *parts*; nothing but the secret has to be stored."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return urlsafe_b64encode(hmac_sha256(secret, message)).rstrip(b"=").decode()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """RFC 2104."""
    block = (sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
