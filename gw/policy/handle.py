"""The policy in force: one reference, swapped whole.

Knows no files; who reads them hands in the outcome. Invariant: a failed reload changes nothing but `failure`, and an
action that began under one policy ends under it because it read the reference once.
"""

from collections.abc import Sequence
from dataclasses import replace

from gw.errors import PolicyError
from gw.model.problem import Problem
from gw.policy.compiled import CompiledPolicy


class PolicyHandle:
    """`current` is the policy; `generation` counts swaps since start, beginning with 1."""

    def __init__(self, policy: CompiledPolicy, warnings: Sequence[Problem] = ()) -> None:
        self.generation = 1
        self.current = _numbered(policy, 1)
        self.warnings = tuple(warnings)
        self.failure: tuple[Problem, ...] = ()  # of the last reload, empty after a good one

    def swap(self, policy: CompiledPolicy, warnings: Sequence[Problem] = ()) -> bool:
        """Put *policy* in force; False when it is the same as before."""
        self.failure = ()
        self.warnings = tuple(warnings)
        if policy.ref.digest == self.current.ref.digest:
            return False
        self.generation += 1
        self.current = _numbered(policy, self.generation)
        return True

    def failed(self, error: PolicyError) -> None:
        """Remember why a newer policy is not in force."""
        self.failure = error.problems


def _numbered(policy: CompiledPolicy, generation: int) -> CompiledPolicy:
    return replace(policy, ref=policy.ref._replace(generation=generation))
