"""The guard proxy: stands in front of a gateway's whole port, judges what passes, and has a control port of its own.

Must not know how frames are judged or relayed. Invariant: nothing listens in front before the control port does, so
whatever is held can be answered; beyond loopback it does not listen without a token of its own.
"""

import logging
from typing import Final, cast
from uuid import uuid4

from gw import hub, limits
from gw.access.throttle import LoginThrottle
from gw.config.load import Loaded
from gw.config.secrets import read_secret
from gw.config.settings import Guard, Settings
from gw.defender.extract import Origin
from gw.defender.ids import new_action_id
from gw.defender.review import Held
from gw.errors import ConfigError
from gw.model.problem import Problem
from gw.modes.beside.canary import Record
from gw.modes.build import Gateway
from gw.modes.guard import node_events
from gw.modes.guard.access import FrontAccess
from gw.modes.guard.desk import GuardDesk
from gw.modes.guard.http import UnreadableBody, action_of, guarded_as
from gw.modes.guard.node_calls import Passes
from gw.modes.guard.proof import Proof
from gw.modes.guard.relay import LOST, Relay, Shared
from gw.modes.guard.repeats import Repeats
from gw.modes.guard.witness import Witness
from gw.net.dial import DialOptions, Opened, Target, attach
from gw.net.front import FORWARDED, Asked, FrontServer, serve_front
from gw.net.http import Request, Response, error_response, json_response
from gw.net.listener import ServerOptions
from gw.net.pump import Connection, PumpLimits
from gw.net.upstream import Upstream
from gw.ports import Json, Link, Peer, UpgradeFacts

logger = logging.getLogger(__name__)

# The one WebSocket of OpenClaw 2026.9.6 that speaks another protocol; on every other path it is the gateway's own.
OTHER_PROTOCOL: Final = frozenset({"/__openclaw__/worker"})
GATEWAY_GRACE_S: Final = 10.0  # for a busy gateway to read what was said before a goodbye
STOP_S: Final = 1.0
CHALLENGE: Final = b"connect.challenge"
MOST_OF_A_NAME: Final = 256


class ClientSide:
    """A ports.Peer towards the client; `opened` joins it to the gateway's side, which is open already."""

    def __init__(self, client: Connection, opened: Opened, proxy: "GuardProxy") -> None:
        self._client = client
        self._opened = opened
        self._proxy = proxy
        self._wanted = True

    def opened(self) -> None:
        gateway = attach(self._opened, self._gateway_side, self._proxy.upstream.options)
        del self._opened
        gateway.watch_room(self._room)
        self._client.stream.beside, gateway.stream.beside = gateway.stream, self._client.stream

    def _gateway_side(self, link: Link) -> "GatewaySide":
        assert isinstance(link, Connection)
        self._gateway = link
        self._relay = Relay(str(uuid4()), self._client, link, self._proxy.shared)
        return GatewaySide(self._client, link, self._relay)

    def message(self, data: bytes) -> bool:
        self._wanted = self._relay.from_client(data, self._client.stream.opcode)
        return self._gateway.has_room() and self._wanted

    def _room(self) -> None:
        if self._wanted:
            self._client.resume()

    def closed(self, code: int, reason: str) -> None:
        self._relay.client_gone(code, reason)


class GatewaySide:
    """A ports.Peer towards the gateway."""

    def __init__(self, client: Connection, gateway: Connection, relay: Relay) -> None:
        self._client = client
        self._gateway = gateway
        self._relay = relay

    def opened(self) -> None:
        self._client.watch_room(self._gateway.resume)

    def message(self, data: bytes) -> bool:
        self._relay.from_upstream(data, self._gateway.stream.opcode)
        return self._client.has_room()

    def closed(self, code: int, reason: str) -> None:
        self._relay.upstream_gone(code, reason)


