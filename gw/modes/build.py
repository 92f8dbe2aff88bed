"""The composition root: settings in, a gateway out. The only place that knows every class.

Must not know signals or how a mode runs. Invariant: nothing listens and nothing is judged before every part is built;
what cannot be built raises ConfigError or PolicyError with all problems.
"""

import gc
import logging
from collections.abc import Callable, Container
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from gw import DATA, __version__, hub
from gw.access.admission import Admission
from gw.access.pairing import Pairings
from gw.access.surfaces import Surfaces
from gw.access.throttle import LoginThrottle
from gw.config.load import Loaded
from gw.defender import understanding
from gw.errors import GwError
from gw.methods.absent import Absent, AbsentCron
from gw.methods.agents import Agents
from gw.methods.approvals import Approvals
from gw.methods.channels import Channels
from gw.methods.client import Client, Frames, Services
from gw.methods.config import Config
from gw.methods.devices import Devices
from gw.methods.events import EventBus
from gw.methods.handshake import Handshake
from gw.methods.logs import Logs
from gw.methods.models import Models
from gw.methods.nodes import Nodes
from gw.methods.presence import Presence
from gw.methods.reviews import ReviewDesk
from gw.methods.router import Router
from gw.methods.security import Security
from gw.methods.system import ServerFacts, System
from gw.methods.ui import Ui
from gw.methods.verdicts import Verdicts
from gw.modes.control_ui import ControlUi, bootstrap_document
from gw.modes.conversing import SENT_EVENTS as SESSION_EVENTS
from gw.modes.conversing import build_conversing, config_of, store_path
from gw.modes.hooks import Hooks
from gw.modes.http_access import HttpAccess
from gw.modes.http_routes import build_routes
from gw.modes.judging import Judging, build_judging
from gw.modes.policy_files import Policies, policy_paths, read_policies, trust_of
from gw.modes.policy_reload import PolicyReload
from gw.modes.records import restored
from gw.modes.reputation import save_cache
from gw.modes.secret import SharedSecret
from gw.net.http import Route
from gw.observe.health import Health
from gw.observe.history import History
from gw.observe.memory import MemoryWatch
from gw.observe.metrics import Metrics
from gw.observe.rss import give_back
from gw.ports import Json, Link, UpgradeFacts
from gw.session.keys import KeyRules
from gw.session.runner import PlainRunner
from gw.wire import json
from gw.wire.connect import Server
from gw.wire.events import EventTable
from gw.wire.methods import MethodTable
from gw.wire.params import Shape, load_shapes

if TYPE_CHECKING:
    from gw.config.settings import Settings
    from gw.modes.beside.coverage import Coverage, Gap
    from gw.modes.channels import ChannelService, ChannelsFile

logger = logging.getLogger(__name__)

STORE_QUEUE: Final = 4096
FILE_WORKERS: Final = 2
FILE_QUEUE: Final = 512
HEALTH_S: Final = 5.0
GIVE_BACK_SAMPLES: Final = 12

# Events that some part of this gateway sends; hello-ok names these and no others.
SENT_EVENTS: Final = frozenset(
    {"connect.challenge", "health", "presence", "tick", "shutdown", "security.decision"}
    | {"security.review.requested", "security.review.resolved", "security.unguarded_execution"}
    | {"device.pair.requested", "device.pair.resolved", "device.pair.changed"}
    | {"node.pair.requested", "node.pair.resolved", "node.invoke.request"}
    | {"cron", "heartbeat"}
    | SESSION_EVENTS
)


