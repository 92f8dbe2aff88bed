"""The guards, in evaluation order: name -> factory, which gives none where its service is absent.

A new guard is a file and a line here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from gw.defender.guards.base import Guard, Services
from gw.defender.guards.canary import CanaryGuard
from gw.defender.guards.integrity import IntegrityGuard
from gw.defender.guards.loops import LoopGuard
from gw.defender.guards.prompt import PromptGuard
from gw.defender.guards.reputation import ReputationGuard
from gw.defender.guards.rules import RuleGuard
from gw.defender.guards.secrets import SecretGuard
from gw.defender.guards.tools import ToolGuard


def _integrity(services: Services) -> Guard | None:
    return IntegrityGuard(services.watcher, services.clock) if services.watcher is not None else None


def _reputation(services: Services) -> Guard | None:
    if services.reputation is None:
        return None
    return ReputationGuard(services.reputation, services.digest, services.clock)


GUARDS: Final[Mapping[str, Callable[[Services], Guard | None]]] = MappingProxyType(
    {
        "rules": lambda services: RuleGuard(services.clock),
        "tools": lambda services: ToolGuard(),
        "prompt": lambda services: PromptGuard(),
        "secrets": lambda services: SecretGuard(),
        "loops": lambda services: LoopGuard(),
        "integrity": _integrity,
        "canary": lambda services: CanaryGuard(),
        "reputation": _reputation,
    }
)


def make_guards(services: Services) -> list[Guard]:
    return [guard for make in GUARDS.values() if (guard := make(services)) is not None]
