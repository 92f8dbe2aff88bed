"""The tables of who is admitted with what; every refusal of upstream's is replayed in tests/conformance as well."""

from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gw.access import device as devices
from gw.access.admission import Admission, Asked, Facts, Secrets
from gw.access.device import Device, Signed
from gw.access.pairing import Pairings
from gw.access.throttle import LoginThrottle
from gw.errors import ConnectRefused
from gw.model.identity import Role
from tests.support.peers import MemoryFile

READ, WRITE, ADMIN = "operator.read", "operator.write", "operator.admin"
NONCE = "nonce-1"
LOCAL = Facts("127.0.0.1", True, "127.0.0.1:18789", None, NONCE, 1_000_000, 0.0)
REMOTE = LOCAL._replace(remote="192.0.2.7", is_local=False)
PAGE = "http://127.0.0.1:18789"

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in range(3)]


def asked(client="gateway-client/backend", *, scopes=(READ,), token=None, role="operator", **more):
    client_id, _, mode = client.partition("/")
    empty = dict.fromkeys(("device_family", "display_name", "build_id", "device", "password"))
    empty |= dict.fromkeys(("device_token", "bootstrap_token"))
    facts = {**empty, "platform": "linux", "token": token, **more}
    return Asked(client_id=client_id, client_mode=mode, role=role, scopes=tuple(scopes), **facts)


def with_device(request, key=0, nonce=NONCE):
    raw = KEYS[key].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    secret = next((t for t in (request.token, request.device_token, request.bootstrap_token) if t is not None), "")
    device = Device(devices.device_id(raw), urlsafe_b64encode(raw).decode().rstrip("="), "", 1_000_000, nonce)
    signed = Signed(
        *(request.client_id, request.client_mode, request.role, request.scopes, secret),
        *(request.platform, request.device_family or ""),
    )
    text = devices.payload("v3", device, signed)
    signature = urlsafe_b64encode(KEYS[key].sign(text.encode())).decode()
    return request._replace(device=device._replace(signature=signature))


class Door:
    """An Admission with everything around it."""

    def __init__(self, mode="token", secret="right", **options) -> None:
        self.pairings = Pairings(MemoryFile())
        self.throttle = LoginThrottle(most=3)
        self.admission = Admission(lambda: Secrets(mode, secret), self.pairings, self.throttle, **options)

    def admit(self, request, facts=LOCAL):
        return self.admission.admit(request, facts)

    def refuse(self, request, facts=LOCAL):
        with pytest.raises(ConnectRefused) as caught:
            self.admission.admit(request, facts)
        refused = caught.value
        return refused.error.code, (refused.error.details or {}).get("code"), refused.close_code


@pytest.mark.parametrize(
    ("client", "facts", "kept"),
    [
        ("cli/cli", LOCAL, True),
        ("gateway-client/backend", LOCAL, True),
        ("test/test", LOCAL, False),
        ("openclaw-probe/probe", LOCAL, False),
        ("cli/probe", LOCAL, False),
        ("webchat/webchat", LOCAL, False),
        ("openclaw-macos/ui", LOCAL, False),
        ("cli/cli", REMOTE, False),
        ("gateway-client/backend", REMOTE, False),
    ],
)
def test_scopes_without_a_device(client, facts, kept):
    admitted = Door().admit(asked(client, token="right"), facts)
    assert admitted.scopes == ((READ,) if kept else ())
    assert (admitted.method, admitted.issued, admitted.device_id) == ("token", None, None)


@pytest.mark.parametrize("client", ["cli/cli", "test/test", "webchat/webchat", "openclaw-ios/ui", "openclaw-tui/ui"])
def test_a_fresh_device_on_this_machine_is_paired_silently(client):
    door = Door()
    admitted = door.admit(with_device(asked(client, token="right")))
    assert admitted.scopes == (READ,)
    assert admitted.issued.scopes == (READ,)
    assert door.pairings.paired(admitted.device_id).approved_via == "silent"


