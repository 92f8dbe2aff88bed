"""Whether a webhook was sent by who it says: the providers' signature schemes as pure functions.

Knows no HTTP: header values and the raw body come in. Invariant: secrets are compared in constant time and over the
bytes as received; the answer is "" for yes, or the reason for no, a word fit for a log; an empty secret never matches.

Sources: Slack "Verifying requests", Meta "Webhooks: validating payloads", Discord "Interactions: security", Telegram
setWebhook `secret_token`; executed truth: openclaw vectors/webhook_signatures.json.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

WINDOW_S: Final = 300  # Slack's own; either way, because clocks err in both directions
FORMAT: Final = "format"
STALE: Final = "stale"
MISMATCH: Final = "mismatch"
ED25519_SIGNATURE_BYTES: Final = 64


def stamped(version: str, secret: str, timestamp: str, body: bytes, signature: str, now_s: int) -> str:
    """`<version>=` and the hex HMAC-SHA256 over `<version>:<timestamp>:<body>`, with a timestamp (s) near now.

    Slack's scheme with version v0, ours for generic webhooks with v1.
    """
    prefix = version + "="
    reason = fresh(timestamp, now_s) if secret and signature.startswith(prefix) else FORMAT
    if reason:
        return reason
    signed = b"%b:%b:%b" % (version.encode(), timestamp.encode(), body)
    return _same(prefix + _digest(secret, signed), signature)


def fresh(timestamp: str, now_s: int) -> str:
    """Whether a signed time (s) is near now, either way."""
    if not (timestamp.isascii() and timestamp.isdigit()):
        return FORMAT
    return STALE if len(timestamp) > 12 or abs(now_s - int(timestamp)) > WINDOW_S else ""


def sign(version: str, secret: str, timestamp: str, body: bytes) -> str:
    """What `stamped` accepts; for calls we make under the same scheme."""
    signed = b"%b:%b:%b" % (version.encode(), timestamp.encode(), body)
    return f"{version}={_digest(secret, signed)}"


def hub(secret: str, body: bytes, header: str) -> str:
    """Meta's X-Hub-Signature-256. No time is signed: replays must be found by message id."""
    if not secret or not header.startswith("sha256="):
        return FORMAT
    return _same("sha256=" + _digest(secret, body), header)


def hub_challenge(query: Mapping[str, str], verify_token: str) -> tuple[int, str]:
    """Meta's GET handshake: status and body of the answer."""
    is_subscribe = query.get("hub.mode") == "subscribe"
    if not verify_token or not is_subscribe or _same(verify_token, query.get("hub.verify_token", "")):
        return 403, ""
    return 200, query.get("hub.challenge", "")


def shared(configured: str, header: str | None) -> str:
    """A secret sent as it is (Telegram's X-Telegram-Bot-Api-Secret-Token)."""
    return FORMAT if not configured or not header else _same(configured, header)


def ed25519(public_key: str, timestamp: str, body: bytes, signature: str) -> str:
    """Discord: Ed25519 over timestamp and body; key and signature in hex."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key, proof = bytes.fromhex(public_key), bytes.fromhex(signature)
    except ValueError:
        return FORMAT
    if len(proof) != ED25519_SIGNATURE_BYTES or not timestamp.isascii():
        return FORMAT
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(proof, timestamp.encode() + body)
    except InvalidSignature:
        return MISMATCH
    except ValueError:  # not a key
        return FORMAT
    return ""


def _digest(secret: str, data: bytes) -> str:
    return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()


def _same(expected: str, given: str) -> str:
    return "" if hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")) else MISMATCH
