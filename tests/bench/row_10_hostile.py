"""The same search over text made of the patterns' own words, and the shipped policies over text made of theirs.

What an attacker can make a search, and a whole judgement, cost.
"""

import random
from collections.abc import Callable
from statistics import median
from typing import Any

from gw._native.regex_shape import shape
from gw.cli.judge import make_pipeline
from gw.defender.rows import to_action
from gw.policy.loader import shipped
from gw.policy.prepare import patterns_of
from tests.bench.prompt_patterns import hostile, ordinary, phrases
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.bench.rounds import rounded
from tests.bench.row_09_patterns import SIZE, TEXTS, costs_us, measure_kind

JUDGED = "judged as shipped, vs its own ordinary text"


def shipped_words() -> list[str]:
    """What the shipped patterns look for before they try anything."""
    patterns = patterns_of([shipped() / "default"])
    links = (link for pattern in patterns for branch in shape(pattern).branches for link in branch.links)
    return sorted({word for link in links for word in link.words})


def hostile_to_shipped() -> Callable[[int, int], str]:
    words = shipped_words()
    return lambda size, seed: " ".join(random.Random(seed).choices(words, k=size))[:size]


def measure_judged(settings: Settings) -> dict[str, float]:
    """Median microseconds of a whole judgement of 4 KB; fresh texts in every round, A B A B."""
    pipeline = make_pipeline(None)
    kinds = {"ordinary": ordinary, "hostile": hostile_to_shipped()}
    costs: dict[str, list[float]] = {name: [] for name in kinds}

    def judge(text: str) -> object:
        return pipeline.judge(to_action({"prompt": text}, mode="cli"))

    for turn in range(settings.rounds):
        for name, kind in sorted(kinds.items(), reverse=bool(turn % 2)):
            costs[name] += costs_us(judge, [kind(SIZE, turn * TEXTS + i) for i in range(TEXTS)])
    return {name: rounded(median(some)) for name, some in costs.items()}


def measure(settings: Settings) -> Measured:
    judged = measure_judged(settings)
    figures = {JUDGED: judged["hostile"] / judged["ordinary"]}
    detail: dict[str, Any] = {"judged as shipped, us": judged}
    try:
        kinds = {kind.__name__: measure_kind(kind, settings) for kind in (ordinary, hostile, phrases)}
    except ImportError:
        return Measured(figures, detail | {"no peer": "needs google-re2 (pip install -e '.[bench]')"})
    cost = kinds["hostile"]["scan"]["median"]
    figures["vs its own ordinary text"] = cost / kinds["ordinary"]["scan"]["median"]
    figures["vs one RE2 Set pass"] = cost / kinds["hostile"]["set"]["median"]
    return Measured(figures, kinds | detail)


ROW = Row(
    10,
    "200 patterns, and the shipped policies, over 4 KB of their own words",
    (Bar("vs its own ordinary text", "<=", 12), Bar("vs one RE2 Set pass", "<=", 0.1), Bar(JUDGED, "<=", 12)),
    measure,
)
