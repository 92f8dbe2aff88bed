"""Interleaved rounds and what they say: A B C A B C, medians of the ratios inside each round, and their spread."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

S = TypeVar("S")


def interleave(subjects: Mapping[str, S], measure: Callable[[S], float], rounds: int) -> dict[str, list[float]]:
    """Measure every subject once per round; the order turns, so that none always follows the same other."""
    names = list(subjects)
    results: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            results[name].append(measure(subjects[name]))
    return results


def ratios(results: Mapping[str, Sequence[float]], product: str, peer: str) -> list[float]:
    return [ours / theirs for ours, theirs in zip(results[product], results[peer], strict=True)]


def summary(values: Sequence[float]) -> dict[str, Any]:
    return {"median": rounded(median(values)), "min": rounded(min(values)), "max": rounded(max(values))}


def rounded(value: float) -> float:
    return float(f"{value:.4g}")
