"""node.*: which nodes there are, what they may be asked, and asking them.

Knows nothing of sockets. Invariant: a command reaches a node only after it was declared by the node, approved by an
operator and allowed by the guard; every question to a node ends, by its answer, its time limit or the node leaving.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from gw import limits
from gw.access.node_commands import offered, platform_of
from gw.access.pairing import PairedDevice, Pairings
from gw.access.surfaces import PendingSurface, Surface, Surfaces
from gw.errors import Forbidden, InvalidRequest, Overloaded, RequestError, Unavailable
from gw.methods.events import EventBus
from gw.methods.router import Call, rpc
from gw.model.identity import Role
from gw.ports import Clock, Json, Latch, Tasks
from gw.wire import json

if TYPE_CHECKING:
    from gw.methods.client import Client

DEFAULT_TIMEOUT_MS: Final = 30_000
MOST_TIMEOUT_MS: Final = 600_000


@dataclass(slots=True)
class Invocation:
    """One question to a node; `answer` is set before `done` is."""

    id: str  # as the node was given it
    node_id: str
    command: str
    done: Latch
    answer: dict[str, Json] = field(default_factory=dict)


class Nodes:
    def __init__(self, pairings: Pairings, surfaces: Surfaces, bus: EventBus, clock: Clock, tasks: Tasks) -> None:
        self._pairings = pairings
        self._surfaces = surfaces
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._connected: dict[str, Client] = {}
        self._waiting: dict[str, Invocation] = {}  # by id
        self._by_key: OrderedDict[tuple[str, str], Invocation] = OrderedDict()  # node id and idempotency key

    # --- coming and going -----------------------------------------------------------------------------------

    def joined(self, client: "Client") -> None:
        """A node connected; what it declares beyond its approval asks for one."""
        node_id = client.info.device_id
        if client.info.role is not Role.NODE or node_id is None:
            return
        self._connected[node_id] = client
        params = client.params
        commands = offered(params.commands, params.platform, params.device_family)
        self._surfaces.declare(node_id, params.caps, commands, self._clock.now_ms())

    def left(self, client: "Client") -> None:
        node_id = client.info.device_id
        if node_id is None or self._connected.get(node_id) is not client:
            return
        del self._connected[node_id]
        for invocation in [one for one in self._waiting.values() if one.node_id == node_id]:
            invocation.answer = {"ok": False, "error": {"code": "NOT_CONNECTED", "message": "node disconnected"}}
            invocation.done.set()

    # --- what there is --------------------------------------------------------------------------------------

    @rpc("node.list")
    def list(self, call: Call) -> Json:
        nodes = [self._row(device) for device in self._pairings.all_paired() if "node" in device.roles]
        nodes.sort(key=lambda node: not node["connected"])
        return {"ts": self._clock.now_ms(), "nodes": nodes}

    @rpc("node.describe")
    def describe(self, call: Call) -> Json:
        return {"ts": self._clock.now_ms(), **self._row(self._device(call.params["nodeId"]))}

    @rpc("node.rename")
    def rename(self, call: Call) -> Json:
        self._device(call.params["nodeId"])
        device = self._pairings.rename(call.params["nodeId"], call.params["displayName"])
        return {"nodeId": device.identity.device_id, "displayName": device.identity.display_name}

    # --- approval -------------------------------------------------------------------------------------------

    @rpc("node.pair.list")
    def pairings(self, call: Call) -> Json:
        return {
            "pending": [self._pending_shape(pending) for pending in self._surfaces.all_pending()],
            "paired": [self._approved_shape(surface) for surface in self._surfaces.all_approved()],
        }

    @rpc("node.pair.approve")
    def approve(self, call: Call) -> Json:
        request_id = call.params["requestId"]
        scopes = self._surfaces.find(request_id).scopes
        missing = next((scope for scope in scopes if scope not in call.info.scopes), None)
        if missing is not None:
            details = {"code": "MISSING_SCOPE", "missingScope": missing, "requiredScopes": list(scopes)}
            raise Forbidden(f"missing scope: {missing}", details=details)
        surface = self._surfaces.approve(request_id, self._clock.now_ms())
        return {"requestId": request_id, "node": self._approved_shape(surface)}

    @rpc("node.pair.reject")
    def reject(self, call: Call) -> Json:
        pending = self._surfaces.reject(call.params["requestId"])
        return {"requestId": pending.request_id, "nodeId": pending.node_id}

    @rpc("node.pair.remove")
    def remove(self, call: Call) -> Json:
        node_id = call.params["nodeId"]
        self._surfaces.remove(node_id)
        client = self._connected.get(node_id)
        if client is not None:
            client.close(1008, "node removed")
        return {"nodeId": node_id}

    def announce(self, change: str, pending: PendingSurface | None, node_id: str) -> None:
        """The surfaces' listener: tell those who may approve, and the node itself."""
        if pending is None:
            return
        if change == "requested":
            self._bus.publish("node.pair.requested", self._pending_shape(pending))
            return
        now_ms = self._clock.now_ms()
        resolved = {"requestId": pending.request_id, "nodeId": node_id, "decision": change, "ts": now_ms}
        self._bus.publish("node.pair.resolved", resolved)
        client = self._connected.get(node_id)
        if client is not None:
            self._bus.send_to(client, "node.pair.resolved", resolved)

    # --- asking ---------------------------------------------------------------------------------------------

    @rpc("node.invoke")
    def invoke(self, call: Call) -> Json:
        node_id, command = call.params["nodeId"], call.params["command"]
        client = self._callable(node_id, command)
        timeout_ms = min(int(call.params.get("timeoutMs") or DEFAULT_TIMEOUT_MS), MOST_TIMEOUT_MS)
        key = (node_id, call.params["idempotencyKey"])
        known = self._by_key.get(key)
        invocation = known or self._ask(client, node_id, command, call.params, timeout_ms, key)
        try:
            if not invocation.done.wait(timeout_ms / 1000):
                raise Unavailable("node invoke timed out", details={"code": "TIMEOUT", "nodeId": node_id})
        finally:
            if known is None:
                self._waiting.pop(invocation.id, None)
        return self._outcome(invocation)

    @rpc("node.invoke.result", inline=True)
    def result(self, call: Call) -> Json:
        invocation = self._waiting.get(call.params["id"])
        if call.params["nodeId"] != call.info.device_id:
            raise InvalidRequest("nodeId mismatch")
        if invocation is None or invocation.node_id != call.info.device_id:
            return {"ok": True, "ignored": True}
        del self._waiting[invocation.id]
        invocation.answer = call.params
        invocation.done.set()
        return {"ok": True}

    @rpc("node.event", inline=True)
    def event(self, call: Call) -> Json:
        return {"ok": True, "event": call.params["event"], "handled": False, "reason": "unsupported_event"}

    def _ask(
        self,
        client: "Client",
        node_id: str,
        command: str,
        params: dict[str, Json],
        timeout_ms: int,
        key: tuple[str, str],
    ) -> Invocation:
        if len(self._waiting) >= limits.MAX_NODE_INVOCATIONS:
            raise Overloaded("node-invocations")
        invocation = Invocation(str(uuid4()), node_id, command, self._tasks.latch())
        self._waiting[invocation.id] = invocation
        self._by_key[key] = invocation
        if len(self._by_key) > limits.IDEMPOTENCY_ENTRIES:
            self._by_key.popitem(last=False)
        request = {
            "id": invocation.id,
            "nodeId": node_id,
            "command": command,
            "paramsJSON": json.dumps(params.get("params") or {}).decode(),
            "timeoutMs": timeout_ms,
            "idempotencyKey": params["idempotencyKey"],
        }
        self._bus.send_to(client, "node.invoke.request", request)
        return invocation

    def _outcome(self, invocation: Invocation) -> Json:
        answer = invocation.answer
        if not answer["ok"]:
            error = answer.get("error") or {}
            code, message = error.get("code", "UNAVAILABLE"), error.get("message", "node invoke failed")
            raise Unavailable(message, details={"code": code, "nodeError": error}, retryable=False)
        payload = answer.get("payload")
        encoded = answer.get("payloadJSON")
        if encoded is not None:
            try:
                payload = json.loads(encoded)
            except ValueError:
                payload = None
        shape = {"ok": True, "nodeId": invocation.node_id, "command": invocation.command, "payload": payload}
        return shape if encoded is None else {**shape, "payloadJSON": encoded}

    def _callable(self, node_id: str, command: str) -> "Client":
        """The node's connection, when it may be asked this. Raises InvalidRequest or Unavailable."""
        device = self._device(node_id)
        identity = device.identity
        client = self._connected.get(node_id)
        if client is None:
            raise Unavailable("node not connected", details={"code": "NOT_CONNECTED", "nodeId": node_id})
        if not offered((command,), identity.platform, identity.device_family):
            platform = platform_of(identity.platform, identity.device_family)
            raise not_allowed(
                "command not allowlisted", command, f'"{command}" is not in the allowlist for platform "{platform}"'
            )
        if command not in client.params.commands:
            raise not_allowed("command not declared by node", command, f'the node does not support "{command}"')
        surface = self._surfaces.approved(node_id)
        if surface is None or command not in surface.commands:
            raise not_allowed("node did not declare commands", command, "its command surface is pending approval")
        return client

    # --- shapes ---------------------------------------------------------------------------------------------

    def _device(self, node_id: str) -> PairedDevice:
        device = self._pairings.paired(node_id)
        if device is None or "node" not in device.roles:
            raise InvalidRequest(f"unknown nodeId: {node_id}")
        return device

    def _row(self, device: PairedDevice) -> dict[str, Json]:
        identity = device.identity
        node_id = identity.device_id
        client = self._connected.get(node_id)
        surface, pending = self._surfaces.approved(node_id), self._surfaces.pending(node_id)
        declared = set(client.params.commands) if client is not None else None
        commands = [c for c in (surface.commands if surface else ()) if declared is None or c in declared]
        row: dict[str, Json] = {
            **self._facts(node_id),
            "caps": sorted(surface.caps) if surface else [],
            "commands": sorted(commands),
            "sessionHost": False,
            "approvalState": "approved" if surface and not pending else "pending-approval",
            "lastSeenAtMs": device.last_seen_at_ms,
            "lastSeenReason": device.last_seen_reason,
            "approvedAtMs": surface.approved_at_ms if surface else device.approved_at_ms,
            "paired": True,
            "connected": client is not None,
        }
        if pending is not None:
            row |= {
                "pendingRequestId": pending.request_id,
                "pendingDeclaredCaps": sorted(pending.caps),
                "pendingDeclaredCommands": sorted(pending.commands),
            }
        if client is not None:
            row |= {"connectedAtMs": client.connected_at_ms, "lastConnectedAtMs": client.connected_at_ms}
        return row

    def _facts(self, node_id: str) -> dict[str, Json]:
        """What a node says about itself, as far as it is known."""
        device = self._pairings.paired(node_id)
        client = self._connected.get(node_id)
        identity = device.identity if device else None
        facts = {
            "nodeId": node_id,
            "displayName": identity.display_name if identity else None,
            "clientId": identity.client_id if identity else None,
            "clientMode": identity.client_mode if identity else None,
            "platform": identity.platform if identity else None,
            "deviceFamily": identity.device_family if identity else None,
            "version": client.params.client_version if client else None,
        }
        return {key: value for key, value in facts.items() if value is not None}

    def _pending_shape(self, pending: PendingSurface) -> dict[str, Json]:
        return {
            "requestId": pending.request_id,
            **self._facts(pending.node_id),
            "caps": list(pending.caps),
            "commands": list(pending.commands),
            "requiredApproveScopes": list(pending.scopes),
            "silent": True,
            "ts": pending.at_ms,
        }

    def _approved_shape(self, surface: Surface) -> dict[str, Json]:
        return {
            **self._facts(surface.node_id),
            "caps": list(surface.caps),
            "commands": list(surface.commands),
            "createdAtMs": surface.approved_at_ms,
            "approvedAtMs": surface.approved_at_ms,
        }


def not_allowed(reason: str, command: str, why: str) -> RequestError:
    return InvalidRequest(f"node command not allowed: {why}", details={"reason": reason, "command": command})
