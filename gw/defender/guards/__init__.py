"""The guards, in evaluation order: name -> factory. A new guard is a file and a line here."""

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

GUARDS: Final[Mapping[str, Callable[[Services], Guard]]] = MappingProxyType(
    {
        "rules": lambda services: RuleGuard(services.clock),
        "tools": lambda services: ToolGuard(),
        "prompt": lambda services: PromptGuard(),
        "secrets": lambda services: SecretGuard(),
        "loops": lambda services: LoopGuard(),
        "integrity": lambda services: IntegrityGuard(services.watcher, services.clock),
        "canary": lambda services: CanaryGuard(),
        "reputation": lambda services: ReputationGuard(services.reputation, services.digest, services.clock),
    }
)
