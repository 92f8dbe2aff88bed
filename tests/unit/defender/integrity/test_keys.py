"""The signing key: what is refused, and that the halves belong together."""

import pytest

from gw.defender.integrity.keys import generate, signer, verifier
from gw.errors import StoreError


def test_the_halves_fit() -> None:
    private, public = generate()
    fits = verifier(public)
    signature = signer(private)(b"picture")
    assert fits(b"picture", signature)
    assert not fits(b"Picture", signature)
    assert not fits(b"picture", b"")


@pytest.mark.parametrize("text", [b"", b"-----BEGIN NONSENSE-----"])
def test_unusable_private_keys(text: bytes) -> None:
    with pytest.raises(StoreError, match="not a PEM"):
        signer(text)


def test_another_kind_of_key() -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(StoreError, match="not an Ed25519"):
        signer(pem)


@pytest.mark.parametrize("text", [b"", b"zz", b"abcd", b"\xff"])
def test_unusable_public_keys(text: bytes) -> None:
    with pytest.raises(StoreError, match="64 hex"):
        verifier(text)
