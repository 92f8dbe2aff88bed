"""`python -m gw.policy.prepare`: works out the shapes of the shipped policies' patterns, once per build.

Run by `make build` and by the package's build. Invariant: whatever is wrong with a policy is said by whoever loads it,
not here; its patterns are then worked out at start.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from gw._native import prepared
from gw.policy.compile import compile_policy
from gw.policy.compiled import PatternScanner
from gw.policy.loader import read_files, shipped


class _Nothing:
    """Finds nothing; stands in for an engine while patterns are only collected."""

    def scan(self, text: str | bytes) -> list[tuple[int, int, int]]:
        return []


def patterns_of(policies: Sequence[Path]) -> list[str]:
    """Every pattern in these policies (files or folders), as the engine is given it."""
    found: list[str] = []

    def collect(patterns: Sequence[str]) -> PatternScanner:
        found.extend(patterns)
        return _Nothing()

    for path in policies:
        compile_policy(read_files([path]).roots, digest="", factory=collect)
    return found


def shipped_policies() -> list[Path]:
    return sorted(path for path in (*shipped().iterdir(), *shipped().glob("profiles/*")) if path.name != "profiles")


if __name__ == "__main__":
    count = prepared.prepare(patterns_of(shipped_policies()), *map(Path, sys.argv[1:2]))
    sys.stdout.write(f"{count} patterns of the shipped policies are ready for the engine\n")
