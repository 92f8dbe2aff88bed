"""The policies that a service runs with, by its settings.

Must not know what judges. Invariant: needs little else in memory, so that a start can read policies before anything
else; what reading leaves behind is used again by all that is loaded after it.
"""

from pathlib import Path

from gw.config.settings import Settings
from gw.model.problem import Problem
from gw.policy.compiled import CompiledPolicy
from gw.policy.loader import load
from gw.policy.signing import Trust, read_trust

Policies = tuple[CompiledPolicy, list[Problem]]


def read_policies(settings: Settings) -> Policies:
    """The compiled policy and its warnings. Raises PolicyError with every problem."""
    return load(policy_paths(settings), trust=trust_of(settings))


def policy_paths(settings: Settings) -> list[Path]:
    return [settings.policy.path] if settings.policy.path is not None else []


def trust_of(settings: Settings) -> Trust:
    """Whose signatures on policies count, and whether there must be one."""
    return read_trust(settings.policy.trusted_keys, required=settings.policy.require_signed)
