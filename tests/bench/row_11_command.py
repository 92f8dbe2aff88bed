"""One shell command judged, parse included: CPU time of the whole `judge`, from the action to the decision.

The lines are those of the development corpora where they lie (3,447 real command lines, dangerous and benign), each
judged several times as a call of the exec tool, the smallest time of each line kept; without the corpora, the
regression lines.
"""

import gc
import json
import time
from pathlib import Path
from typing import Final

import yaml

from gw.cli.judge import make_pipeline
from gw.defender.rows import to_action
from tests.bench.registry import Bar, Measured, Row, Settings
from tests.support.shared import ROOT

CORPORA: Final = ("commands_dangerous.jsonl", "commands_benign.jsonl")
REGRESSION: Final = Path(__file__).parent.parent / "regression" / "commands.yaml"


def lines() -> tuple[str, list[str]]:
    """Where the lines come from, and the lines."""
    folder = ROOT / "corpora"
    if all((folder / name).exists() for name in CORPORA):
        rows = [line for name in CORPORA for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        return "corpora", [json.loads(row)["text"] for row in rows]
    cases = yaml.safe_load(REGRESSION.read_text(encoding="utf-8"))
    return "regression", [command for case in cases for command in case["commands"]]


def measure(settings: Settings) -> Measured:
    source, commands = lines()
    pipeline = make_pipeline(None)
    actions = [to_action({"command": command, "tool": "exec"}, mode="cli") for command in commands]
    for action in actions:
        pipeline.judge(action)
    gc.collect()
    gc.freeze()
    best = [float("inf")] * len(actions)
    for _ in range(settings.rounds):
        for i, action in enumerate(actions):
            start = time.thread_time_ns()
            pipeline.judge(action)
            best[i] = min(best[i], (time.thread_time_ns() - start) / 1000)
    gc.unfreeze()
    best.sort()
    figures = {"median, us CPU": best[len(best) // 2], "p99, us CPU": best[int(len(best) * 0.99)]}
    detail = {"lines": len(best), "source": source, "p90": best[int(len(best) * 0.9)], "max": best[-1]}
    return Measured({name: round(value, 1) for name, value in figures.items()}, detail)


ROW = Row(
    11,
    "one shell command judged, parse included",
    (Bar("median, us CPU", "<=", 60), Bar("p99, us CPU", "<=", 300)),
    measure,
)
