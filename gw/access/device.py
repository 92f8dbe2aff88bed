"""A device's identity: its Ed25519 key, the id made from it, and the signature over what it asks for.

Knows nothing of who is paired; the time and the expected nonce come in. Invariant: a device passes only with a fresh
signature over exactly the client, role, scopes and token of this connect request and this connection's nonce.
"""

from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import Final, NamedTuple

from gw._native.filehash import sha256
from gw.limits import SIGNED_SKEW_MS

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
# DER of SubjectPublicKeyInfo for Ed25519 up to the key itself (RFC 8410 section 4).
SPKI_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")


class Device(NamedTuple):
    """`device` of connect params, as received."""

    id: str
    public_key: str
    signature: str
    signed_at_ms: int
    nonce: str


class Signed(NamedTuple):
    """Everything the signature covers beside the device's own fields."""

    client_id: str
    client_mode: str
    role: str
    scopes: Sequence[str]
    token: str
    platform: str
    device_family: str


class Fault(NamedTuple):
    """Why a device proof fails; `reason` is upstream's word for it."""

    reason: str
    detail_code: str
    message: str


ID_MISMATCH: Final = Fault("device-id-mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH", "device identity mismatch")
STALE: Final = Fault("device-signature-stale", "DEVICE_AUTH_SIGNATURE_EXPIRED", "device signature expired")
NONCE_MISSING: Final = Fault("device-nonce-missing", "DEVICE_AUTH_NONCE_REQUIRED", "device nonce required")
NONCE_MISMATCH: Final = Fault("device-nonce-mismatch", "DEVICE_AUTH_NONCE_MISMATCH", "device nonce mismatch")
BAD_SIGNATURE: Final = Fault("device-signature", "DEVICE_AUTH_SIGNATURE_INVALID", "device signature invalid")


def public_key(text: str) -> bytes | None:
    """The 32 raw bytes of a key given as base64url or as PEM; None when it is neither."""
    if "BEGIN PUBLIC KEY" in text:
        body = "".join(line for line in text.splitlines() if line and not line.startswith("-----"))
        try:
            der = b64decode(body, validate=True)
        except (Base64Error, ValueError):
            return None
        return der[len(SPKI_PREFIX) :] if der.startswith(SPKI_PREFIX) and len(der) == 44 else None
    raw = decode_base64url(text)
    return raw if raw is not None and len(raw) == KEY_BYTES else None


def device_id(key: bytes) -> str:
    return sha256(key).hexdigest()


def encode_base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes | None:
    try:
        data = text.encode("ascii").rstrip(b"=")
        return urlsafe_b64decode(data + b"=" * (-len(data) % 4))
    except (UnicodeEncodeError, Base64Error, ValueError):
        return None


def payload(version: str, device: Device, signed: Signed) -> str:
    """The text a device signs: version v3 adds platform and device family to v2."""
    fields = [
        *(version, device.id, signed.client_id, signed.client_mode, signed.role, ",".join(signed.scopes)),
        *(str(device.signed_at_ms), signed.token, device.nonce),
    ]
    if version == "v3":
        fields += [signed.platform.strip().lower(), signed.device_family.strip().lower()]
    return "|".join(fields)


def fault(device: Device, signed: Signed, *, nonce: str, now_ms: int) -> Fault | None:
    """What is wrong with a device's proof, first things first as upstream does; None when it holds."""
    key = public_key(device.public_key)
    if key is None or device_id(key) != device.id:
        return ID_MISMATCH
    if abs(now_ms - device.signed_at_ms) > SIGNED_SKEW_MS:
        return STALE
    device = device._replace(nonce=device.nonce.strip())
    if not device.nonce:
        return NONCE_MISSING
    if device.nonce != nonce:
        return NONCE_MISMATCH
    signature = decode_base64url(device.signature)
    if signature is None or len(signature) != SIGNATURE_BYTES:
        return BAD_SIGNATURE
    texts = (payload(version, device, signed) for version in ("v3", "v2"))
    return None if any(_verifies(key, signature, text) for text in texts) else BAD_SIGNATURE


def _verifies(key: bytes, signature: bytes, text: str) -> bool:
    # Loaded when the first device connects: the library is large and most command-line calls bring no device.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text.encode("utf-8", "surrogatepass"))
    except (InvalidSignature, ValueError):
        return False
    return True
