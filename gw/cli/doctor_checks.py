"""What `clawgate doctor` looks at: one function a check, in the order they are shown.

Knows no network: everything it judges is in `Facts`. Invariant: a check never raises for what it finds, and a set-up
is called enforcing only when a gate in front of everything an agent does was seen to bite.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from gw import __version__
from gw.config.settings import Settings
from gw.model.problem import Problem
from gw.modes.beside import ways
from gw.modes.beside.openclaw_config import State

OK, WARNING, ERROR = "ok", "warning", "error"
TESTED: Final = ("2026.9.", "2026.5.")  # releases of OpenClaw this version was tried against
MOST_SKEW_MS: Final = 90_000  # a gateway refuses device signatures that are older than about this
SILENT_MS: Final = 150_000  # two heartbeats of the plugin missed


class Result(NamedTuple):
    check: str
    level: str  # OK, WARNING, ERROR
    text: str
    fix: str = ""


class Facts(NamedTuple):
    """What was found out; None where it could not be."""

    settings: Settings
    now_ms: int
    problems: tuple[Problem, ...] = ()  # of configuration, secrets and policies
    policy_mode: str | None = None
    policy_digest: str = ""  # of the files; empty when they do not load
    status: Mapping[str, Any] | None = None  # clawgate's block of the daemon's `status`
    unreachable: str = ""  # why there is no status
    start: str = "systemctl start clawgate"  # what to do about it
    same: str = ""  # flags by which other commands speak of the same daemon
    openclaw: State | None = None  # its configuration
    openclaw_version: str = ""
    upstream_skew_ms: int | None = None
    guard_probe: str = ""  # bites, open, unreachable; "" when there was no token to probe it with

    @property
    def setup(self) -> str:
        return ways.SETUP + self.same

    def block(self, name: str) -> Mapping[str, Any]:
        found = (self.status or {}).get(name)
        return found if isinstance(found, Mapping) else {}


Check = Callable[[Facts], Iterator[Result]]


def check_configuration(facts: Facts) -> Iterator[Result]:
    for problem in facts.problems:
        yield Result("configuration", ERROR if problem.severity == "error" else WARNING, str(problem))
    if not facts.problems:
        yield Result("configuration", OK, "settings, secrets and policies load without a problem")


def check_daemon(facts: Facts) -> Iterator[Result]:
    if facts.status is None:
        yield Result("daemon", ERROR, facts.unreachable or "not reachable", facts.start)
        return
    for name, what in (("decisionsDropped", "decisions"), ("textsDropped", "texts of stopped actions")):
        if dropped := facts.status.get(name, 0):
            said = f"{dropped} {what} could not be written"
            yield Result("daemon", ERROR, said, "look at the disk of gateway.state")
    yield Result("daemon", OK, f"answers at {facts.settings.gateway.listen}")


def check_mode(facts: Facts) -> Iterator[Result]:
    if facts.settings.policy.audit_only or (facts.status or {}).get("auditOnly"):
        fix = "set policy.audit_only: false, or leave --audit-only out; then systemctl reload clawgate"
        yield Result("mode", ERROR, "audit only: nothing is enforced", fix)
    elif facts.policy_mode == "audit":
        fix = f"set mode: enforce in {facts.settings.policy.path}"
        yield Result("mode", ERROR, "the policy's mode is audit: nothing is enforced", fix)
    elif facts.policy_mode is not None:
        yield Result("mode", OK, "the policy is enforced")
    running = facts.block("policy").get("digest", facts.policy_digest)
    if running != facts.policy_digest:
        fix = "mend the files, or name the daemon's with --policy; then systemctl reload clawgate, and see its log"
        yield Result("mode", WARNING, "the daemon goes on with another policy than these files hold", fix)


def check_socket(facts: Facts) -> Iterator[Result]:
    path = socket_path(facts.settings)
    try:
        found = path.stat()
    except OSError as error:
        elsewhere = "the daemon listens elsewhere: give its --state, or see gateway.plugin_socket"
        fix = "the daemon makes it when it starts" if facts.status is None else elsewhere
        yield Result("socket", WARNING, f"{path}: {error.strerror}", fix)
        return
    if not stat.S_ISSOCK(found.st_mode):
        yield Result("socket", ERROR, f"{path} is not a socket")
    elif found.st_mode & 0o007:
        yield Result("socket", ERROR, f"{path} is open to everybody", f"chmod 660 {path}")
    else:
        yield Result("socket", OK, f"{path}, for its group only")
    asked = facts.openclaw.socket if facts.openclaw is not None else None
    if asked and Path(asked).resolve() != path.resolve():
        fix = f"clawgate openclaw setup --socket {path}"
        yield Result("socket", ERROR, f"OpenClaw's plugin asks at {asked}, the daemon listens at {path}", fix)


def check_permissions(facts: Facts) -> Iterator[Result]:
    folder = facts.settings.gateway.state
    try:
        found = folder.stat()
    except OSError as error:
        fix = "the daemon makes it at its first start; if it has started, give its --state"
        yield Result("permissions", WARNING, f"{folder}: {error.strerror}", fix)
        return
    if found.st_mode & 0o022:
        yield Result("permissions", ERROR, f"others may write into {folder}", f"chmod 700 {folder}")
    elif found.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        yield Result("permissions", OK, f"{folder} belongs to the service's own user")
    else:
        yield Result("permissions", OK, f"nobody but its owner may write into {folder}")


def check_ports(facts: Facts) -> Iterator[Result]:
    gateway, auth = facts.settings.gateway, facts.settings.auth
    if gateway.listen.is_loopback:
        yield Result("ports", OK, f"{gateway.listen} is loopback")
    elif gateway.tls_cert is None:
        fix = "set gateway.tls_cert and gateway.tls_key, or listen on 127.0.0.1"
        yield Result("ports", WARNING, f"{gateway.listen} is reachable from outside without TLS", fix)
    else:
        yield Result("ports", OK, f"{gateway.listen} with TLS")
    if auth.mode == "none":
        yield Result("ports", WARNING, "no token is asked for", "set auth.mode: token")


def check_clocks(facts: Facts) -> Iterator[Result]:
    skew_ms = facts.upstream_skew_ms
    if skew_ms is None:
        return
    if abs(skew_ms) > MOST_SKEW_MS:
        text = f"the real gateway's clock is {skew_ms / 1000:+.0f} s off: it will refuse device signatures"
        yield Result("clocks", ERROR, text, "synchronise both machines (timedatectl set-ntp true)")
    else:
        yield Result("clocks", OK, f"{abs(skew_ms)} ms apart from the real gateway")


def check_openclaw(facts: Facts) -> Iterator[Result]:
    version = (
        facts.openclaw_version or facts.block("sidecar").get("version") or facts.block("plugin").get("openclaw", "")
    )
    if not version:
        fix = "run this as the user who runs it, or name its program with --openclaw"
        yield Result("openclaw", WARNING, "no OpenClaw was found", fix)
    elif not any(release in version for release in TESTED):
        yield Result("openclaw", WARNING, f"{version} was not tried with this clawgate; the probes below tell")
    else:
        yield Result("openclaw", OK, version)


def check_plugin(facts: Facts) -> Iterator[Result]:
    state, plugin = facts.openclaw, facts.block("plugin")
    if state is not None and not state.is_loaded:
        yield Result("plugin", WARNING, "not loaded into OpenClaw", facts.setup)
    elif state is not None and not state.sees_prompts:
        yield Result("plugin", ERROR, "loaded, but OpenClaw keeps prompts and results from it", facts.setup)
    if not plugin:
        if state is not None and state.is_loaded:
            yield Result("plugin", ERROR, "loaded, but it has not asked this daemon", "restart OpenClaw's gateway")
    elif facts.now_ms - plugin.get("seenMs", 0) > SILENT_MS:
        yield Result("plugin", ERROR, "silent for minutes: OpenClaw is down, or asks elsewhere", "see its log")
    elif plugin.get("version") not in (None, __version__):
        text = f"the plugin is {plugin['version']}, this is {__version__}"
        yield Result("plugin", WARNING, text, "restart OpenClaw's gateway so that it loads the newer one")
    elif ways.PLUGIN in active_gates(facts):
        yield Result("plugin", OK, f"{plugin.get('version', '?')} asks, and its probe is refused")
    else:
        yield Result("plugin", ERROR, "asks, but its probe was not refused: this gate does not bite")


def check_approvals(facts: Facts) -> Iterator[Result]:
    sidecar = facts.block("sidecar")
    if not sidecar:
        return
    if not sidecar.get("connected"):
        yield Result("sidecar", ERROR, f"not connected: {sidecar.get('problem')}", "see upstream.url and its token")
    elif not sidecar.get("execAsksAlways"):
        fix = f"{facts.setup} --exec-ask"
        yield Result("sidecar", WARNING, "connected, but shell commands do not ask: it can only watch", fix)
    elif ways.APPROVALS in active_gates(facts):
        yield Result("sidecar", OK, "answers approvals, and its probe is refused")
    else:
        yield Result("sidecar", ERROR, "connected, but its probe was not refused: this gate does not bite")


GUARD_SAID: Final = {
    "": (
        WARNING,
        "stands in front, but nobody proved it: no token to probe it with",
        "put the token of the gateway behind it into a file (mode 600) and name that in upstream.token_file",
    ),
    "open": (ERROR, "a probe went through: this gate does not bite", "see policy.audit_only and the guard's log"),
    "unreachable": (ERROR, "nobody answers at guard.listen", "see guard.listen, and whether clawgate-guard runs"),
}


def check_guard(facts: Facts) -> Iterator[Result]:
    guard = facts.block("guard")
    if not guard:
        return
    if not guard.get("upstreamUp"):
        fix = "start that gateway, or correct upstream.url; the guard tries it again by itself"
        yield Result("guard", ERROR, f"{guard.get('upstream', 'the real gateway')} is away: it does not answer", fix)
    elif (said := guard_said(facts)) in GUARD_SAID:
        yield Result("guard", *GUARD_SAID[said])
    else:
        yield Result("guard", OK, "stands in front of the real gateway, and its probe is refused")


def guard_said(facts: Facts) -> str:
    """What our own probe found; without one, what the guard's regular probes of itself did."""
    outcomes = {probe.get("outcome") for probe in facts.block("guard").get("canaries", {}).values()}
    return facts.guard_probe or next((word for word in ("open", "unreachable", "bites") if word in outcomes), "")


