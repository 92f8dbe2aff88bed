"""Harmless probes that show whether a gate of a real gateway still bites: one function a gate.

Knows no schedule; the guard's own probes are in `modes/guard/proof`. Invariant: a probe names a program or session that
exists nowhere, so an open gate lets nothing happen; only the gate's own refusal, in our own words, counts as a bite.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from gw.defender.guards.canary import DIGITS, RULE, WORD
from gw.errors import UpstreamError
from gw.modes.beside.operator import RefusedError
from gw.observe.metrics import Metrics
from gw.ports import Clock, Json

logger = logging.getLogger(__name__)

METRIC: Final = "clawgate_canary_total"
APPROVAL_MS: Final = 5000  # how long a probe of the approvals waits for its answer


class Outcome(StrEnum):
    BITES = "bites"
    OPEN = "open"
    UNREACHABLE = "unreachable"


Call = Callable[..., Any]  # Operator.call
Probe = Callable[[Call], Outcome]


class Record:
    """What the last probe of each gate found: for `status`, and told as metric and log."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._last: dict[str, dict[str, Json]] = {}

    def note(self, gate: str, outcome: Outcome) -> None:
        self._last[gate] = {"outcome": outcome.value, "ts": self._clock.now_ms()}
        self._metrics.add(METRIC, gate, outcome.value)
        if outcome is Outcome.OPEN:
            logger.error("gate.open", extra={"gate": gate})

    def has(self, gates: Iterable[str]) -> bool:
        """Whether each of them was probed."""
        return self._last.keys() >= set(gates)

    def clear(self) -> None:
        self._last.clear()

    def status(self) -> dict[str, Json]:
        return dict(self._last)


def new_word() -> str:
    return WORD + os.urandom(DIGITS // 2).hex()


def probe_plugin(call: Call) -> Outcome:
    """Have the gateway run a tool that only reads, on a session that exists nowhere."""
    params = {"name": "session_status", "args": {"sessionKey": new_word()}, "sessionKey": "agent:main:main"}
    answer = call("tools.invoke", params)
    error = answer.get("error") if isinstance(answer, dict) else None
    refused = isinstance(error, dict) and RULE in str(error.get("message"))
    return Outcome.BITES if refused else Outcome.OPEN


def probe_approvals(call: Call) -> Outcome:
    """Ask for leave to run a program that exists nowhere; what answers is this process, on its other way in."""
    params = {
        "command": new_word(),
        "host": "gateway",
        "security": "full",
        "ask": "always",
        "agentId": "main",
        "timeoutMs": APPROVAL_MS,
    }
    answer = call("exec.approval.request", params, APPROVAL_MS / 1000 + 3)
    denied = isinstance(answer, dict) and answer.get("decision") == "deny"
    return Outcome.BITES if denied else Outcome.OPEN


PROBES: Final[Mapping[str, Probe]] = MappingProxyType({"plugin": probe_plugin, "approvals": probe_approvals})


def run(gate: str, call: Call) -> Outcome:
    """Probe one gate; a gateway that cannot be asked proves nothing either way."""
    try:
        return PROBES[gate](call)
    except RefusedError as refused:
        return Outcome.BITES if RULE in str(refused) else Outcome.OPEN
    except UpstreamError:
        return Outcome.UNREACHABLE
