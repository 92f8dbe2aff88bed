"""Searching a 4 KB text for 200 patterns, against one pass of RE2's own Set over the same texts.

Every text is another one, as in life: an engine that builds states while it reads is measured building them.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median, quantiles

from tests.bench.prompt_patterns import PATTERNS, ordinary
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import rounded

SIZE = 4096
TEXTS = 200  # of each kind
SET_MEM = 64 << 20


def searchers() -> dict[str, Callable[[str], object]]:
    """The product's pattern set and the peer's; ImportError without the peer."""
    import re2

    from gw._native.patterns import PatternSet

    options = re2.Options()
    options.max_mem = SET_MEM
    options.log_errors = False
    peer = re2.Set.SearchSet(options)
    for pattern in PATTERNS:
        peer.Add(pattern)
    peer.Compile()
    return {"scan": PatternSet(PATTERNS).scan, "set": peer.Match}


def costs_us(search: Callable[[str], object], texts: Sequence[str]) -> list[float]:
    """CPU time of one search of each text."""
    costs = []
    for text in texts:
        start = time.process_time_ns()
        search(text)
        costs.append((time.process_time_ns() - start) / 1000)
    return costs


def p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]


def measure_kind(kind: Callable[[int, int], str], settings: Settings) -> dict[str, dict[str, float]]:
    """Median and p99 in microseconds for each searcher; fresh texts in every round, A B A B."""
    costs: dict[str, list[float]] = {"scan": [], "set": []}
    both = searchers()
    for turn in range(settings.rounds):
        texts = [kind(SIZE, turn * TEXTS + i) for i in range(TEXTS)]
        for name in sorted(both, reverse=bool(turn % 2)):
            costs[name] += costs_us(both[name], texts)
    return {name: {"median": rounded(median(some)), "p99": rounded(p99(some))} for name, some in costs.items()}


def measure(settings: Settings) -> Measured:
    try:
        costs = measure_kind(ordinary, settings)
    except ImportError:
        return Measured({}, skipped="needs google-re2 (pip install -e '.[bench]')")
    figures = {name: costs["scan"][name] / costs["set"][name] for name in ("median", "p99")}
    return Measured(figures, {"scan_us": costs["scan"], "re2_set_us": costs["set"], "patterns": len(PATTERNS)})


ROW = Row(
    9,
    "200 patterns over 4 KB of ordinary text, vs one RE2 Set pass",
    (Bar("median", "<=", 3), Bar("p99", "<=", 5)),
    measure,
)
