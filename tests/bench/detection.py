"""`python -m tests.bench.detection [commands|prompts] [--json] [--misses CATEGORY]`: both sides, per source.

Judges the development corpora with the shipped policies and prints what share is held and what share is blocked, per
source and category. The corpora are read where they lie; none of their text is kept. Prompts of untrusted categories
are judged as tool output or files, which is what they are.

`--leave-out` prints besides what thresholds chosen on all other sources would do, and judges every prompt with a model
trained without its source (a few minutes): the only figures that say something about texts nobody has seen. The rules,
the bands and the texts of our own are the same in each run. docs/detection.md has both tables.
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
from tests.bench.thresholds import Lines, Seen, lines_without, seen
from tests.support.shared import ROOT

CORPORA = {
    "commands": ("commands_dangerous.jsonl", "commands_benign.jsonl"),
    "prompts": ("prompts_attack.jsonl", "prompts_benign.jsonl"),
}
FIELD = {"commands": "command", "prompts": "prompt"}
COUNTED = {"commands": ("plain",), "prompts": ()}  # benign categories that thresholds are chosen on; (): all of them
Key = tuple[int, str, str]  # label, source, category; `*` sums over all


class Tally(NamedTuple):
    """Rows, and how many of them were held (review or block) and blocked: as shipped, and at thresholds left out."""

    rows: int
    held: int
    blocked: int
    held_left_out: int
    blocked_left_out: int

    def shares(self) -> tuple[float, ...]:
        return tuple(100 * count / self.rows for count in self[1:])


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
    if way.leave_out and kind == "prompts":
        by_source = pipelines_without({row["source"] for row in found}, ROOT / "corpora")
    for row in found:
        flat = {"id": row["id"], FIELD[kind]: row["text"], "tool": way.tool}
        if kind == "prompts":
            flat["provenance"] = way.provenance or PROVENANCE.get(row["category"])
        pipeline = by_source.get(row["source"], shipped)
        yield row, pipeline.judge(to_action({k: v for k, v in flat.items() if v}, mode="cli"))


def measure(kind: str, way: Way) -> tuple[dict[Key, Tally], dict[str, Lines]]:
    """(label, source, category) -> tally, and each source's thresholds; `*` sums over sources or categories."""
    counts: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    rows: list[tuple[Seen, Verdict]] = [(seen(row, decision), decision.verdict) for row, decision in judged(kind, way)]
    lines = lines_without((row for row, _ in rows), COUNTED[kind])
    for row, verdict in rows:
        line = lines[row.source]
        left_out = (row.reached(Verdict.REVIEW) >= line.review, row.reached(Verdict.BLOCK) >= line.block)
        found = (True, verdict >= Verdict.REVIEW, verdict >= Verdict.BLOCK, *left_out)
        for key in {row[:3], (row.label, "*", row.category), (row.label, row.source, "*"), (row.label, "*", "*")}:
            counts[key] = [count + new for count, new in zip(counts[key], found, strict=True)]
    return {key: Tally(*count) for key, count in sorted(counts.items())}, lines


def print_table(table: dict[Key, Tally], lines: dict[str, Lines], left_out: bool) -> None:
    """Markdown, so that it can stand in a page."""
    head = ["", "source", "category", "rows", "held %", "blocked %"]
    if left_out:
        head += ["thresholds of the others", "held %", "blocked %"]
    print(f"| {' | '.join(head)} |\n|{' --- |' * 3}{' ---: |' * (len(head) - 3)}")
    for (label, source, category), tally in table.items():
        shares = [f"{share:.1f}" if label else f"{share:.2f}" for share in tally.shares()]
        cells = ["attack" if label else "benign", source, category, str(tally.rows), *shares[:2]]
        if left_out:
            line = lines.get(source)
            cells += [f"{line.review} / {line.block}" if line else "", *shares[2:]]
        print(f"| {' | '.join(cells)} |")


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
    parser.add_argument("--leave-out", action="store_true", help="thresholds and models made without the row's source")
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
        table, lines = measure(arguments.kind, way)
        if arguments.json:
            print(json.dumps([[*key, *tally] for key, tally in table.items()]))
        else:
            print_table(table, lines, arguments.leave_out)


if __name__ == "__main__":
    main()