def test_our_own_backend_needs_no_pairing_even_with_a_device():
    door = Door()
    admitted = door.admit(with_device(asked(token="right")))
    assert (admitted.scopes, admitted.issued) == ((READ,), None)
    assert door.pairings.all_paired() == []


def test_a_node_is_paired_without_scopes():
    admitted = Door().admit(with_device(asked("node-host/node", token="right", role="node", scopes=())))
    assert (admitted.role, admitted.scopes, admitted.issued.role) == (Role.NODE, (), "node")


def test_the_token_may_stand_in_the_password_field_and_the_other_way_round():
    assert Door().admit(asked(token=None, password="right")).method == "token"
    assert Door(mode="password").admit(asked(token="right")).method == "password"


def test_mode_none_is_for_this_machine_only():
    assert Door(mode="none", secret=None).admit(asked("cli/cli")).scopes == (READ,)
    door = Door(mode="none", secret=None)
    assert door.refuse(with_device(asked("cli/cli")), REMOTE) == ("INVALID_REQUEST", "AUTH_UNAUTHORIZED", 1008)


@pytest.mark.parametrize(
    ("request_", "facts", "expected"),
    [
        (asked(role="boss", token="right"), LOCAL, ("INVALID_REQUEST", None)),
        (asked(), LOCAL, ("NOT_PAIRED", "DEVICE_IDENTITY_REQUIRED")),
        (asked(token="wrong"), LOCAL, ("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH")),
        (asked(role="node", token="right"), LOCAL, ("NOT_PAIRED", "DEVICE_IDENTITY_REQUIRED")),
        (asked("openclaw-tui/ui", token="right"), LOCAL, ("INVALID_REQUEST", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED")),
        (with_device(asked("cli/cli")), LOCAL, ("INVALID_REQUEST", "AUTH_TOKEN_MISSING")),
        (with_device(asked("cli/cli", token="wrong")), LOCAL, ("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH")),
        (
            with_device(asked("cli/cli", device_token="wrong")),
            LOCAL,
            ("INVALID_REQUEST", "AUTH_DEVICE_TOKEN_MISMATCH"),
        ),
        (
            with_device(asked("cli/cli", token="right"), nonce="x"),
            LOCAL,
            ("INVALID_REQUEST", "DEVICE_AUTH_NONCE_MISMATCH"),
        ),
        (
            asked(token="right"),
            LOCAL._replace(origin="http://evil.example"),
            ("INVALID_REQUEST", "CONTROL_UI_ORIGIN_NOT_ALLOWED"),
        ),
        (
            with_device(asked("openclaw-control-ui/webchat", token="right")),
            LOCAL,
            ("INVALID_REQUEST", "CONTROL_UI_ORIGIN_NOT_ALLOWED"),
        ),
        (with_device(asked("cli/cli", token="right")), REMOTE, ("NOT_PAIRED", "PAIRING_REQUIRED")),
    ],
)
def test_refusals(request_, facts, expected):
    assert Door().refuse(request_, facts) == (*expected, 1008)


def test_a_remote_device_waits_for_approval_and_then_comes_in():
    door = Door()
    request = with_device(asked("cli/cli", token="right"))
    with pytest.raises(ConnectRefused) as caught:
        door.admit(request, REMOTE)
    details = caught.value.error.details
    assert (details["reason"], details["requestedScopes"]) == ("not-paired", [READ])
    assert details["requestId"] in caught.value.reason
    door.pairings.approve(details["requestId"], 1)
    assert door.admit(request, REMOTE).scopes == (READ,)
    assert door.refuse(with_device(asked("cli/cli", token="right", scopes=(ADMIN,))), REMOTE)[1] == "PAIRING_REQUIRED"


def test_a_device_token_admits_within_its_scopes():
    door = Door()
    issued = door.admit(with_device(asked("cli/cli", token="right", scopes=(READ, WRITE)))).issued
    for field in ("token", "device_token"):
        admitted = door.admit(with_device(asked("cli/cli", scopes=(READ,), **{field: issued.token})), REMOTE)
        assert (admitted.method, admitted.scopes) == ("device-token", (READ,))
    wider = with_device(asked("cli/cli", scopes=(ADMIN,), token=issued.token))
    assert door.refuse(wider) == ("INVALID_REQUEST", "AUTH_SCOPE_MISMATCH", 1008)
    foreign = with_device(asked("cli/cli", scopes=(READ,), token=issued.token), key=1)
    assert door.refuse(foreign) == ("INVALID_REQUEST", "AUTH_TOKEN_MISMATCH", 1008)


def test_a_revoked_device_token_admits_nobody():
    door = Door()
    admitted = door.admit(with_device(asked("cli/cli", token="right")))
    door.pairings.revoke(admitted.device_id, "operator", 2)
    request = with_device(asked("cli/cli", device_token=admitted.issued.token))
    assert door.refuse(request)[1] == "AUTH_DEVICE_TOKEN_MISMATCH"


def test_another_platform_must_be_approved_even_here():
    door = Door()
    door.admit(with_device(asked("cli/cli", token="right")))
    assert door.refuse(with_device(asked("cli/cli", token="right", platform="macos")))[1] == "PAIRING_REQUIRED"


def test_more_scopes_are_granted_silently_with_the_shared_secret():
    door = Door()
    first = door.admit(with_device(asked("cli/cli", token="right")))
    second = door.admit(with_device(asked("cli/cli", token="right", scopes=(ADMIN,))))
    assert second.scopes == (ADMIN,)
    assert second.issued.token != first.issued.token


def test_guessing_is_slowed_down_and_the_right_secret_does_not_help_meanwhile():
    door = Door()
    for _ in range(3):
        assert door.refuse(asked(token="wrong"))[1] == "AUTH_TOKEN_MISMATCH"
    assert door.refuse(asked(token="right"))[1] == "AUTH_RATE_LIMITED"
    assert door.admit(asked(token="right"), LOCAL._replace(monotonic=61.0)).method == "token"


def test_another_address_is_not_slowed_down():
    door = Door()
    for _ in range(4):
        door.refuse(asked(token="wrong"))
    assert door.admit(asked(token="right"), REMOTE).method == "token"


def test_a_stale_page_is_told_to_reload():
    door = Door(page_build="build-2")
    ui = asked("openclaw-control-ui/webchat", token="right", build_id="build-1")
    facts = LOCAL._replace(origin=PAGE)
    assert door.refuse(with_device(ui), facts) == ("UNAVAILABLE", "PROTOCOL_MISMATCH", 1008)
    assert door.admit(with_device(ui._replace(build_id="build-2")), facts).scopes == (READ,)
    elsewhere = LOCAL._replace(origin="http://127.0.0.1:9")
    assert door.admit(with_device(ui), elsewhere).scopes == (READ,)


def test_allowed_origins_are_read_anew_each_time():
    allowed = []
    door = Door(allowed_origins=lambda: allowed)
    facts = LOCAL._replace(origin="https://ops.example")
    ui = with_device(asked("openclaw-control-ui/webchat", token="right"))
    assert door.refuse(ui, facts)[1] == "CONTROL_UI_ORIGIN_NOT_ALLOWED"
    allowed.append("https://ops.example")
    assert door.admit(ui, facts).scopes == (READ,)


@pytest.mark.parametrize(
    ("request_", "facts", "hint"),
    [
        (asked("cli/cli", token="x"), LOCAL, "use this gateway's gateway.auth.token or pair the device"),
        (asked("cli/cli", token="x"), REMOTE, "set gateway.remote.token to match gateway.auth.token"),
        (asked(token="x"), LOCAL, "provide gateway auth token"),
        (asked("webchat/webchat", token="x"), LOCAL, "paste the token in Control UI settings"),
    ],
)
def test_the_advice_fits_the_client(request_, facts, hint):
    with pytest.raises(ConnectRefused, match=hint.replace("(", r"\(")):
        Door().admit(request_, facts)


def test_password_advice():
    with pytest.raises(ConnectRefused, match=r"gateway password mismatch .use this gateway's gateway.auth.password"):
        Door(mode="password").admit(asked("cli/cli", password="x"))
