import pytest

from gw.access.pairing import Identity
from gw.methods.devices import Devices
from tests.support.openclaw import problems
from tests.support.peers import Stage

ADMIN, PAIRING, READ, WRITE = "operator.admin", "operator.pairing", "operator.read", "operator.write"
PHONE = Identity("phone", "key", "openclaw-ios", "ui", "ios", "iPhone", "My phone", "192.0.2.7")


def make(*scopes):
    stage = Stage()
    devices = Devices(stage.pairings, stage.bus, stage.clock)
    stage.pairings.listener = devices.announce
    stage.router.attach(devices)
    return stage, stage.enter(*(scopes or (ADMIN,)))


def ask(visitor, method, **params):
    visitor.ask(method, params)
    answer = visitor.last
    return answer.get("payload", answer.get("error"))


def test_the_list_shows_who_waits_and_who_is_paired():
    stage, visitor = make(PAIRING)
    now_ms = stage.clock.now_ms()
    pending = stage.pairings.request(PHONE, "operator", (READ,), "not-paired", now_ms)
    assert ask(visitor, "device.pair.list") == {
        "pending": [
            {
                "requestId": pending.request_id,
                "deviceId": "phone",
                "publicKey": "key",
                "displayName": "My phone",
                "platform": "ios",
                "deviceFamily": "iPhone",
                "clientId": "openclaw-ios",
                "clientMode": "ui",
                "remoteIp": "192.0.2.7",
                "role": "operator",
                "roles": ["operator"],
                "scopes": [READ],
                "silent": False,
                "isRepair": False,
                "ts": now_ms,
            }
        ],
        "paired": [],
    }
    stage.pairings.pair(PHONE, "operator", (READ,), 7)
    (paired,) = ask(visitor, "device.pair.list")["paired"]
    assert (paired["deviceId"], paired["approvedVia"], paired["connected"], paired["tokens"]) == (
        "phone",
        "silent",
        False,
        [],
    )


def test_approving_and_rejecting_are_told_to_those_who_may():
    stage, visitor = make(PAIRING, READ)
    reader = stage.enter(READ)
    for method, decision in (("device.pair.approve", "approved"), ("device.pair.reject", "rejected")):
        pending = stage.pairings.request(PHONE, "operator", (READ,), "not-paired", stage.clock.now_ms())
        (asked,) = visitor.link.events("device.pair.requested")
        assert problems("DevicePairRequestedEvent", asked["payload"]) == []
        assert ask(visitor, method, requestId=pending.request_id)["requestId"] == pending.request_id
        (resolved,) = visitor.link.events("device.pair.resolved")
        assert problems("DevicePairResolvedEvent", resolved["payload"]) == []
        assert resolved["payload"]["decision"] == decision
        visitor.link.sent.clear()
    assert reader.link.sent == []


def test_nobody_approves_more_than_he_has():
    stage, visitor = make(PAIRING, READ)
    pending = stage.pairings.request(PHONE, "operator", (ADMIN,), "not-paired", stage.clock.now_ms())
    error = ask(visitor, "device.pair.approve", requestId=pending.request_id)
    assert (error["code"], error["details"]["missingScope"]) == ("FORBIDDEN", ADMIN)
    assert stage.pairings.paired("phone") is None


def test_an_unknown_request():
    _, visitor = make()
    assert ask(visitor, "device.pair.approve", requestId="x")["message"] == "unknown requestId"
    assert ask(visitor, "device.pair.reject", requestId="x")["message"] == "unknown requestId"


class OnDevice:
    """A connection of a paired device that came in with its token."""

    def __init__(self, stage, visitor, method="device-token"):
        self.visitor = visitor
        client = visitor.client
        client.info = client.info._replace(device_id="phone", auth_method=method)


@pytest.mark.parametrize(
    ("method", "params", "closed"),
    [
        ("device.pair.remove", {}, (1008, "device removed")),
        ("device.token.revoke", {"role": "operator"}, (1008, "device token revoked")),
        ("device.token.rotate", {"role": "operator"}, (1008, "device token rotated")),
    ],
)
def test_whoever_loses_a_pairing_or_token_loses_the_connection(method, params, closed):
    stage, visitor = make()
    stage.pairings.pair(PHONE, "operator", (READ,), 1)
    stage.pairings.issue("phone", "operator", 1)
    phone = OnDevice(stage, stage.enter(READ)).visitor
    other = stage.enter(READ)
    answer = ask(visitor, method, deviceId="phone", **params)
    assert answer["deviceId"] == "phone"
    assert phone.link.closed_with == closed
    assert other.link.closed_with is None


def test_rotation_hands_the_token_to_the_device_or_an_administrator():
    stage, visitor = make()
    stage.pairings.pair(PHONE, "operator", (READ, WRITE), 1)
    answer = ask(visitor, "device.token.rotate", deviceId="phone", role="operator", scopes=[READ])
    assert problems("DeviceTokenRotateResult", answer) == []
    assert stage.pairings.check_token(answer["token"], "phone", "operator", (READ,)) is None
    helper = stage.enter(PAIRING, READ, WRITE)
    withheld = ask(helper, "device.token.rotate", deviceId="phone", role="operator")
    assert problems("DeviceTokenRotateResult", withheld) == []
    assert "token" not in withheld


def test_renaming():
    stage, visitor = make()
    stage.pairings.pair(PHONE, "operator", (), 1)
    assert ask(visitor, "device.pair.rename", deviceId="phone", label="Hers")["label"] == "Hers"
    assert stage.pairings.paired("phone").identity.display_name == "Hers"
    assert visitor.link.events("device.pair.changed")[0]["payload"]["deviceId"] == "phone"
    assert ask(visitor, "device.pair.rename", deviceId="x", label="y")["message"] == "unknown deviceId: x"
