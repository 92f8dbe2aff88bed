"""What our device proves is what a gateway checks: its own verifier is the judge here."""

import pytest

from gw.access.device import Device, Signed, fault
from gw.modes.beside.device import OwnDevice

SIGNED = Signed("gateway-client", "backend", "operator", ("operator.admin",), "token", "linux", "")
NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    "change, holds", [({}, True), ({"nonce": "other"}, False), ({"now_ms": NOW_MS + 200_000}, False)]
)
def test_the_proof_holds_for_this_connection_only(change: dict[str, object], holds: bool) -> None:
    proof = OwnDevice("s" * 48).proof(SIGNED, "n", NOW_MS)
    device = Device(proof["id"], proof["publicKey"], proof["signature"], proof["signedAt"], proof["nonce"])
    checked = {"nonce": "n", "now_ms": NOW_MS} | change
    assert (fault(device, SIGNED, **checked) is None) is holds  # type: ignore[arg-type]


def test_the_same_secret_is_the_same_device() -> None:
    assert OwnDevice("a" * 48).id == OwnDevice("a" * 48).id != OwnDevice("b" * 48).id
    assert len(OwnDevice("a" * 48).id) == 64