class Untouched:
    """A ports.Peer that hands messages to the other side as they come: for what is not the gateway's protocol.

    Should the gateway speak its own after all, the connection ends before a request can have passed.
    """

    def __init__(self, side: Connection, other: "Connection | None" = None) -> None:
        self._side = side
        self.other = other
        self.is_gateway = False

    def opened(self) -> None: ...

    def message(self, data: bytes) -> bool:
        assert self.other is not None
        if self.is_gateway and CHALLENGE in data[:MOST_OF_A_NAME]:
            self._side.close(1008, "guarded")
            self.other.close(1008, "not allowed on this path")
            return True
        self.other.send_as(self._side.stream.opcode, data)
        return self.other.has_room()

    def closed(self, code: int, reason: str) -> None:
        if self.other is not None:
            self.other.close(1001 if code == LOST else code, reason)


class GuardProxy:
    """In front of the gateway that `settings.upstream.url` names; *gateway* is our own, whose port is for control.

    Raises ConfigError for what cannot work.
    """

    def __init__(self, gateway: Gateway) -> None:
        settings = gateway.loaded.settings
        guard = self._settings = settings.guard
        self._secret = secret_of(guard)
        # Closing on what the gateway has not read yet would take the client's last words back.
        pump = PumpLimits(limits.MAX_BUFFERED_BYTES, close_grace_s=GATEWAY_GRACE_S)
        options = DialOptions(tls_ca=settings.upstream.tls_ca, pump=pump)
        self.upstream = Upstream(target_of(settings), options, gateway.clock)
        judging = gateway.judging
        self._desk = GuardDesk(judging, judging.reviews, gateway.verdicts.publish, gateway.clock, guard.hold_s)
        free = frozenset(spec.name for spec in gateway.router.methods if not spec.guarded) - {node_events.METHOD}
        witness = Witness(lambda: gateway.coverage, lambda: gateway.hooks.has_plugin, hub.spawn)
        self.shared = Shared(self._desk, free, Repeats(), Passes(), witness)
        throttle = LoginThrottle(settings.auth.failures_per_minute)
        self._access = FrontAccess(lambda: self._secret, throttle, gateway.clock)
        self._options = ServerOptions(
            tls_cert=settings.gateway.tls_cert,
            tls_key=settings.gateway.tls_key,
            max_connections=settings.gateway.max_connections,
            max_connections_per_address=settings.gateway.max_connections_per_address,
            body_bytes=limits.MAX_PAYLOAD_BYTES,
            pump=PumpLimits(say_why=False),
        )
        self._gateway = gateway
        self._server: FrontServer | None = None
        self._supervisor = hub.Supervisor()
        self._canaries = Record(gateway.metrics, gateway.clock)

    def start(self) -> tuple[str, int]:
        """Listen; the gateway of our own does already. Returns the address. Raises ConfigError."""
        reviews = self._gateway.judging.reviews
        announce = reviews.listener

        def reviewed(held: Held) -> None:
            announce(held)
            self._desk.reviewed(held)

        reviews.listener = reviewed
        self._gateway.blocks["guard"] = self.status
        self._gateway.reloads["guard.token_file"] = self._read_secret
        try:
            self._server = serve_front(self, self._settings.listen, self._options)
        except OSError as error:
            raise ConfigError([Problem("guard.listen", 0, 0, "listen", str(error.strerror or error))]) from None
        self.upstream.knock()  # who starts a guard hears at once when there is nothing behind it
        self._supervisor.start("upstream", self.upstream.watch)
        if every_s := self._gateway.loaded.settings.upstream.canary_minutes * 60.0:
            proof = Proof(self.shared, self._server.ask, self._access.pass_for_us, self._canaries)
            self._supervisor.start("canary", lambda: proof.run(every_s))
        host, port = self._server.addresses[0]
        logger.info("guard.started", extra={"host": host, "port": port, "upstream": str(self.upstream.target)})
        return host, port

    def stop(self) -> None:
        self._supervisor.stop(STOP_S)
        if self._server is not None:
            self._server.stop()
        self._desk.settle()

    def _read_secret(self) -> None:
        """Raises ConfigError, and then the token before stays in force."""
        self._secret = secret_of(self._settings)

    def status(self) -> dict[str, Json]:
        """The guard's block of `status`."""
        return {
            "upstream": str(self.upstream.target),
            "upstreamUp": self.upstream.is_up,
            "connections": len(self._server) if self._server is not None else 0,
            "waiting": self._desk.waiting,
            "canaries": self._canaries.status(),
        }

    # --- net.front.Front ----------------------------------------------------------------------------------------

    def admit(self, asked: Asked) -> tuple[Asked, Response | None]:
        asked, refused = self._access.admit(asked)
        return asked._replace(headers=self._forwarded(asked)), refused

    def must_judge(self, asked: Asked) -> bool:
        return guarded_as(asked.method, asked.target, self._settings.hooks_path) is not None

    def judge(self, asked: Asked, request: Request) -> Response | None:
        name = guarded_as(asked.method, asked.target, self._settings.hooks_path)
        assert name is not None
        try:
            action = action_of(name, request.body, request.headers, Origin(new_action_id(), "guard"))
        except UnreadableBody as error:
            return error_response(400, "invalid_request_error", str(error))
        refused = self._desk.decide_and_wait(action)
        if refused is None:
            return None
        shape = refused.shape()
        code = (refused.details or {}).get("code", refused.code)
        return json_response(403, {"ok": False, "error": {"type": "forbidden", **shape, "code": code}})

    def join(self, client: Connection, facts: UpgradeFacts, opened: Opened) -> Peer:
        if facts.path not in OTHER_PROTOCOL:
            self._gateway.expect_commands()
            return ClientSide(client, opened, self)
        near = Untouched(client)

        def far(link: Link) -> Untouched:
            near.other = cast(Connection, link)
            side = Untouched(near.other, client)
            side.is_gateway = True
            return side

        gateway = attach(opened, far, self.upstream.options)
        gateway.watch_room(client.resume)
        client.watch_room(gateway.resume)
        return near

    def _forwarded(self, asked: Asked) -> tuple[tuple[str, str], ...]:
        headers = tuple((name, value) for name, value in asked.headers if name.lower() not in FORWARDED)
        if not self._settings.forwarded:
            return headers
        facts = asked.facts
        scheme = "https" if facts.is_tls else "http"
        said = (("X-Forwarded-For", facts.remote), ("X-Forwarded-Host", facts.host), ("X-Forwarded-Proto", scheme))
        return (*headers, *said)


