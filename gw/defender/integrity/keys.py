"""The key that signs integrity baselines: Ed25519, the private half kept apart from the service.

Knows no file: PEM and raw bytes come in. Invariant: the service needs only the public half, so who takes over the
service still cannot make a baseline it accepts. `cryptography` is imported by the first call.
"""

from collections.abc import Callable

from gw.errors import StoreError


def generate() -> tuple[bytes, bytes]:
    """Return (private PEM, public key as hex text)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, private.public_key().public_bytes_raw().hex().encode() + b"\n"


def signer(private_pem: bytes) -> Callable[[bytes], bytes]:
    """Raises StoreError when this is not an Ed25519 private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_pem, None)
    except (ValueError, TypeError):
        raise StoreError("the integrity key is not a PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError("the integrity key is not an Ed25519 key")
    return key.sign


def verifier(public_hex: bytes) -> Callable[[bytes, bytes], bool]:
    """Raises StoreError when this is not the hex text of an Ed25519 public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex.strip().decode("ascii")))
    except ValueError:
        raise StoreError("the integrity public key is not 64 hex digits") from None

    def fits(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return fits
