"""The published vectors are fixed; everything else signs with a key of its own."""

import json
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gw.access import device as devices
from gw.access.device import BAD_SIGNATURE, ID_MISMATCH, NONCE_MISMATCH, NONCE_MISSING, STALE, Device, Signed
from gw.limits import SIGNED_SKEW_MS
from tests.support.shared import shared_path

NOW = 1_795_000_000_000
NONCE = "11111111-2222-3333-4444-555555555555"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
SIGNED = Signed("cli", "cli", "operator", ("operator.read",), "secret", "Linux", "Linux")


def made(*, version="v3", signed=SIGNED, at_ms=NOW, nonce=NONCE, key=None, device_id=None, signature=None):
    public = key if key is not None else urlsafe_b64encode(RAW).rstrip(b"=").decode()
    device = Device(device_id or devices.device_id(RAW), public, "", at_ms, nonce)
    text = devices.payload(version, device, signed)
    return device._replace(signature=signature or urlsafe_b64encode(KEY.sign(text.encode())).rstrip(b"=").decode())


def check(device, signed=SIGNED, nonce=NONCE):
    return devices.fault(device, signed, nonce=nonce, now_ms=NOW)


@pytest.mark.parametrize("index", range(3))
def test_published_vectors(index):
    table = json.loads(shared_path("openclaw/device_auth_vectors.json").read_text())
    case = table["cases"][index]
    given = case["input"]
    signed = Signed(
        *(given["client"], given["mode"], given["role"], given["scopes"], given["token"]),
        *(given["platform"], given.get("deviceFamily", "")),
    )
    device = Device(
        table["deviceId"], table["publicKeyBase64Url"], case["signature"], given["signedAt"], given["nonce"]
    )
    assert devices.payload(case["version"], device, signed) == case["payload"]
    assert devices.fault(device, signed, nonce=given["nonce"], now_ms=given["signedAt"]) is None


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_both_versions_are_accepted(version):
    assert check(made(version=version)) is None


def test_a_pem_key_is_accepted():
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert check(made(key=pem)) is None


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (made(device_id="00" * 32), ID_MISMATCH),
        (made(key="AAAA"), ID_MISMATCH),
        (made(key="ä"), ID_MISMATCH),
        (made(key="-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----"), ID_MISMATCH),
        (made(key="-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"), ID_MISMATCH),
        (made(at_ms=NOW - SIGNED_SKEW_MS), None),
        (made(at_ms=NOW - SIGNED_SKEW_MS - 1), STALE),
        (made(at_ms=NOW + SIGNED_SKEW_MS + 1), STALE),
        (made(nonce=" "), NONCE_MISSING),
        (made(nonce="other"), NONCE_MISMATCH),
        (made(signature="AAAA"), BAD_SIGNATURE),
        (made(signature="A" * 86), BAD_SIGNATURE),
        (made(signed=SIGNED._replace(scopes=("operator.admin",))), BAD_SIGNATURE),
        (made(signed=SIGNED._replace(token="")), BAD_SIGNATURE),
        (made(signed=SIGNED._replace(platform="macos")), BAD_SIGNATURE),
        (made(version="v2", signed=SIGNED._replace(platform="macos")), None),
    ],
)
def test_faults(device, expected):
    assert check(device) == expected


def test_platform_and_family_are_compared_trimmed_and_in_lower_case():
    assert check(made(signed=SIGNED._replace(platform=" LINUX ", device_family="linux"))) is None


def test_earlier_checks_come_first():
    assert check(made(device_id="00" * 32, at_ms=0, nonce="other")) == ID_MISMATCH
    assert check(made(at_ms=0, nonce="other")) == STALE