def check_coverage(facts: Facts) -> Iterator[Result]:
    coverage = facts.block("coverage")
    if not coverage:
        return
    if unguarded := coverage.get("unguarded", 0):
        tools = ", ".join(f"{tool} {count}" for tool, count in coverage.get("byTool", {}).items())
        text = f"{unguarded} of {coverage['executions']} executions had no decision that let them happen: {tools}"
        yield Result("coverage", ERROR, text, "the daemon's log names them: execution.unguarded")
    else:
        yield Result("coverage", OK, f"{coverage.get('executions', 0)} executions, each with a decision")


def check_ways(facts: Facts) -> Iterator[Result]:
    if facts.status is None:
        fix = "start with what is said of the daemon above"
        yield Result("open", ERROR, "everything, as far as can be seen: no daemon answers", fix)
        return
    closes = {ways.SETUP: facts.setup}
    if facts.block("guard"):
        closes[ways.BEHIND_GUARD] = "see what is said of the guard above"
    for way in ways.open_ways(active_gates(facts)):
        yield Result("open", ERROR if way.is_agent else WARNING, way.name, closes.get(way.close, way.close))


CHECKS: Final[tuple[Check, ...]] = (
    check_configuration,
    check_daemon,
    check_mode,
    check_socket,
    check_permissions,
    check_ports,
    check_clocks,
    check_openclaw,
    check_plugin,
    check_approvals,
    check_guard,
    check_coverage,
    check_ways,
)


