"""device.pair.* and device.token.*: who is paired, who waits, and ending it.

Knows nothing of how records are kept. Invariant: nobody hands out more than the caller holds, and whoever loses a
pairing or a token loses the connections it opened at once.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from gw.access.pairing import PairedDevice, Pairings, PendingPairing, TokenRecord
from gw.errors import Forbidden, InvalidRequest
from gw.methods.events import EventBus
from gw.methods.router import Call, rpc
from gw.ports import Clock, Json
from gw.wire.methods import ADMIN

if TYPE_CHECKING:
    from gw.methods.client import Client


class Devices:
    def __init__(self, pairings: Pairings, bus: EventBus, clock: Clock) -> None:
        self._pairings = pairings
        self._bus = bus
        self._clock = clock

    @rpc("device.pair.list")
    def list(self, call: Call) -> Json:
        connected = {client.info.device_id for client in self._bus.clients()}
        return {
            "pending": [pending_shape(pending) for pending in self._pairings.all_pending(self._clock.now_ms())],
            "paired": [
                {**paired_shape(device), "connected": device.identity.device_id in connected}
                for device in self._pairings.all_paired()
            ],
        }

    @rpc("device.pair.approve")
    def approve(self, call: Call) -> Json:
        request_id = call.params["requestId"]
        pending = self._pending(request_id)
        self._check_may_grant(call, pending.scopes if pending.role == "operator" else ())
        device = self._pairings.approve(request_id, self._clock.now_ms())
        return {"requestId": request_id, "device": paired_shape(device)}

    @rpc("device.pair.reject")
    def reject(self, call: Call) -> Json:
        pending = self._pairings.reject(call.params["requestId"], self._clock.now_ms())
        return {"requestId": pending.request_id, "deviceId": pending.identity.device_id}

    @rpc("device.pair.remove")
    def remove(self, call: Call) -> Json:
        device_id = call.params["deviceId"]
        self._check_may_grant(call, self._scopes_of(device_id))
        self._pairings.remove(device_id)
        self._end(device_id, "device removed", lambda client: True)
        return {"deviceId": device_id}

    @rpc("device.pair.rename")
    def rename(self, call: Call) -> Json:
        device = self._pairings.rename(call.params["deviceId"], call.params["label"])
        return {"deviceId": device.identity.device_id, "label": device.identity.display_name}

    @rpc("device.token.rotate")
    def rotate(self, call: Call) -> Json:
        device_id, role = call.params["deviceId"], call.params["role"]
        scopes = call.params.get("scopes")
        self._check_may_grant(call, scopes if scopes is not None else self._scopes_of(device_id))
        now_ms = self._clock.now_ms()
        issued = self._pairings.rotate(device_id, role, scopes, now_ms)
        self._end(device_id, "device token rotated", lambda client: uses_token(client, role))
        answer: dict[str, Json] = {
            "deviceId": device_id,
            "role": role,
            "scopes": list(issued.scopes),
            "rotatedAtMs": issued.issued_at_ms,
        }
        # The token goes to its own device; an administrator could take it anyway.
        own = call.info.device_id == device_id or ADMIN in call.info.scopes
        answer["tokenDelivery"] = "in-band" if own else "withheld-cross-device"
        if own:
            answer["token"] = issued.token
        return answer

    @rpc("device.token.revoke")
    def revoke(self, call: Call) -> Json:
        device_id, role = call.params["deviceId"], call.params["role"]
        self._check_may_grant(call, self._scopes_of(device_id))
        record = self._pairings.revoke(device_id, role, self._clock.now_ms())
        self._end(device_id, "device token revoked", lambda client: uses_token(client, role))
        return {"deviceId": device_id, "role": role, "revokedAtMs": record.revoked_at_ms}

    def announce(self, change: str, request_id: str, device_id: str) -> None:
        """The pairing records' listener: tell those who may approve."""
        now_ms = self._clock.now_ms()
        if change == "requested":
            self._bus.publish("device.pair.requested", pending_shape(self._pending(request_id)))
        elif change in ("approved", "rejected"):
            resolved = {"requestId": request_id, "deviceId": device_id, "decision": change, "ts": now_ms}
            self._bus.publish("device.pair.resolved", resolved)
        else:
            self._bus.publish("device.pair.changed", {"deviceId": device_id, "ts": now_ms})

    # --- checks ---------------------------------------------------------------------------------------------

    def _pending(self, request_id: str) -> PendingPairing:
        pending = self._pairings.pending(request_id)
        if pending is None:
            raise InvalidRequest("unknown requestId")
        return pending

    def _scopes_of(self, device_id: str) -> tuple[str, ...]:
        device = self._pairings.paired(device_id)
        return device.scopes if device else ()

    def _check_may_grant(self, call: Call, scopes: Iterable[str]) -> None:
        """Raises Forbidden unless the caller holds every scope that is concerned, or it is its own device."""
        missing = next((scope for scope in scopes if scope not in call.info.scopes), None)
        if missing is not None and ADMIN not in call.info.scopes:
            details = {"code": "MISSING_SCOPE", "missingScope": missing, "requiredScopes": [missing]}
            raise Forbidden(f"missing scope: {missing}", details=details)

    def _end(self, device_id: str, reason: str, concerns: "Callable[[Client], bool]") -> None:
        for client in self._bus.clients():
            if client.info.device_id == device_id and concerns(client):
                client.close(1008, reason)


def uses_token(client: "Client", role: str) -> bool:
    return client.info.auth_method == "device-token" and client.info.role.value == role


def pending_shape(pending: PendingPairing) -> dict[str, Json]:
    return {
        "requestId": pending.request_id,
        **identity_shape(pending),
        "role": pending.role,
        "roles": [pending.role],
        "scopes": list(pending.scopes),
        "silent": False,
        "isRepair": pending.is_repair,
        "ts": pending.at_ms,
    }


def paired_shape(device: PairedDevice) -> dict[str, Json]:
    return {
        **identity_shape(device),
        "role": device.roles[0],
        "roles": list(device.roles),
        "scopes": list(device.scopes),
        "approvedVia": device.approved_via,
        "createdAtMs": device.created_at_ms,
        "approvedAtMs": device.approved_at_ms,
        "lastSeenAtMs": device.last_seen_at_ms,
        "lastSeenReason": device.last_seen_reason,
        "tokens": [token_shape(token) for token in device.tokens.values()],
    }


def token_shape(token: TokenRecord) -> dict[str, Json]:
    facts = {
        "role": token.role,
        "scopes": list(token.scopes),
        "createdAtMs": token.created_at_ms,
        "rotatedAtMs": token.rotated_at_ms,
        "revokedAtMs": token.revoked_at_ms,
        "lastUsedAtMs": token.last_used_at_ms,
    }
    return {key: value for key, value in facts.items() if value is not None}


def identity_shape(record: PendingPairing | PairedDevice) -> dict[str, Json]:
    identity = record.identity
    facts = {
        "deviceId": identity.device_id,
        "publicKey": identity.public_key,
        "displayName": identity.display_name,
        "platform": identity.platform,
        "deviceFamily": identity.device_family,
        "clientId": identity.client_id,
        "clientMode": identity.client_mode,
        "remoteIp": identity.remote,
    }
    return {key: value for key, value in facts.items() if value is not None}
