"""Runs a gateway by itself: listens, beats, reloads, stops.

Must not know what the parts do. Invariant: after `stop` nothing listens, every client was told why (1012), and what
was decided is on disk.
"""

import logging
from collections.abc import Callable
from errno import EADDRINUSE
from typing import Any, Final, NamedTuple

from gw import hub, limits
from gw.config.load import Loaded
from gw.config.settings import SETTINGS, build
from gw.errors import ConfigError, GwError
from gw.model.problem import Problem
from gw.modes.build import Gateway
from gw.modes.policy_files import Policies
from gw.net.lines import LineServer
from gw.net.listener import Server, ServerOptions, serve
from gw.net.notify import Notifier
from gw.observe.health import LoopSample
from gw.observe.log import Logging
from gw.observe.rss import give_back

logger = logging.getLogger(__name__)

FLUSH_S: Final = 1.0  # how long a record of an allowed action may wait for the disk
PRUNE_S: Final = 3600.0
STOP_S: Final = 5.0


class Address(NamedTuple):
    """Where clients connect."""

    url: str
    http: str


class Standalone:
    """`reload_settings` loads the settings anew, or raises ConfigError; *policies* are read here unless given."""

    def __init__(
        self,
        loaded: Loaded,
        logs: Logging,
        reload_settings: Callable[[], Loaded],
        policies: Policies | None = None,
    ) -> None:
        self.gateway = Gateway(loaded, logs.history, policies)
        self._logs = logs
        self._reload_settings = reload_settings
        self._supervisor = hub.Supervisor()
        self._notifier = Notifier()
        self._server: Server | None = None
        self._plugins: LineServer | None = None
        self.address = ""  # HOST:PORT, once it listens

    def start(self) -> Address:
        """Listen. Raises ConfigError for an address or TLS files that cannot be used."""
        gateway = self.gateway
        settings = gateway.loaded.settings.gateway
        options = ServerOptions(
            tls_cert=settings.tls_cert,
            tls_key=settings.tls_key,
            max_connections=settings.max_connections,
            max_connections_per_address=settings.max_connections_per_address,
        )
        gateway.judging.integrity.sweep()  # what happened while nobody looked weighs on the first action already
        try:
            self._server = serve([settings.listen], gateway.peer, gateway.routes, options, metrics=gateway.metrics)
        except OSError as error:
            why, hint = str(error.strerror or error), "take another with --listen" if error.errno == EADDRINUSE else ""
            raise ConfigError([Problem("gateway.listen", 0, 0, "listen", why, hint=hint)]) from None
        host, port = self._server.addresses[0]
        gateway.attach(host, port)
        self._plugins = self._listen_for_plugins()
        self._supervisor.start("tick", self._tick)
        self._supervisor.start("flush", self._flush)
        self._supervisor.start("health", gateway.watch_health)
        if gateway.channels is not None:
            gateway.channels.start(self._supervisor)
        if gateway.loaded.settings.integrity.enabled:
            self._supervisor.start("integrity", gateway.judging.integrity.run)
        self._supervisor.start("policies", gateway.policies.watch)
        self._supervisor.start("retention", self._prune)
        self._supervisor.start("lag", lambda: hub.probe_lag(self._sample_lag))
        if self._notifier.watchdog_s is not None:
            self._supervisor.start("watchdog", self._beat)
        give_back()  # what reading settings and policies left behind
        gateway.health.started()
        self._notifier.ready(f"listening on {settings.listen}")
        logger.info("gateway.started", extra={"host": host, "port": port, "tls": settings.tls_cert is not None})
        shown = f"[{host}]" if ":" in host else host
        secure = "s" if settings.tls_cert else ""
        self.address = f"{shown}:{port}"
        return Address(f"ws{secure}://{shown}:{port}", f"http{secure}://{shown}:{port}")

    def stop(self) -> None:
        """Tell everybody, then end."""
        gateway = self.gateway
        self._notifier.stopping()
        gateway.bus.publish("shutdown", {"reason": "service stopping"})
        if self._server is not None:
            self._server.stop()
        if self._plugins is not None:
            self._plugins.stop()
        self._supervisor.stop(STOP_S)
        gateway.close()
        self._notifier.close()
        logger.info("gateway.stopped")

    def _listen_for_plugins(self) -> LineServer:
        settings = self.gateway.loaded.settings.gateway
        path = settings.plugin_socket or settings.state / "plugin.sock"
        try:
            return LineServer(path, self.gateway.hooks.answer)
        except OSError as error:
            problem = Problem("gateway.plugin_socket", 0, 0, "listen", f"{path}: {error.strerror or error}")
            raise ConfigError([problem]) from None

    # --- reload ---------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read settings, secret and policy again; what is broken keeps its last good value."""
        self._notifier.reloading(int(self.gateway.clock.monotonic() * 1e6))
        for what, step in self._steps().items():
            try:
                step()
            except GwError as error:
                logger.error("reload.failed", extra={"what": what, "problem": str(error)})
        self._notifier.ready()

    def _steps(self) -> dict[str, Callable[[], object]]:
        return {
            "settings": self._reload_settings_table,
            "secret": self.gateway.secret.reload,
            "policy": self.gateway.policies.reload,
            "channels": self.gateway.reload_channels,
            **self.gateway.reloads,
        }

    def _reload_settings_table(self) -> None:
        gateway = self.gateway
        old, new = gateway.loaded, self._reload_settings()
        values: dict[str, Any] = {}
        for row in SETTINGS:
            source = new if row.reloadable else old
            values[row.path] = source.settings.value(row.path)
            if not row.reloadable and new.settings.value(row.path) != values[row.path]:
                logger.warning("reload.needs_restart", extra={"setting": row.path})
        gateway.loaded = new._replace(settings=build(values))
        settings = gateway.loaded.settings
        gateway.judging.pipeline.audit_only = settings.policy.audit_only
        self._logs.set_level(settings.log.level)

    # --- what runs all the time -----------------------------------------------------------------------------

    def _tick(self) -> None:
        while True:
            hub.sleep(limits.TICK_INTERVAL_MS / 1000)
            self.gateway.beat()

    def _flush(self) -> None:
        while True:
            hub.sleep(FLUSH_S)
            self.gateway.judging.flush()

    def _prune(self) -> None:
        gateway = self.gateway
        while True:
            ledger = gateway.loaded.settings.ledger
            try:
                gateway.files.run(gateway.judging.prune, ledger, gateway.clock.now_ms())
            except (OSError, GwError) as error:
                logger.warning("ledger.prune_failed", extra={"error": type(error).__name__})
            hub.sleep(PRUNE_S)

    def _beat(self) -> None:
        assert self._notifier.watchdog_s is not None
        while True:
            self._notifier.alive()
            hub.sleep(self._notifier.watchdog_s)

    def _sample_lag(self, sample: LoopSample) -> None:
        gateway = self.gateway
        gateway.health.sample_loop(sample, gateway.clock.now_ms())
        gateway.metrics.histogram("clawgate_hub_lag_seconds").observe(sample.delay_ms / 1000)
