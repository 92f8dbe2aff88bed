import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gw.access.pairing import Identity, Pairings
from gw.access.scopes import covers
from gw.errors import InvalidRequest, Overloaded
from gw.limits import MAX_PENDING_PAIRINGS, PAIRING_TTL_MS
from tests.support.peers import MemoryFile

READ, WRITE, ADMIN = "operator.read", "operator.write", "operator.admin"


def identity(name="d1", **changes):
    facts = {"client_id": "cli", "client_mode": "cli", "platform": "linux", "public_key": f"key-{name}"}
    return Identity(device_id=name, **{**facts, **changes})


def make():
    heard = []
    file = MemoryFile()
    return Pairings(file, lambda *change: heard.append(change)), file, heard


def test_a_fresh_device_needs_pairing_and_then_does_not():
    pairings, _, _ = make()
    assert pairings.upgrade_needed(identity(), "operator", (READ,)) == "not-paired"
    pairings.pair(identity(), "operator", (READ,), 1)
    assert pairings.upgrade_needed(identity(), "operator", (READ,)) is None


@pytest.mark.parametrize(
    ("who", "role", "scopes", "expected"),
    [
        (identity(), "operator", (WRITE,), "scope-upgrade"),
        (identity(), "node", (), "role-upgrade"),
        (identity(platform="macos"), "operator", (READ,), "metadata-upgrade"),
        (identity(device_family="Mac"), "operator", (READ,), "metadata-upgrade"),
        (identity(public_key="other"), "operator", (READ,), "not-paired"),
        (identity(display_name="renamed", client_id="test"), "operator", (READ,), None),
    ],
)
def test_what_must_be_approved_again(who, role, scopes, expected):
    pairings, _, _ = make()
    pairings.pair(identity(), "operator", (READ,), 1)
    assert pairings.upgrade_needed(who, role, scopes) == expected


def test_a_request_waits_is_approved_once_and_is_told():
    pairings, _, heard = make()
    pending = pairings.request(identity(), "operator", (READ,), "not-paired", 1)
    assert [p.request_id for p in pairings.all_pending(1)] == [pending.request_id]
    device = pairings.approve(pending.request_id, 2)
    assert (device.scopes, device.approved_via) == ((READ,), "owner")
    assert pairings.all_pending(2) == []
    assert [kind for kind, _, _ in heard] == ["requested", "approved"]
    with pytest.raises(InvalidRequest, match="unknown requestId"):
        pairings.approve(pending.request_id, 3)


def test_asking_again_keeps_the_request_and_asking_for_more_replaces_it():
    pairings, _, heard = make()
    first = pairings.request(identity(), "operator", (READ,), "not-paired", 1)
    assert pairings.request(identity(), "operator", (READ,), "not-paired", 2) == first
    assert len(heard) == 1
    second = pairings.request(identity(), "operator", (WRITE,), "not-paired", 3)
    assert [p.request_id for p in pairings.all_pending(3)] == [second.request_id]


def test_requests_expire():
    pairings, _, _ = make()
    pending = pairings.request(identity(), "operator", (), "not-paired", 0)
    assert pairings.all_pending(PAIRING_TTL_MS - 1) != []
    with pytest.raises(InvalidRequest):
        pairings.reject(pending.request_id, PAIRING_TTL_MS)


def test_no_more_requests_wait_than_the_limit():
    pairings, _, _ = make()
    for i in range(MAX_PENDING_PAIRINGS):
        pairings.request(identity(f"d{i}"), "operator", (), "not-paired", 1)
    with pytest.raises(Overloaded):
        pairings.request(identity("one-more"), "operator", (), "not-paired", 1)


def test_rejecting_leaves_the_device_unpaired():
    pairings, _, heard = make()
    pending = pairings.request(identity(), "operator", (), "not-paired", 1)
    assert pairings.reject(pending.request_id, 1).identity == identity()
    assert pairings.paired("d1") is None
    assert heard[-1] == ("rejected", pending.request_id, "d1")


def test_a_token_admits_its_device_role_and_scopes_only():
    pairings, _, _ = make()
    pairings.pair(identity(), "operator", (WRITE,), 1)
    pairings.pair(identity("d2"), "operator", (WRITE,), 1)
    token = pairings.issue("d1", "operator", 1).token
    assert pairings.check_token(token, "d1", "operator", (READ,)) is None
    assert pairings.check_token(token, "d1", "operator", (ADMIN,)) == "scope"
    assert pairings.check_token(token, "d1", "node", ()) == "mismatch"
    assert pairings.check_token(token, "d2", "operator", (READ,)) == "mismatch"
    assert pairings.check_token("x" + token, "d1", "operator", (READ,)) == "mismatch"


def test_the_same_token_is_issued_until_the_approved_scopes_change():
    pairings, _, _ = make()
    pairings.pair(identity(), "operator", (READ,), 1)
    first = pairings.issue("d1", "operator", 1)
    assert pairings.issue("d1", "operator", 9) == first
    pairings.pair(identity(), "operator", (ADMIN,), 10)
    second = pairings.issue("d1", "operator", 10)
    assert second.token != first.token
    assert (second.scopes, second.issued_at_ms) == ((ADMIN, READ), 10)
    assert pairings.check_token(first.token, "d1", "operator", (READ,)) == "mismatch"


