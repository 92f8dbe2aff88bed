"""The handshake as values: what a client says in `connect`, which protocol is spoken, and what hello-ok tells it.

Knows nothing of sockets, secrets or who is paired. Invariant: `connect` params are a closed object; whatever they hold
beyond it is refused in upstream's words.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from gw import limits
from gw.errors import ConnectRefused, InvalidRequest
from gw.ports import Json
from gw.wire.params import Shape, problem

PROTOCOLS: Final = (4, 3)  # best first
MINIMUM_PROBE_PROTOCOL: Final = 3

NOT_CONNECT: Final = "invalid handshake: first request must be connect"
NOT_A_REQUEST: Final = "invalid request frame"


class ConnectParams(NamedTuple):
    min_protocol: int
    max_protocol: int
    client_id: str
    client_version: str
    client_mode: str
    platform: str
    device_family: str | None
    model_identifier: str | None
    display_name: str | None
    instance_id: str | None
    build_id: str | None
    time_zone: str | None
    role: str
    scopes: tuple[str, ...]
    caps: tuple[str, ...]
    commands: tuple[str, ...]
    device: Mapping[str, Json] | None
    auth: Mapping[str, str]


def read(params: Json, shape: Shape) -> ConnectParams:
    """Raises ConnectRefused (1008) when the params do not fit the published shape."""
    wrong = problem(shape, params)
    if wrong is not None:
        raise ConnectRefused(InvalidRequest(f"invalid connect params: {wrong}"))
    client = params["client"]
    return ConnectParams(
        min_protocol=int(params["minProtocol"]),
        max_protocol=int(params["maxProtocol"]),
        client_id=client["id"],
        client_version=client["version"],
        client_mode=client["mode"],
        platform=client["platform"],
        device_family=client.get("deviceFamily"),
        model_identifier=client.get("modelIdentifier"),
        display_name=client.get("displayName"),
        instance_id=client.get("instanceId"),
        build_id=client.get("buildId"),
        time_zone=client.get("timeZone"),
        role=params.get("role", "operator"),
        scopes=tuple(params.get("scopes", ())),
        caps=tuple(params.get("caps", ())),
        commands=tuple(params.get("commands", ())),
        device=params.get("device"),
        auth=params.get("auth", {}),
    )


def negotiate(params: ConnectParams, protocols: Iterable[int] = PROTOCOLS) -> int:
    """The highest protocol both sides speak. Raises ConnectRefused (1002)."""
    for protocol in protocols:
        if params.min_protocol <= protocol <= params.max_protocol:
            return protocol
    details = {
        "code": "PROTOCOL_MISMATCH",
        "clientMinProtocol": params.min_protocol,
        "clientMaxProtocol": params.max_protocol,
        "expectedProtocol": PROTOCOLS[0],
        "minimumProbeProtocol": MINIMUM_PROBE_PROTOCOL,
    }
    raise ConnectRefused(InvalidRequest("protocol mismatch", details=details), close_code=1002)


class Server(NamedTuple):
    """Who we are; the same for every connection of this process."""

    version: str
    build_id: str
    boot_id: str


def hello_ok(
    protocol: int,
    server: Server,
    conn_id: str,
    *,
    methods: Iterable[str],
    events: Iterable[str],
    snapshot: Mapping[str, Json],
    auth: Mapping[str, Json],
) -> dict[str, Json]:
    """The payload that ends the handshake, in the form its protocol knows."""
    hello: dict[str, Json] = {
        "type": "hello-ok",
        "protocol": protocol,
        "server": {"version": server.version, "connId": conn_id},
        "features": {"methods": list(methods), "events": list(events)},
        "snapshot": dict(snapshot),
        "auth": {key: value for key, value in auth.items() if protocol >= 4 or key != "method"},
        "policy": {
            "maxPayload": limits.MAX_PAYLOAD_BYTES,
            "maxBufferedBytes": limits.MAX_BUFFERED_BYTES,
            "tickIntervalMs": limits.TICK_INTERVAL_MS,
        },
    }
    if protocol >= 4:
        hello["server"] |= {"buildId": server.build_id, "bootId": server.boot_id, "controlUiBuildSource": "bundled"}
        hello["features"]["capabilities"] = []  # named only once served: clients rely on what stands here
        hello["policy"]["attachments"] = {
            "maxBytes": limits.MAX_ATTACHMENT_BYTES,
            "maxImageBytes": limits.MAX_IMAGE_BYTES,
        }
    return hello
