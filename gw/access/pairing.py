"""Which devices are paired, which wait for approval, and the tokens they hold.

Knows nothing of frames or of how a device proved itself; time and the file come in. Invariant: nothing here hands out
more than was approved, and every change is written (atomically, by the port) before the caller is answered.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol
from uuid import uuid4

from gw.access.scopes import covers
from gw.access.tokens import derived_token, matches
from gw.errors import InvalidRequest, Overloaded
from gw.limits import MAX_PENDING_PAIRINGS, PAIRING_TTL_MS
from gw.ports import Json

SECRET_BYTES: Final = 32


class RecordFile(Protocol):
    """Where the records live."""

    def load(self) -> Json | None: ...

    def save(self, records: Json) -> None:
        """Return once they are durable; the calling greenlet waits. Raises StoreError, Overloaded."""


class Identity(NamedTuple):
    """What a device says about itself when it connects."""

    device_id: str
    public_key: str  # base64url of the raw key
    client_id: str
    client_mode: str
    platform: str
    device_family: str | None = None
    display_name: str | None = None
    remote: str | None = None


class TokenRecord(NamedTuple):
    """The token itself is derived from the secret, the device, the role and `serial`; it is stored nowhere."""

    role: str
    scopes: tuple[str, ...]
    serial: str  # random, so that no later pairing brings an old token back
    created_at_ms: int
    rotated_at_ms: int | None = None
    revoked_at_ms: int | None = None
    last_used_at_ms: int | None = None


class PairedDevice(NamedTuple):
    identity: Identity
    roles: tuple[str, ...]
    scopes: tuple[str, ...]  # approved for the operator role
    created_at_ms: int
    approved_at_ms: int
    approved_via: str  # silent | owner
    last_seen_at_ms: int
    last_seen_reason: str = "connect"
    tokens: Mapping[str, TokenRecord] = {}  # by role


class PendingPairing(NamedTuple):
    request_id: str
    identity: Identity
    role: str
    scopes: tuple[str, ...]
    reason: str  # not-paired | role-upgrade | scope-upgrade | metadata-upgrade
    at_ms: int

    @property
    def is_repair(self) -> bool:
        return self.reason != "not-paired"


class IssuedToken(NamedTuple):
    token: str
    role: str
    scopes: tuple[str, ...]
    issued_at_ms: int


# Told about every change: "requested", "approved", "rejected" or "changed", with the request id (or "") and device id.
Listener = Callable[[str, str, str], None]


class Pairings:
    def __init__(self, file: RecordFile, listener: Listener = lambda *_: None) -> None:
        self.listener = listener
        self._file = file
        self._paired: dict[str, PairedDevice] = {}
        self._pending: dict[str, PendingPairing] = {}
        self._secret = os.urandom(SECRET_BYTES)
        self._restore(file.load())

    # --- looking --------------------------------------------------------------------------------------------

    def paired(self, device_id: str) -> PairedDevice | None:
        return self._paired.get(device_id)

    def all_paired(self) -> list[PairedDevice]:
        return sorted(self._paired.values(), key=lambda device: device.approved_at_ms, reverse=True)

    def pending(self, request_id: str) -> PendingPairing | None:
        return self._pending.get(request_id)

    def all_pending(self, now_ms: int) -> list[PendingPairing]:
        self._expire(now_ms)
        return sorted(self._pending.values(), key=lambda request: request.at_ms, reverse=True)

    def upgrade_needed(self, identity: Identity, role: str, scopes: Iterable[str]) -> str | None:
        """Why this device must be approved (again) for what it asks; None when it need not."""
        device = self._paired.get(identity.device_id)
        if device is None or device.identity.public_key != identity.public_key:
            return "not-paired"
        if (device.identity.platform, device.identity.device_family) != (identity.platform, identity.device_family):
            return "metadata-upgrade"
        if role not in device.roles:
            return "role-upgrade"
        return None if covers(device.scopes, scopes) else "scope-upgrade"

    # --- pairing --------------------------------------------------------------------------------------------

    def request(self, identity: Identity, role: str, scopes: Iterable[str], reason: str, now_ms: int) -> PendingPairing:
        """Queue for approval; asking the same again keeps its request id. Raises Overloaded when too many wait."""
        self._expire(now_ms)
        wanted = tuple(scopes)
        for known in self._pending.values():
            if known.identity == identity and (known.role, known.scopes, known.reason) == (role, wanted, reason):
                return known
        superseded = [key for key, known in self._pending.items() if known.identity.device_id == identity.device_id]
        for key in superseded:
            del self._pending[key]
        if len(self._pending) >= MAX_PENDING_PAIRINGS:
            raise Overloaded("pending-pairings", retry_after_ms=60_000)
        pending = PendingPairing(str(uuid4()), identity, role, wanted, reason, now_ms)
        self._pending[pending.request_id] = pending
        self._save()
        self.listener("requested", pending.request_id, identity.device_id)
        return pending

    def approve(self, request_id: str, now_ms: int) -> PairedDevice:
        """Raises InvalidRequest for an unknown or expired request."""
        pending = self._take(request_id, now_ms)
        device = self.pair(pending.identity, pending.role, pending.scopes, now_ms, via="owner")
        self.listener("approved", request_id, device.identity.device_id)
        return device

    def reject(self, request_id: str, now_ms: int) -> PendingPairing:
        pending = self._take(request_id, now_ms)
        self._save()
        self.listener("rejected", request_id, pending.identity.device_id)
        return pending

    def pair(
        self, identity: Identity, role: str, scopes: Iterable[str], now_ms: int, *, via: str = "silent"
    ) -> PairedDevice:
        """Record a device as approved for this role and these scopes, beside what it had under the same key."""
        known = self._paired.get(identity.device_id)
        if known is not None and known.identity.public_key != identity.public_key:
            known = None
        device = PairedDevice(
            identity=identity,
            roles=_merged(known.roles if known else (), (role,)),
            scopes=_merged(known.scopes if known else (), scopes if role == "operator" else ()),
            created_at_ms=known.created_at_ms if known else now_ms,
            approved_at_ms=now_ms,
            approved_via=via,
            last_seen_at_ms=now_ms,
            tokens=known.tokens if known else {},
        )
        self._paired[identity.device_id] = device
        for key in [key for key, pending in self._pending.items() if pending.identity.device_id == identity.device_id]:
            del self._pending[key]
        self._save()
        if via == "silent":
            self.listener("approved", str(uuid4()), identity.device_id)
        return device

    def remove(self, device_id: str) -> PairedDevice:
        device = self._known(device_id)
        del self._paired[device_id]
        self._save()
        self.listener("changed", "", device_id)
        return device

    def rename(self, device_id: str, display_name: str) -> PairedDevice:
        device = self._known(device_id)
        device = device._replace(identity=device.identity._replace(display_name=display_name))
        self._paired[device_id] = device
        self._save()
        self.listener("changed", "", device_id)
        return device

    def seen(self, device_id: str, reason: str, now_ms: int) -> None:
        """Remember the last connection; kept in memory until the next change is written."""
        device = self._paired.get(device_id)
        if device is not None:
            self._paired[device_id] = device._replace(last_seen_at_ms=now_ms, last_seen_reason=reason)

    # --- tokens ---------------------------------------------------------------------------------------------

    def issue(self, device_id: str, role: str, now_ms: int) -> IssuedToken:
        """The device's token for a role: the one it has while its scopes are those approved, else a new one."""
        device = self._known(device_id)
        known = device.tokens.get(role)
        scopes = tuple(sorted(device.scopes)) if role == "operator" else ()
        if known is None:
            known = TokenRecord(role, scopes, _new_serial(), now_ms)
        elif known.revoked_at_ms is not None or known.scopes != scopes:
            known = known._replace(scopes=scopes, serial=_new_serial(), rotated_at_ms=now_ms, revoked_at_ms=None)
        return self._store(device, known)

    def rotate(self, device_id: str, role: str, scopes: Iterable[str] | None, now_ms: int) -> IssuedToken:
        """A new token, for at most the approved scopes; the old one is void at once. Raises InvalidRequest."""
        device = self._known(device_id)
        if role not in device.roles:
            raise InvalidRequest(f"device is not approved for role {role}")
        known = device.tokens.get(role)
        wanted = tuple(sorted(scopes)) if scopes is not None else (known.scopes if known else device.scopes)
        if role == "operator" and not covers(device.scopes, wanted):
            raise InvalidRequest("device token scopes must be within the approved scopes")
        created = known.created_at_ms if known else now_ms
        record = TokenRecord(role, wanted, _new_serial(), created, rotated_at_ms=now_ms)
        issued = self._store(device, record)
        self.listener("changed", "", device_id)
        return issued

    def revoke(self, device_id: str, role: str, now_ms: int) -> TokenRecord:
        device = self._known(device_id)
        known = device.tokens.get(role)
        if known is None:
            raise InvalidRequest(f"device has no token for role {role}")
        record = known._replace(revoked_at_ms=now_ms)
        self._store(device, record)
        self.listener("changed", "", device_id)
        return record

    def check_token(self, token: str, device_id: str, role: str, scopes: Iterable[str]) -> str | None:
        """None when the token admits this device in this role with these scopes, else "mismatch" or "scope"."""
        device = self._paired.get(device_id)
        record = device.tokens.get(role) if device else None
        if record is None or record.revoked_at_ms is not None or not matches(token, self._token(device_id, record)):
            return "mismatch"
        return None if role != "operator" or covers(record.scopes, scopes) else "scope"

    def is_operator_token(self, token: str) -> bool:
        """Whether some paired device holds this token for the operator role (plain HTTP names no device)."""
        return any(self.check_token(token, device_id, "operator", ()) is None for device_id in self._paired)

    def used(self, device_id: str, role: str, now_ms: int) -> None:
        device = self._paired.get(device_id)
        if device is not None and role in device.tokens:
            tokens = {**device.tokens, role: device.tokens[role]._replace(last_used_at_ms=now_ms)}
            self._paired[device_id] = device._replace(tokens=tokens)

    def _token(self, device_id: str, record: TokenRecord) -> str:
        return derived_token(self._secret, "device-token", device_id, record.role, record.serial)

    def _store(self, device: PairedDevice, record: TokenRecord) -> IssuedToken:
        device_id = device.identity.device_id
        if device.tokens.get(record.role) != record:
            self._paired[device_id] = device._replace(tokens={**device.tokens, record.role: record})
            self._save()
        issued_at_ms = record.rotated_at_ms or record.created_at_ms
        return IssuedToken(self._token(device_id, record), record.role, record.scopes, issued_at_ms)

    # --- records --------------------------------------------------------------------------------------------

    def _known(self, device_id: str) -> PairedDevice:
        device = self._paired.get(device_id)
        if device is None:
            raise InvalidRequest(f"unknown deviceId: {device_id}")
        return device

    def _take(self, request_id: str, now_ms: int) -> PendingPairing:
        self._expire(now_ms)
        pending = self._pending.pop(request_id, None)
        if pending is None:
            raise InvalidRequest("unknown requestId")
        return pending

    def _expire(self, now_ms: int) -> None:
        for key in [key for key, pending in self._pending.items() if pending.at_ms + PAIRING_TTL_MS <= now_ms]:
            del self._pending[key]

    def _save(self) -> None:
        self._file.save(
            {
                "version": 1,
                "secret": self._secret.hex(),
                "paired": [_device_row(device) for device in self._paired.values()],
                "pending": [
                    {**pending._asdict(), "identity": pending.identity._asdict()} for pending in self._pending.values()
                ],
            }
        )

    def _restore(self, records: Json | None) -> None:
        """Raises ValueError, KeyError or TypeError for records this version cannot read."""
        if records is None:
            return
        if records["version"] != 1:
            raise ValueError(f"device records of version {records['version']}, this is version 1")
        self._secret = bytes.fromhex(records["secret"])
        for row in records["paired"]:
            device = _read_device(row)
            self._paired[device.identity.device_id] = device
        for row in records["pending"]:
            identity = Identity(**row["identity"])
            pending = PendingPairing(**{**row, "identity": identity, "scopes": tuple(row["scopes"])})
            self._pending[pending.request_id] = pending


def _new_serial() -> str:
    return os.urandom(8).hex()


def _merged(known: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *more)))


def _device_row(device: PairedDevice) -> dict[str, Any]:
    tokens = {role: record._asdict() for role, record in device.tokens.items()}
    return {**device._asdict(), "identity": device.identity._asdict(), "tokens": tokens}


def _read_device(row: Mapping[str, Any]) -> PairedDevice:
    tokens = {role: TokenRecord(**{**token, "scopes": tuple(token["scopes"])}) for role, token in row["tokens"].items()}
    return PairedDevice(
        **{
            **row,
            "identity": Identity(**row["identity"]),
            "roles": tuple(row["roles"]),
            "scopes": tuple(row["scopes"]),
            "tokens": tokens,
        }
    )