def test_rotation_and_revocation_end_the_old_token():
    pairings, _, heard = make()
    pairings.pair(identity(), "operator", (WRITE,), 1)
    old = pairings.issue("d1", "operator", 1).token
    new = pairings.rotate("d1", "operator", (READ,), 2)
    assert pairings.check_token(old, "d1", "operator", ()) == "mismatch"
    assert pairings.check_token(new.token, "d1", "operator", (READ,)) is None
    assert pairings.check_token(new.token, "d1", "operator", (WRITE,)) == "scope"
    assert pairings.revoke("d1", "operator", 3).revoked_at_ms == 3
    assert pairings.check_token(new.token, "d1", "operator", (READ,)) == "mismatch"
    assert pairings.issue("d1", "operator", 4).token not in (old, new.token)
    assert [kind for kind, _, _ in heard] == ["approved", "changed", "changed"]


def test_plain_http_is_opened_by_a_live_operator_token_of_any_device():
    pairings, _, _ = make()
    for name, role in (("d1", "operator"), ("d2", "node")):
        pairings.pair(identity(name), role, (), 1)
    operator, node = pairings.issue("d1", "operator", 1).token, pairings.issue("d2", "node", 1).token
    assert pairings.is_operator_token(operator)
    assert not pairings.is_operator_token(node)
    assert not pairings.is_operator_token("")
    pairings.revoke("d1", "operator", 2)
    assert not pairings.is_operator_token(operator)


def test_rotation_never_widens():
    pairings, _, _ = make()
    pairings.pair(identity(), "operator", (READ,), 1)
    with pytest.raises(InvalidRequest, match="within the approved scopes"):
        pairings.rotate("d1", "operator", (ADMIN,), 2)
    with pytest.raises(InvalidRequest, match="not approved for role"):
        pairings.rotate("d1", "node", None, 2)
    with pytest.raises(InvalidRequest, match="no token"):
        pairings.revoke("d1", "operator", 2)
    with pytest.raises(InvalidRequest, match="unknown deviceId"):
        pairings.remove("d2")


def test_everything_survives_a_restart():
    pairings, file, _ = make()
    pairings.pair(identity(display_name="x", remote="10.0.0.1"), "operator", (READ,), 1)
    pairings.pair(identity(), "node", (), 2)
    token = pairings.issue("d1", "operator", 3).token
    pairings.request(identity("d2"), "operator", (ADMIN,), "not-paired", 4)
    pairings.rename("d1", "mine")
    again = Pairings(file)
    assert again.all_paired() == pairings.all_paired()
    assert again.all_pending(5) == pairings.all_pending(5)
    assert again.check_token(token, "d1", "operator", (READ,)) is None


def test_the_token_itself_is_not_in_the_file():
    pairings, file, _ = make()
    pairings.pair(identity(), "operator", (READ,), 1)
    assert pairings.issue("d1", "operator", 1).token not in file.text


def test_records_of_another_version_are_refused():
    file = MemoryFile()
    file.text = '{"version": 2}'
    with pytest.raises(ValueError, match="version 2"):
        Pairings(file)


class TokensNeverExceedApproval(RuleBasedStateMachine):
    """Whatever is asked in whatever order, a token that works never covers what was not approved."""

    scopes = st.lists(st.sampled_from([READ, WRITE, ADMIN, "operator.pairing"]), unique=True, max_size=3)

    def __init__(self) -> None:
        super().__init__()
        self.pairings, self.file, _ = make()
        self.approved: set[str] = set()
        self.tokens: list[str] = []
        self.void: list[str] = []  # tokens of a pairing that was removed
        self.now = 0

    @rule(scopes=scopes)
    def pair(self, scopes) -> None:
        self.now += 1
        self.pairings.pair(identity(), "operator", scopes, self.now)
        self.approved |= set(scopes)

    @rule()
    def issue(self) -> None:
        if self.pairings.paired("d1"):
            self.tokens.append(self.pairings.issue("d1", "operator", self.now).token)

    @rule(scopes=scopes)
    def rotate(self, scopes) -> None:
        try:
            self.tokens.append(self.pairings.rotate("d1", "operator", scopes, self.now).token)
        except InvalidRequest:
            assert self.pairings.paired("d1") is None or not covers(self.approved, scopes)

    @rule()
    def remove(self) -> None:
        if self.pairings.paired("d1"):
            self.pairings.remove("d1")
            self.approved = set()
            self.void += self.tokens

    @rule()
    def restart(self) -> None:
        if self.file.saves:
            self.pairings = Pairings(self.file)

    @invariant()
    def removal_is_final(self) -> None:
        assert all(self.pairings.check_token(token, "d1", "operator", ()) == "mismatch" for token in self.void)

    @invariant()
    def no_token_exceeds_approval(self) -> None:
        for token in self.tokens:
            for scope in (READ, WRITE, ADMIN, "operator.pairing"):
                if self.pairings.check_token(token, "d1", "operator", (scope,)) is None:
                    assert covers(self.approved, (scope,))


TokensNeverExceedApproval.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestTokens = TokensNeverExceedApproval.TestCase
