"""Webhook signatures: the vectors, and what no vector says."""

from typing import Any

import pytest

from gw.channels import signatures
from tests.support.shared import shared_json

VECTORS = shared_json("openclaw/vectors/webhook_signatures.json")


def named(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", VECTORS[kind], ids=lambda row: row["name"])


@named("slack")
def test_slack(row: dict[str, Any]) -> None:
    given, expect = row["input"], row["expect"]
    reason = signatures.stamped(
        "v0", given["secret"], given["timestamp"], given["body"].encode(), given["signature"], given["now"]
    )
    assert (reason == "") is expect["valid"]
    assert reason == expect.get("reason", reason)


@named("whatsapp")
def test_whatsapp(row: dict[str, Any]) -> None:
    given = row["input"]
    assert (signatures.hub(given["appSecret"], given["body"].encode(), given["header"]) == "") is row["expect"]["valid"]


@named("whatsapp_verify")
def test_whatsapp_handshake(row: dict[str, Any]) -> None:
    status, body = signatures.hub_challenge(row["input"]["query"], row["input"]["verifyToken"])
    assert status == row["expect"]["status"]
    assert body == row["expect"].get("body", "")


@named("discord")
def test_discord(row: dict[str, Any]) -> None:
    given = row["input"]
    reason = signatures.ed25519(given["publicKey"], given["timestamp"], given["body"].encode(), given["signature"])
    assert (reason == "") is row["expect"]["valid"]


@named("telegram")
def test_telegram(row: dict[str, Any]) -> None:
    assert (signatures.shared(row["input"]["configured"], row["input"]["header"]) == "") is row["expect"]["accepted"]


def test_what_we_sign_we_accept_and_only_in_its_scheme() -> None:
    signature = signatures.sign("v1", "secret", "1700000000", b"{}")
    assert signatures.stamped("v1", "secret", "1700000000", b"{}", signature, 1_700_000_000) == ""
    assert signatures.stamped("v0", "secret", "1700000000", b"{}", signature, 1_700_000_000) == "format"
    assert signatures.stamped("v1", "", "1700000000", b"{}", signature, 1_700_000_000) == "format"


@pytest.mark.parametrize("timestamp", ["9" * 13, "9" * 5000, "-1", "1.5", "１７"])
def test_odd_timestamps_are_refused(timestamp: str) -> None:
    assert signatures.stamped("v0", "secret", timestamp, b"", "v0=00", 1_700_000_000) in {"format", "stale"}


@pytest.mark.parametrize(
    ("key", "signature"), [("00", "00" * 64), ("zz", "00" * 64), ("", "00" * 64), ("00" * 32, "é")]
)
def test_a_bad_key_or_signature_is_no_crash(key: str, signature: str) -> None:
    assert signatures.ed25519(key, "1", b"", signature) in {"format", "mismatch"}


def test_an_unconfigured_handshake_is_refused() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "x"}
    assert signatures.hub_challenge(query, "") == (403, "")