def target_of(settings: Settings) -> Target:
    """Raises ConfigError, also when we would stand in front of ourselves."""
    url, listen = settings.upstream.url, settings.guard.listen
    if url is None:
        hint = "give --upstream ws://127.0.0.1:18789"
        raise ConfigError([Problem("upstream.url", 0, 0, "upstream.missing", "names no gateway", hint=hint)])
    try:
        target = Target.parse(url)
    except ValueError as error:
        raise ConfigError([Problem("upstream.url", 0, 0, "upstream.url", str(error))]) from None
    if listen.port == target.port and target.host in (listen.host, "localhost"):
        hint = f"--listen 127.0.0.1:{target.port + 1}"
        raise ConfigError([Problem("guard.listen", 0, 0, "upstream.self", "the gateway listens there", hint=hint)])
    return target


def secret_of(guard: Guard) -> str | None:
    """The guard's own token; beyond loopback there must be one. Raises ConfigError."""
    if guard.token_file is not None:
        return read_secret(guard.token_file)
    if guard.listen.is_loopback:
        return None
    message = f"{guard.listen} can be reached from elsewhere, and to the gateway every caller would be a local one"
    hint = "set guard.token_file, or listen on 127.0.0.1"
    raise ConfigError([Problem("guard.listen", 0, 0, "guard.open", message, hint=hint)])


def on_control(loaded: Loaded) -> Loaded:
    """Settings of the gateway of our own: on the control address, and without what a `serve` beside us does."""
    settings = loaded.settings
    gateway = settings.gateway._replace(listen=settings.guard.control, plugin_socket=None, control_ui=None)
    return loaded._replace(settings=settings._replace(gateway=gateway, channels=settings.channels._replace(file=None)))
