"""`given:` of a policy test: the state of the host and what reputation services would say, as services of the guards.

Knows no file and no network. Invariant: what is given means what the running service would have found.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Final

from gw.defender.guards.base import Services
from gw.defender.integrity.watcher import Tamper, Watcher, watches
from gw.defender.virustotal.client import REASONS, Indicator, Report
from gw.errors import IntelError
from gw.policy.compiled import CompiledPolicy
from gw.policy.matchers.path import expand, normalise
from gw.ports import Clock

COUNTS: Final = ("malicious", "suspicious", "harmless", "undetected")


def services_of(given: Mapping[str, Any], policy: CompiledPolicy, clock: Clock) -> Services:
    """Raises ValueError saying what is not understood."""
    watcher, reputation = None, None
    for name, value in given.items():
        if name == "host":
            watcher = _host(_mapping(value, "host", ("changed", "problem")), policy, clock)
        elif name == "intel":
            reputation = _Said(_mapping(_mapping(value, "intel", ("virustotal",))["virustotal"], "virustotal", _KINDS))
        else:
            raise ValueError(f"`given: {name}` is not understood; host and intel are")
    return Services(clock, watcher, reputation, digest=lambda path: "0" * 64)


_KINDS: Final = ("file", "url", "unavailable")


def _host(host: Mapping[str, Any], policy: CompiledPolicy, clock: Clock) -> Watcher:
    """A watcher that has seen these paths change, or cannot trust its baseline for the `problem` given."""
    watcher = Watcher()
    watcher.problem = str(host.get("problem") or "")
    for path in host.get("changed") or ():
        watching = [
            watch
            for watch in watches(policy.host)
            if any(fnmatchcase(normalise(str(path)), glob) for one in watch.paths for glob in expand(one))
        ]
        if not watching:
            raise ValueError(f"no `host.watch` of this policy watches {path}")
        for watch in watching:
            watcher.open[watch.id, str(path)] = Tamper("changed", clock.now_ms())
    return watcher


class _Said:
    """Answers every question about one kind of indicator alike; a kind that is not given was never seen."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._reports: Mapping[str, Report] = MappingProxyType(
            {kind: _report(_mapping(counts, kind, COUNTS)) for kind, counts in said.items() if kind != "unavailable"}
        )
        self._reason = said.get("unavailable")
        if self._reason is not None and self._reason not in REASONS:
            raise ValueError(f"`unavailable` is one of {', '.join(REASONS)}")

    def ask(self, indicator: Indicator, timeout_s: float) -> Report:
        if self._reason is not None:
            raise IntelError(self._reason)
        return self._reports.get(indicator.kind, Report(known=False))


def _report(counts: Mapping[str, Any]) -> Report:
    numbers = {name: counts.get(name, 0) for name in COUNTS}
    if not all(isinstance(number, int) and number >= 0 for number in numbers.values()):
        raise ValueError("counts of engines are whole numbers")
    return Report(True, numbers["malicious"], numbers["suspicious"], sum(numbers.values()))


def _mapping(value: Any, name: str, allowed: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value or not value.keys() <= set(allowed):
        raise ValueError(f"`{name}` is a mapping of {', '.join(allowed)}")
    return value