class Gateway:
    """A whole gateway, built but not yet listening."""

    def __init__(self, loaded: Loaded, history: History, policies: Policies | None = None) -> None:
        settings = loaded.settings
        self.loaded = loaded
        self.history = history
        self.clock = hub.SystemClock()
        self.crew = hub.Crew()  # serves requests
        self.metrics = Metrics()
        self.health = Health(self.clock.now_ms())
        self.store = hub.OffloadPool("store", 1, STORE_QUEUE)
        self.files = hub.OffloadPool("files", FILE_WORKERS, FILE_QUEUE)
        self.secret = SharedSecret(settings)
        policies = policies or read_policies(settings)
        self.judging: Judging = build_judging(settings, self.clock, self.store, self.files, self.metrics, policies)
        self.policies = PolicyReload(
            self.judging.policy,
            lambda: policy_paths(self.loaded.settings),
            lambda: trust_of(self.loaded.settings),
            self.files,
            self.metrics,
            policies.seen,
        )
        self.bus = EventBus(EventTable(read_table("events.json")))
        self.verdicts = Verdicts(self.bus)
        self.pairings = restored(Pairings, settings.gateway.state / "devices.json", self.store)
        self.surfaces = restored(Surfaces, settings.gateway.state / "nodes.json", self.store)
        self.router = Router(
            MethodTable(read_table("methods.json")),
            spawn=self.crew.spawn,
            guard=self.judging.guard,
            announce=self.verdicts.announce,
            shapes=read_shapes,
        )
        page = ControlUi(settings.gateway.control_ui, self.files) if settings.gateway.control_ui else None
        build_id = page.build_id if page else None
        self.identity = Server(__version__, build_id or f"clawgate-{__version__}", str(uuid4()))
        self.chats = read_channels(settings)
        self.talk = build_conversing(
            store_path(settings),
            config_of(settings, self.chats.rules if self.chats is not None else None),
            PlainRunner(),
            bus=self.bus,
            clock=self.clock,
            tasks=hub.Greenlets(),
            store=self.store,
        )
        self.presence = Presence(self.bus, self.clock, __version__, self.identity.boot_id, later=call_later)
        throttle = LoginThrottle(settings.auth.failures_per_minute)
        self.http_access = HttpAccess(self.secret.current, self.pairings, throttle, self.clock)
        self.admission = Admission(
            self.secret.current,
            self.pairings,
            throttle,
            allowed_origins=lambda: self.loaded.settings.gateway.allowed_origins,
            page_build=build_id,
        )
        self.hooks = Hooks(
            *(self.judging.judge, self.verdicts.publish, self.judging.reviews, lambda: self.coverage, self.clock.now_ms)
        )
        self.channels = self._channels()
        self.memory = self._memory()
        self.routes = self._routes(page)
        self.blocks: dict[str, Callable[[], Json]] = {}  # what a mode adds to `status`
        self.reloads: dict[str, Callable[[], object]] = {}  # what a mode reads again at a reload
        self._services: Services | None = None
        self._is_expecting = False
        self._system: System | None = None
        self.metrics.watch("clawgate_connections", lambda: len(self.bus))

    def attach(self, host: str, port: int) -> None:
        """Serve every method; called once, when the port is known and before anybody can have connected."""
        facts = ServerFacts(__version__, self.identity.boot_id, host, port, self.loaded.settings.gateway.state)
        agent = default_agent(self.talk.desk.config.rules)
        system = self._system = System(self.clock, self.health, facts, self.talk.book, self.posture, agent)
        if self.channels is not None:
            heartbeats = self.channels.heartbeats
            system.heartbeat = lambda: heartbeats.last
        devices = Devices(self.pairings, self.bus, self.clock)
        self.pairings.listener = devices.announce
        nodes = Nodes(self.pairings, self.surfaces, self.bus, self.clock, hub.Greenlets())
        self.surfaces.listener = nodes.announce
        judging = self.judging
        judging.reviews.listener = self.verdicts.reviewed
        self.router.attach(
            Absent(),
            *(self.channels.families if self.channels is not None else ()),
            *(() if self.channels is not None and self.channels.cron is not None else (AbsentCron(),)),
            Agents(self.talk.desk.config.rules, self._identities),
            Approvals(),
            self._channels_shown(),
            Config(lambda: self.loaded, port, self.clock.now_ms()),
            devices,
            Logs(self.history),
            Models(self.clock),
            nodes,
            self.presence,
            *self.talk.families,
            ReviewDesk(judging.reviews, judging.quarantine, self.store),
            Security(
                judging.pipeline,
                judging.policy,
                judging.log,
                judging.quarantine,
                self.store,
                self.clock,
                self.verdicts.publish,
                self.policies.reload,
            ),
            system,
            Ui(facts),
        )
        self._services = Services(
            router=self.router,
            bus=self.bus,
            handshake=self._handshake(system.health_snapshot),
            clock=self.clock,
            spawn=hub.spawn,
            frames=Frames.of(self.metrics),
            connected=(self.presence.changed, nodes.joined),
            left=(self.presence.changed, nodes.left),
        )

    @cached_property
    def coverage(self) -> "Coverage":
        """Made when the first gate is asked about a call; a gateway that nobody asks does without."""
        from gw.ledger.decisions import read_latest
        from gw.modes.beside.coverage import EVENT, RECALLED, Coverage, recall_from

        log, started_ms = self.judging.log, self.clock.now_ms()

        def tell(gap: "Gap") -> None:
            self.bus.publish(EVENT, gap.shape())

        def recall(call_id: str) -> bool | None:
            try:
                return self.store.run(lambda: recall_from(read_latest(log.folder, RECALLED), call_id, started_ms))
            except (OSError, GwError):
                return None  # not found is the alarm, not the way around it

        return Coverage(self.clock, self.metrics, tell, recall)

    def peer(self, link: Link, facts: UpgradeFacts) -> Client:
        """The protocol object of a new connection."""
        assert self._services is not None
        self.expect_commands()
        return Client(link, facts, self._services)

    def expect_commands(self) -> None:
        """With the first client, load what understands commands and texts, beside the hub."""
        if not self._is_expecting:
            self._is_expecting = True
            hub.spawn(self._load_understanding)

    def _load_understanding(self) -> None:
        with suppress(GwError):  # a full pool: the first of them loads it
            self.files.run(understanding.load)

    def beat(self) -> None:
        """What every client hears at a steady interval: that we live, and how we are."""
        assert self._system is not None
        self.bus.tick(self.clock.now_ms())
        self.bus.health_version += 1
        self.bus.publish("health", self._system.health_snapshot(), state_version=True)

    def posture(self) -> dict[str, Json]:
        """clawgate's own block of `status`."""
        judging = self.judging
        return {
            "policy": judging.policy.current.ref._asdict(),
            "integrity": judging.integrity.status(),
            "auditOnly": judging.pipeline.audit_only,
            "decisions": judging.log.written,
            "decisionsDropped": judging.log.dropped,
            "textsDropped": judging.ledgers.unquarantined,
            "connections": len(self.bus),
            "pairedDevices": len(self.pairings.all_paired()),
            "plugin": self.hooks.plugin or None,
            "coverage": self.coverage.status() if "coverage" in vars(self) else None,
            **{name: describe() for name, describe in self.blocks.items()},
        }

    def close(self) -> None:
        """Write what is still in memory and let the threads go."""
        self.judging.flush()
        self.judging.log.close()
        save_cache(self.judging.reputation, self.loaded.settings)
        if self.channels is not None:
            self.channels.close()
        self.talk.book.close()
        self.store.close()
        self.files.close()

    def _channels_shown(self) -> Channels:
        if self.channels is None:
            return Channels(self.clock, self.health)
        return Channels(self.clock, self.health, self.channels.accounts, self.channels.stopped)

    def reload_channels(self) -> None:
        """Read the channels file again. Raises ConfigError, and then the one before stays in force."""
        newer = read_channels(self.loaded.settings)
        if self.channels is not None and newer is not None:
            for part in self.channels.reload(newer):
                logger.warning("reload.needs_restart", extra={"setting": f"channels.file: {part}"})

    def _identities(self) -> dict[str, Json]:
        """What the channels file calls its agents."""
        agents = self.chats.rules.agents if self.chats is not None else {}
        return {name: agent.get("identity") or {} for name, agent in agents.items()}

    def _memory(self) -> MemoryWatch:
        chosen = self.loaded.settings.memory
        watch = MemoryWatch(chosen.soft_mb, chosen.hard_mb, [self.judging.cache.clear, self.talk.book.forget])
        if self.channels is not None:
            watch.shed.append(self.channels.shed)
        watch.shed.append(gc.collect)
        watch.shed.append(give_back)
        self.talk.turns.admit = watch.admit
        self.metrics.watch("clawgate_rss_bytes", lambda: watch.rss_bytes)
        self.metrics.watch("clawgate_memory_sheds", lambda: watch.sheds)
        return watch

    def watch_health(self) -> None:
        """For ever: not ready past the hard limit of memory, nor while the store cannot be written.

        What is owed to the disk is written as soon as it takes it; each minute what is free is given back.
        """
        samples = 0
        while True:
            self.memory.sample()
            self.health.note("memory", failing=self.memory.is_refusing)
            with suppress(GwError):
                self.talk.book.ready()
            self.health.note("store", failing=self.talk.book.is_failing)
            samples += 1
            if samples % GIVE_BACK_SAMPLES == 0:
                with suppress(GwError):  # a full pool has better things to do
                    self.files.run(give_back)
            hub.sleep(HEALTH_S)

    def _channels(self) -> "ChannelService | None":
        if self.chats is None:
            return None
        from gw.modes.channels import ChannelService

        state, judging = self.loaded.settings.gateway.state, self.judging
        return ChannelService(
            *(self.chats, state, self.talk, self.bus, self.clock, self.store, self.metrics),
            judge=judging.judge,
            tell=self.verdicts.publish,
        )

    def _routes(self, page: ControlUi | None) -> dict[str, Route]:
        metrics = self.metrics if self.loaded.settings.metrics.enabled else None
        routes = build_routes(self.clock, self.health, metrics, self.files, self.http_access)
        routes["/guard/ask"] = self.hooks.route(self.http_access)
        if self.channels is not None:
            routes |= self.channels.routes()
        if page is not None:
            agent = default_agent(self.talk.desk.config.rules)
            routes |= page.routes(self.http_access, lambda: bootstrap_document(__version__, page.build_id, agent))
        return routes

    def _handshake(self, health: Callable[[], Json]) -> Handshake:
        def events(protocol: int) -> tuple[str, ...]:
            sent = (spec for spec in self.bus.events if spec.name in SENT_EVENTS)
            return tuple(spec.name for spec in sent if protocol >= 4 or spec.v3)

        def snapshot(client: Client) -> dict[str, Json]:
            return {
                "presence": self.presence.entries(joining=client),
                "health": health(),
                "stateVersion": self.bus.state_version(),
                "uptimeMs": self.health.uptime_ms(self.clock.now_ms()),
                "sessionDefaults": session_defaults(self.talk.desk.config.rules),
                "suspension": {"phase": "accepting"},
            }

        shape = read_shapes({"connect"})["connect"]
        identity, metrics = self.identity, self.metrics
        return Handshake(
            *(self.admission, self.router, identity, shape, self.clock, metrics), events=events, snapshot=snapshot
        )


