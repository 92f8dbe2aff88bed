"""`python -m tests.bench.detection [commands|prompts] [--json] [--misses CATEGORY]`: both sides, per source.

Judges the development corpora with the shipped policies and prints what share is held and what share is blocked, per
source and category. The corpora are read where they lie; none of their text is kept. Prompts of untrusted categories
are judged as tool output or files, which is what they are.

`--leave-out` judges every prompt with a model trained without the prompt's source (a few minutes): the only figures
that say something about texts nobody has seen. The rules, the bands and the texts of our own are the same in each run.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from gw.cli.judge import make_pipeline
from gw.defender.pipeline import Pipeline
from gw.defender.rows import to_action
from gw.model.decision import Verdict
from tests.bench.left_out import pipelines_without
from tests.support.shared import ROOT

CORPORA = {
    "commands": ("commands_dangerous.jsonl", "commands_benign.jsonl"),
    "prompts": ("prompts_attack.jsonl", "prompts_benign.jsonl"),
}
FIELD = {"commands": "command", "prompts": "prompt"}


class Tally(NamedTuple):
    rows: int
    held: int  # review or block
    blocked: int

    def shares(self) -> tuple[float, float]:
        return 100 * self.held / self.rows, 100 * self.blocked / self.rows


def rows(kind: str) -> Iterator[dict[str, Any]]:
    for name in CORPORA[kind]:
        with (ROOT / "corpora" / name).open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


# What the rows of a category are; all others are what a user typed.
PROVENANCE = {
    "indirect_plain_request": "tool_output",
    "indirect_code_request": "tool_output",
    "indirect_with_override": "tool_output",
    "tool_output": "tool_output",
    "documentation": "file",
    "source_code": "file",
    "agent_instructions": "file",
}


class Way(NamedTuple):
    """How rows are judged: as a call of `tool`, all with one `provenance`, or by models that left their source out."""

    tool: str | None = None
    provenance: str | None = None
    leave_out: bool = False


def judged(kind: str, way: Way) -> Iterator[tuple[dict[str, Any], Any]]:
    found = list(rows(kind))
    shipped = make_pipeline(None)
    by_source: dict[str, Pipeline] = {}
    if way.leave_out:
        by_source = pipelines_without({row["source"] for row in found}, ROOT / "corpora")
    for row in found:
        flat = {"id": row["id"], FIELD[kind]: row["text"], "tool": way.tool}
        if kind == "prompts":
            flat["provenance"] = way.provenance or PROVENANCE.get(row["category"])
        pipeline = by_source.get(row["source"], shipped)
        yield row, pipeline.judge(to_action({k: v for k, v in flat.items() if v}, mode="cli"))


def measure(kind: str, way: Way) -> dict[tuple[int, str, str], Tally]:
    """(label, source, category) -> tally; source `*` sums over sources, category `*` over categories."""
    counts: dict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row, decision in judged(kind, way):
        label, source, category = row["label"], row["source"], row["category"]
        for key in {(label, source, category), (label, "*", category), (label, "*", "*")}:
            counts[key][0] += 1
            counts[key][1] += decision.verdict >= Verdict.REVIEW
            counts[key][2] += decision.verdict >= Verdict.BLOCK
    return {key: Tally(*count) for key, count in sorted(counts.items())}


def print_table(table: dict[tuple[int, str, str], Tally]) -> None:
    print(f"{'label':6} {'source':24} {'category':26} {'rows':>5} {'held %':>7} {'blocked %':>9}")
    for (label, source, category), tally in table.items():
        held, blocked = tally.shares()
        word = "attack" if label else "benign"
        print(f"{word:6} {source:24} {category:26} {tally.rows:5} {held:7.2f} {blocked:9.2f}")


def print_rows(kind: str, way: Way, label: int, category: str, verdicts: set[str]) -> None:
    for row, decision in judged(kind, way):
        if row["label"] != label or category not in (row["category"], row["source"], "*"):
            continue
        if decision.verdict.word in verdicts:
            rules = ",".join(sorted({f.rule for f in decision.findings}))
            print(f"{decision.verdict.word:6} {row['source']:14} {row['text'][:200]!r} {rules}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.detection", description=__doc__.partition("\n")[0])
    parser.add_argument("kind", nargs="?", choices=CORPORA, default="commands")
    parser.add_argument("--tool", help="judge as a call of this tool, e.g. exec")
    parser.add_argument("--provenance", help="judge every prompt as this, e.g. user or tool_output")
    parser.add_argument("--leave-out", action="store_true", help="prompts: models trained without the row's source")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", metavar="CATEGORY", help="print attacks of a category or source that were allowed")
    parser.add_argument("--alarms", metavar="CATEGORY", help="print benign rows of it that were held or blocked")
    parser.add_argument("--blocks", metavar="CATEGORY", help="print benign rows of it that were blocked")
    arguments = parser.parse_args()
    way = Way(arguments.tool, arguments.provenance, arguments.leave_out)
    if arguments.misses:
        print_rows(arguments.kind, way, 1, arguments.misses, {"allow"})
    elif arguments.alarms:
        print_rows(arguments.kind, way, 0, arguments.alarms, {"review", "block"})
    elif arguments.blocks:
        print_rows(arguments.kind, way, 0, arguments.blocks, {"block"})
    else:
        table = measure(arguments.kind, way)
        if arguments.json:
            print(json.dumps([[*key, *tally] for key, tally in table.items()]))
        else:
            print_table(table)


if __name__ == "__main__":
    main()
