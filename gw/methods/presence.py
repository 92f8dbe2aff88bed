"""Who is here: this gateway, the connected clients that stand for a person or a device, and who says so by a beacon.

Knows nothing of sockets. Invariant: the version grows with every change, and however many come and go at once, the
list is broadcast at a bounded rate; beacons are bounded in number and in life, and a connection goes before a beacon of
the same device.
"""

import platform
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gw.errors import InvalidRequest
from gw.methods.events import EventBus
from gw.methods.kept_answers import KeptAnswers
from gw.methods.router import Call, rpc
from gw.ports import Clock, Json
from gw.wire.json import Encoded, dumps

if TYPE_CHECKING:
    from gw.methods.client import Client

# Connections of programs that come and go with every call; upstream does not list them either.
EPHEMERAL_MODES: Final = frozenset({"cli", "backend", "probe"})
GATHER_S: Final = 0.25
BEACONS: Final = 200  # upstream
BEACON_MS: Final = 300_000  # upstream
MOST_CHARS: Final = 200  # of one fact
# What a beacon may say of its sender.
TEXTS: Final = ("host", "ip", "mode", "version", "platform", "deviceFamily", "modelIdentifier", "reason")
IDENTITIES: Final = ("deviceId", "instanceId", "host", "text")

Later = Callable[[float, Callable[[], None]], object]


class Presence:
    """`later(seconds, function)` calls a function on the hub after a while."""

    def __init__(self, bus: EventBus, clock: Clock, version: str, instance_id: str, later: Later) -> None:
        self._bus = bus
        self._clock = clock
        self._later = later
        self._gathering = False
        self._kept = KeptAnswers()
        self._beacons: OrderedDict[str, dict[str, Json]] = OrderedDict()  # least recently heard first
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
        """While nobody comes or goes, the list of this second."""
        state = (self._bus.presence_version, self._clock.now_ms() // 1000)
        return self._kept.get(b"", state) or self._kept.keep(b"", Encoded(dumps(self.entries())))

    @rpc("system-event", inline=True)
    def beacon(self, call: Call) -> Json:
        """A machine or an app says that it is there; it is listed until it has been silent for a while."""
        row: dict[str, Json] = {"text": _text(call.params, "text"), "ts": self._clock.now_ms()}
        if not row["text"]:
            raise InvalidRequest("text required")
        for name in (*TEXTS, "deviceId", "instanceId"):
            if call.params.get(name) is not None:
                row[name] = _text(call.params, name)
        for name in ("roles", "scopes", "tags"):
            if call.params.get(name) is not None:
                row[name] = _texts(call.params, name)
        idle = call.params.get("lastInputSeconds")
        if isinstance(idle, int) and idle >= 0:
            row["lastInputSeconds"] = idle
        key = next(f"{name}:{row[name]}".lower() for name in IDENTITIES if row.get(name))
        self._beacons.pop(key, None)
        self._beacons[key] = {name: value for name, value in row.items() if value}
        while len(self._beacons) > BEACONS:
            self._beacons.popitem(last=False)
        self._changed()
        return {"ok": True}

    def entries(self, joining: "Client | None" = None) -> list[Json]:
        """The list, with a client that is about to be told of itself."""
        now_ms = self._clock.now_ms()
        clients = self._bus.clients()
        if joining is not None and joining not in clients:
            clients.append(joining)
        rows = [entry(client, now_ms) for client in clients if is_listed(client)]
        connected = {row.get("deviceId") for row in rows} - {None}
        for key in [key for key, row in self._beacons.items() if now_ms - row["ts"] >= BEACON_MS]:
            del self._beacons[key]
        beacons = [dict(row) for row in self._beacons.values() if row.get("deviceId") not in connected]
        return [{**self._own, "ts": now_ms}, *rows, *beacons]

    def changed(self, client: "Client") -> None:
        """A client connected or left."""
        if is_listed(client):
            self._changed()

    def _changed(self) -> None:
        self._bus.presence_version += 1
        if not self._gathering:
            self._gathering = True
            self._later(GATHER_S, self._announce)

    def _announce(self) -> None:
        self._gathering = False
        self._bus.publish("presence", {"presence": self.entries()}, state_version=True)


def _text(params: dict[str, Json], name: str) -> str:
    """Raises InvalidRequest."""
    value = params.get(name, "")
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be a text")
    return value.strip()[:MOST_CHARS]


def _texts(params: dict[str, Json], name: str) -> list[str]:
    """Raises InvalidRequest."""
    value = params[name]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidRequest(f"{name} must be a list of texts")
    return [one[:MOST_CHARS] for one in value[:16] if one]


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
