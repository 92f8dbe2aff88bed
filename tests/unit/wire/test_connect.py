import pytest

from gw.errors import ConnectRefused
from gw.wire.connect import Server, hello_ok, negotiate, read
from tests.support.tables import shape_of

CLIENT = {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}
LEAST = {"minProtocol": 4, "maxProtocol": 4, "client": CLIENT}
IDS = (
    *("webchat-ui", "openclaw-control-ui", "openclaw-browser-copilot", "openclaw-tui", "webchat", "cli"),
    *("gateway-client", "openclaw-macos", "openclaw-linux", "openclaw-ios", "openclaw-watchos", "openclaw-android"),
    *("node-host", "openclaw-worker", "test", "fingerprint", "openclaw-probe"),
)
MODES = ["webchat", "cli", "ui", "backend", "node", "worker", "probe", "test"]


def read_it(params):
    return read(params, shape_of("connect"))


def test_defaults():
    params = read_it(LEAST)
    assert (params.role, params.scopes, params.caps, params.device, params.auth) == ("operator", (), (), None, {})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("client_id", IDS)
def test_every_published_client_is_read(client_id, mode):
    params = read_it({**LEAST, "client": {**CLIENT, "id": client_id, "mode": mode}})
    assert (params.client_id, params.client_mode) == (client_id, mode)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surprise": 1}, "at root: unexpected property 'surprise'"),
        ({"client": {**CLIENT, "id": "mine"}}, "at /client/id: must be equal to one of the allowed values"),
        ({"client": {**CLIENT, "mode": "operator"}}, "at /client/mode: must be equal to one of the allowed values"),
        ({"client": "cli"}, "at /client: must be object"),
        ({"minProtocol": 0}, "at /minProtocol: must be >= 1"),
        ({"scopes": [1]}, "at /scopes/0: must be string"),
        ({"role": ""}, "at /role: must not have fewer than 1 characters"),
        ({"device": {}}, "at /device: must have required property 'id'"),
        ({"auth": {"cookie": "x"}}, "at /auth: unexpected property 'cookie'"),
    ],
)
def test_closed_params(change, message):
    with pytest.raises(ConnectRefused) as caught:
        read_it({**LEAST, **change})
    assert str(caught.value) == f"invalid connect params: {message}"
    assert caught.value.close_code == 1008


def test_no_params_at_all():
    with pytest.raises(ConnectRefused, match="invalid connect params: must be object"):
        read_it(None)


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(4, 4, 4), (3, 3, 3), (3, 4, 4), (1, 9, 4), (1, 3, 3), (4, 9, 4)]
)
def test_negotiate(low, high, expected):
    assert negotiate(read_it({**LEAST, "minProtocol": low, "maxProtocol": high})) == expected


@pytest.mark.parametrize(("low", "high"), [(5, 6), (1, 2), (4, 3)])
def test_no_common_protocol(low, high):
    with pytest.raises(ConnectRefused) as caught:
        negotiate(read_it({**LEAST, "minProtocol": low, "maxProtocol": high}))
    assert caught.value.close_code == 1002
    assert caught.value.error.details == {
        "code": "PROTOCOL_MISMATCH",
        "clientMinProtocol": low,
        "clientMaxProtocol": high,
        "expectedProtocol": 4,
        "minimumProbeProtocol": 3,
    }


def hello(protocol):
    auth = {"method": "token", "role": "operator", "scopes": ["operator.read"]}
    server = Server("1.2.3", "build-1", "boot-1")
    return hello_ok(
        protocol, server, "conn-1", methods=["health"], events=["tick"], snapshot={"uptimeMs": 1}, auth=auth
    )


def test_hello_of_protocol_4():
    payload = hello(4)
    assert payload["protocol"] == 4
    assert payload["server"]["buildId"] == "build-1"
    assert payload["auth"]["method"] == "token"
    assert payload["features"] == {"methods": ["health"], "events": ["tick"], "capabilities": []}
    assert payload["policy"]["maxPayload"] == 26_214_400


def test_hello_of_protocol_3_has_only_what_it_knew():
    payload = hello(3)
    assert payload["server"] == {"version": "1.2.3", "connId": "conn-1"}
    assert payload["features"] == {"methods": ["health"], "events": ["tick"]}
    assert payload["auth"] == {"role": "operator", "scopes": ["operator.read"]}
    assert set(payload["policy"]) == {"maxPayload", "maxBufferedBytes", "tickIntervalMs"}
