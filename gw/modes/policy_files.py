"""The policies that a service runs with, by its settings.

Must not know what judges. Invariant: needs little else in memory, so that a start can read policies before anything
else; what reading leaves behind is used again by all that is loaded after it.
"""

from pathlib import Path
from typing import NamedTuple

from gw.config.settings import Settings
from gw.model.problem import Problem
from gw.policy.compiled import CompiledPolicy
from gw.policy.loader import Fingerprint, load, seen_at
from gw.policy.signing import Trust, read_trust


class Policies(NamedTuple):
    policy: CompiledPolicy
    warnings: list[Problem]
    seen: Fingerprint  # of the files just before they were read, so that no later change is missed


def read_policies(settings: Settings) -> Policies:
    """Raises PolicyError with every problem."""
    paths = policy_paths(settings)
    seen = seen_at(paths)
    policy, warnings = load(paths, trust=trust_of(settings))
    return Policies(policy, warnings, seen)


def policy_paths(settings: Settings) -> list[Path]:
    return [settings.policy.path] if settings.policy.path is not None else []


def trust_of(settings: Settings) -> Trust:
    """Whose signatures on policies count, and whether there must be one."""
    return read_trust(settings.policy.trusted_keys, required=settings.policy.require_signed)