def active_gates(facts: Facts) -> list[str]:
    """Gates that were seen to bite lately, under a policy that enforces."""
    if facts.status is None or any(result.level == ERROR for result in check_mode(facts)):
        return []
    plugin, sidecar = facts.block("plugin"), facts.block("sidecar")
    probes = sidecar.get("canaries", {})

    def bites(gate: str) -> bool:
        return bool(probes.get(gate, {}).get("outcome") == "bites")

    seen = facts.now_ms - plugin.get("seenMs", 0) <= SILENT_MS if plugin else False
    found = {
        ways.PLUGIN: seen and (bites(ways.PLUGIN) if ways.PLUGIN in probes else bool(plugin.get("canary"))),
        ways.APPROVALS: bool(sidecar.get("connected") and sidecar.get("execAsksAlways")) and bites(ways.APPROVALS),
        ways.GUARD: bool(facts.block("guard").get("upstreamUp")) and guard_said(facts) == "bites",
    }
    return [gate for gate, is_active in found.items() if is_active]


def posture(facts: Facts) -> str:
    return ways.posture(active_gates(facts))


def run_checks(facts: Facts) -> list[Result]:
    return [result for check in CHECKS for result in check(facts)]


def socket_path(settings: Settings) -> Path:
    gateway = settings.gateway
    return gateway.plugin_socket or gateway.state / "plugin.sock"
