"""Our own device identity towards a real gateway: an Ed25519 key, and what a connect request shows of it.

Knows no sockets. Invariant: the key is made once, from a secret file that only its owner can read, so the gateway sees
the same device for as long as that file is kept.
"""

from typing import Any, Final

from gw._native.filehash import sha256
from gw.access.device import Device, Signed, device_id, encode_base64url, payload

SALT: Final = b"clawgate device key\0"


class OwnDevice:
    """`secret` is the content of the device's file, at least 24 random bytes in hexadecimal."""

    def __init__(self, secret: str) -> None:
        # Loaded here: it is large, and only what dials a gateway needs it.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = Ed25519PrivateKey.from_private_bytes(sha256(SALT + secret.encode()).digest())
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = device_id(public)
        self.public_key = encode_base64url(public)

    def proof(self, signed: Signed, nonce: str, signed_at_ms: int) -> dict[str, Any]:
        """`device` of connect params."""
        device = Device(self.id, self.public_key, "", signed_at_ms, nonce)
        signature = self._key.sign(payload("v3", device, signed).encode())
        return {
            "id": self.id,
            "publicKey": self.public_key,
            "signature": encode_base64url(signature),
            "signedAt": signed_at_ms,
            "nonce": nonce,
        }
