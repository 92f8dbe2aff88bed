import pytest

from gw.methods.handshake import asked_of
from gw.methods.router import Call, rpc
from gw.model.identity import Role
from gw.wire.connect import read
from tests.support.peers import TOKEN, Stage
from tests.support.tables import shape_of

READ = "operator.read"
DEVICE = {"id": "d", "publicKey": "k", "signature": "s", "signedAt": 5, "nonce": "n"}


class Family:
    @rpc("health", inline=True)
    def health(self, call: Call):
        return {}

    @rpc("sessions.patchMany")
    def patch_many(self, call: Call):
        return {}


def test_who_came_in_is_known_from_then_on():
    stage = Stage(Family())
    client = stage.enter(READ, caps=["tool-events"], client={"displayName": "Me", "instanceId": "i1"}).client
    info = client.info
    assert (info.role, info.scopes, info.protocol, info.auth_method) == (Role.OPERATOR, {READ}, 4, "token")
    assert (info.client_id, info.display_name, info.instance_id, info.caps) == ("cli", "Me", "i1", {"tool-events"})
    assert (info.remote, info.is_local, info.device_id) == ("127.0.0.1", True, None)
    assert client.granted == (READ,)
    assert client.connected_at_ms == stage.clock.now_ms()


@pytest.mark.parametrize("remote", ["192.0.2.7", "2001:db8::1"])
def test_a_remote_program_without_a_device_has_no_scopes(remote):
    visitor = Stage(Family()).arrive(remote)
    visitor.connect(READ)
    assert visitor.last["payload"]["auth"]["scopes"] == []
    assert not visitor.client.info.is_local


def test_a_page_of_another_site_is_refused_by_its_origin_header():
    visitor = Stage(Family()).arrive(origin="http://evil.example")
    visitor.connect(READ)
    assert visitor.last["error"]["details"]["code"] == "CONTROL_UI_ORIGIN_NOT_ALLOWED"
    assert visitor.link.closed_with[0] == 1008


@pytest.mark.parametrize(("protocol", "methods"), [(4, ["health", "sessions.patchMany"]), (3, ["health"])])
def test_features_are_those_of_the_protocol(protocol, methods):
    visitor = Stage(Family()).arrive()
    visitor.connect(READ, minProtocol=protocol, maxProtocol=protocol)
    assert visitor.last["payload"]["features"]["methods"] == methods


def test_everything_admission_reads_is_taken_over():
    client = {"id": "cli", "version": "1", "platform": "Linux", "mode": "cli", "deviceFamily": "Linux"}
    auth = {"token": "t", "password": "p", "deviceToken": "d", "bootstrapToken": "b"}
    raw = {"minProtocol": 4, "maxProtocol": 4, "client": client, "device": DEVICE, "auth": auth, "scopes": [READ]}
    asked = asked_of(read(raw, shape_of("connect")))
    assert tuple(asked.device) == ("d", "k", "s", 5, "n")
    assert (asked.token, asked.password, asked.device_token, asked.bootstrap_token) == ("t", "p", "d", "b")
    assert (asked.platform, asked.device_family, asked.scopes, asked.role) == ("Linux", "Linux", (READ,), "operator")


def test_the_shared_secret_of_the_stage_is_what_counts():
    visitor = Stage(Family()).arrive()
    visitor.connect(READ, auth={"token": TOKEN + "x"})
    assert visitor.last["error"]["details"]["code"] == "AUTH_TOKEN_MISMATCH"
