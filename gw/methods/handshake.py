"""Runs one connect request from its params to hello-ok: shape, protocol, admission, and what the client is told.

Knows nothing of sockets or how a decision on access is made. Invariant: hello-ok names only methods and events that
this gateway serves.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gw.access.admission import Admission, Asked, Facts
from gw.access.device import Device
from gw.access.origin import is_loopback
from gw.access.scopes import expand
from gw.methods.router import Router
from gw.model.identity import ConnInfo
from gw.observe.metrics import Metrics
from gw.ports import Clock, Json
from gw.wire.connect import ConnectParams, Server, hello_ok, negotiate, read
from gw.wire.params import Shape

if TYPE_CHECKING:
    from gw.methods.client import Client

Snapshot = Callable[["Client"], Mapping[str, Json]]


class Handshake:
    """`snapshot(client)` gives hello-ok's snapshot for a client whose `info` is set."""

    def __init__(
        self,
        admission: Admission,
        router: Router,
        server: Server,
        shape: Shape,
        clock: Clock,
        metrics: Metrics,
        *,
        events: Callable[[int], tuple[str, ...]],
        snapshot: Snapshot,
    ) -> None:
        self._admission = admission
        self._router = router
        self._server = server
        self._shape = shape
        self._clock = clock
        self._metrics = metrics
        self._events = events
        self._snapshot = snapshot

    def run(self, client: "Client", raw: Json) -> dict[str, Json]:
        """Fill in the client's `params` and `info`; return the hello-ok payload. Raises ConnectRefused; may block."""
        params = read(raw, self._shape)
        protocol = negotiate(params)
        facts = self._facts(client)
        admitted = self._admission.admit(asked_of(params), facts)
        client.params = params
        client.granted = admitted.scopes
        client.connected_at_ms = facts.now_ms
        client.info = ConnInfo(
            conn_id=client.conn_id,
            role=admitted.role,
            scopes=expand(admitted.role, admitted.scopes),
            protocol=protocol,
            client_id=params.client_id,
            client_mode=params.client_mode,
            client_version=params.client_version,
            platform=params.platform,
            remote=facts.remote,
            is_local=facts.is_local,
            device_id=admitted.device_id,
            caps=frozenset(params.caps),
            auth_method=admitted.method,
            instance_id=params.instance_id,
            display_name=params.display_name,
        )
        auth: dict[str, Json] = {
            "method": admitted.method,
            "role": admitted.role.value,
            "scopes": list(admitted.scopes),
        }
        if admitted.issued is not None:
            auth |= {"deviceToken": admitted.issued.token, "issuedAtMs": admitted.issued.issued_at_ms}
        return hello_ok(
            protocol,
            self._server,
            client.conn_id,
            methods=self._router.served(protocol),
            events=self._events(protocol),
            snapshot=self._snapshot(client),
            auth=auth,
        )

    def refused(self, code: str) -> None:
        self._metrics.add("clawgate_refusals_total", code)

    def _facts(self, client: "Client") -> Facts:
        upgrade = client.facts
        return Facts(
            remote=upgrade.remote,
            is_local=is_loopback(upgrade.remote),
            host=upgrade.host or None,
            origin=upgrade.origin,
            nonce=client.nonce,
            now_ms=self._clock.now_ms(),
            monotonic=self._clock.monotonic(),
        )


def asked_of(params: ConnectParams) -> Asked:
    device, auth = params.device, params.auth
    return Asked(
        client_id=params.client_id,
        client_mode=params.client_mode,
        role=params.role,
        scopes=params.scopes,
        platform=params.platform,
        device_family=params.device_family,
        display_name=params.display_name,
        build_id=params.build_id,
        device=None
        if device is None
        else Device(
            id=device["id"],
            public_key=device["publicKey"],
            signature=device["signature"],
            signed_at_ms=int(device["signedAt"]),
            nonce=device["nonce"],
        ),
        token=auth.get("token"),
        password=auth.get("password"),
        device_token=auth.get("deviceToken"),
        bootstrap_token=auth.get("bootstrapToken"),
    )