def default_agent(rules: KeyRules) -> str:
    return rules.default_agent or rules.agents[0]


def session_defaults(rules: KeyRules) -> dict[str, Json]:
    """What a client assumes when it names neither agent nor session."""
    default = default_agent(rules)
    return {
        "defaultAgentId": default,
        "modelConfigured": False,
        "ownership": "sole" if len(rules.agents) == 1 else "explicit",
        "selectionRequired": rules.default_agent is None,
        "mainKey": rules.main_key,
        "mainSessionKey": f"agent:{default}:{rules.main_key}",
        "scope": rules.scope,
    }


def read_channels(settings: "Settings") -> "ChannelsFile | None":
    """Raises ConfigError. Drivers, rules and timers load only where they are configured."""
    if settings.channels.file is None:
        return None
    from gw.modes.channels import ChannelsFile

    return ChannelsFile(settings.channels.file)


def read_table(name: str) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = json.loads((DATA / name).read_bytes())
    return rows


def read_shapes(wanted: Container[str]) -> dict[str, Shape]:
    return load_shapes((DATA / "params.json").read_text(encoding="utf-8"), wanted)


def call_later(seconds: float, function: Callable[[], None]) -> None:
    def wait() -> None:
        hub.sleep(seconds)
        function()

    hub.spawn(wait)
