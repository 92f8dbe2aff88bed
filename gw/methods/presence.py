"""Who is here: this gateway and the connected clients that stand for a person or a device.

Knows nothing of sockets. Invariant: the version grows with every change, and however many come and go at once, the
list is broadcast at a bounded rate.
"""

import platform
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gw.methods.events import EventBus
from gw.methods.router import Call, rpc
from gw.ports import Clock, Json

if TYPE_CHECKING:
    from gw.methods.client import Client

# Connections of programs that come and go with every call; upstream does not list them either.
EPHEMERAL_MODES: Final = frozenset({"cli", "backend", "probe"})
GATHER_S: Final = 0.25

Later = Callable[[float, Callable[[], None]], object]


class Presence:
    """`later(seconds, function)` calls a function on the hub after a while."""

    def __init__(self, bus: EventBus, clock: Clock, version: str, instance_id: str, later: Later) -> None:
        self._bus = bus
        self._clock = clock
        self._later = later
        self._gathering = False
        host = socket.gethostname()
        self._own: dict[str, Json] = {
            "host": host,
            "version": version,
            "platform": f"{platform.system().lower()} {platform.release()}",
            "deviceFamily": platform.system(),
            "mode": "gateway",
            "reason": "self",
            "instanceId": instance_id,
            "text": f"Gateway: {host} · app {version} · mode gateway · reason self",
        }

    @rpc("system-presence", inline=True)
    def show(self, call: Call) -> Json:
        return self.entries()

    def entries(self, joining: "Client | None" = None) -> list[Json]:
        """The list, with a client that is about to be told of itself."""
        now_ms = self._clock.now_ms()
        clients = self._bus.clients()
        if joining is not None and joining not in clients:
            clients.append(joining)
        return [{**self._own, "ts": now_ms}, *(entry(client, now_ms) for client in clients if is_listed(client))]

    def changed(self, client: "Client") -> None:
        """A client connected or left."""
        if not is_listed(client):
            return
        self._bus.presence_version += 1
        if not self._gathering:
            self._gathering = True
            self._later(GATHER_S, self._announce)

    def _announce(self) -> None:
        self._gathering = False
        self._bus.publish("presence", {"presence": self.entries()}, state_version=True)


def is_listed(client: "Client") -> bool:
    return client.info.client_mode not in EPHEMERAL_MODES


def entry(client: "Client", now_ms: int) -> dict[str, Json]:
    info, params = client.info, client.params
    name = info.display_name or info.client_id
    facts: dict[str, Json] = {
        "host": name,
        "version": info.client_version,
        "platform": info.platform,
        "deviceFamily": params.device_family,
        "modelIdentifier": params.model_identifier,
        "timeZone": params.time_zone,
        "mode": info.client_mode,
        "deviceId": info.device_id,
        "roles": [info.role.value],
        "scopes": list(client.granted),
        "instanceId": info.instance_id or info.device_id,
        "reason": "connect",
        "onlineSince": client.connected_at_ms,
        "ts": now_ms,
        "text": f"Node: {name} · mode {info.client_mode}",
    }
    return {key: value for key, value in facts.items() if value is not None}
