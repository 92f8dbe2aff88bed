"""`clawgate judge`: one action from flags, or JSON lines from standard input, through the engine the service uses.

Invariant: one process judges any number of rows; a row that cannot be read is answered with its error, and the rest
goes on.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from gw.cli.output import as_json_option, paint
from gw.defender import understanding
from gw.defender.engine import Engine
from gw.defender.guards import make_guards
from gw.defender.guards.base import Services
from gw.defender.pipeline import Pipeline
from gw.defender.rows import KINDS, to_action
from gw.model.action import Provenance
from gw.model.decision import Decision, Verdict
from gw.policy.handle import PolicyHandle
from gw.policy.loader import load

EXIT: Final = {Verdict.ALLOW: 0, Verdict.REVIEW: 10, Verdict.BLOCK: 20}


class SystemClock:
    """ports.Clock without an event loop."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.perf_counter()


@click.command()
@click.option("--prompt", help="Text said to the agent.")
@click.option("--command", "command_line", help="Shell command line.")
@click.option("--url", help="Address a tool is about to open.")
@click.option("--path", help="File a tool is about to touch.")
@click.option("--output", help="Text on its way out.")
@click.option("--tool", help="Tool that is called, e.g. exec.")
@click.option("--channel", help="Where it was said, e.g. discord.")
@click.option("--chat", type=click.Choice(["direct", "group", "channel"]), help="Kind of conversation.")
@click.option("--provenance", type=click.Choice([p.value for p in Provenance]), help="Where the text came from.")
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    help="Policy file or folder instead of the usual one.",
)
@as_json_option
def command(command_line: str | None, policy_path: Path | None, as_json: bool, **flags: str | None) -> int:
    """Judge one action from flags, or JSON lines {id, prompt|command|url|path, ...} from standard input.

    The exit status of a single action is 0 for allow, 10 for review, 20 for block.
    """
    row = {name: value for name, value in {"command": command_line, **flags}.items() if value is not None}
    is_one = bool(row.keys() & KINDS.keys())
    if not is_one and sys.stdin.isatty():
        if "tool" not in row:
            raise click.UsageError("say what to judge, e.g. --command 'ls', or pipe JSON lines into this command")
        is_one = True
    pipeline = make_pipeline(policy_path)
    if is_one:
        decision = pipeline.judge(to_action(row, mode="cli"))
        click.echo(json.dumps(to_row(row.get("id"), decision)) if as_json else describe(decision))
        return EXIT[decision.verdict]
    return judge_lines(sys.stdin.buffer, pipeline, defaults=row)


def make_pipeline(policy_path: Path | None) -> Pipeline:
    """The service's engine without ledgers, gate or event loop. Raises PolicyError."""
    policy, warnings = load([policy_path] if policy_path is not None else [])
    clock = SystemClock()
    understanding.load()  # now, so that the first decision's time is that of judging
    return Pipeline(PolicyHandle(policy, warnings), Engine(make_guards(Services(clock))), clock)


def judge_lines(lines: Iterable[bytes], pipeline: Pipeline, defaults: Mapping[str, Any]) -> int:
    """Print one decision a line; 2 when any line could not be read, the verdict's status when there was only one."""
    count = bad = 0
    verdict = Verdict.ALLOW
    for line in lines:
        if not line.strip():
            continue
        count += 1
        row: Any = None
        try:
            row = read_line(line)
            if not isinstance(row, dict):
                raise ValueError("a line must be one JSON object")
            decision = pipeline.judge(to_action({**defaults, **row}, mode="cli"))
        except (ValueError, RecursionError) as error:
            bad += 1
            answer = {"id": row.get("id") if isinstance(row, dict) else None, "error": str(error)}
        else:
            verdict = decision.verdict
            answer = to_row(row.get("id"), decision)
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        sys.stdout.flush()  # whoever feeds us may wait for this answer
    if bad:
        return 2
    return EXIT[verdict] if count == 1 else 0


def read_line(line: bytes) -> Any:
    """Raises ValueError in words for whoever wrote the line."""
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None


def to_row(row_id: Any, decision: Decision) -> dict[str, Any]:
    return {
        "id": row_id,
        "verdict": decision.verdict.word,
        "would": decision.would.word,
        "score": decision.score,
        "hits": [
            {"rule": finding.rule, "points": finding.points, "span": list(finding.span) if finding.span else None}
            for finding in decision.findings
        ],
        "us": decision.elapsed_us,
    }


def describe(decision: Decision) -> str:
    """A decision for a person."""
    lines = [f"{paint(decision.verdict.word)}  score {decision.score}  ({decision.elapsed_us} us)"]
    if decision.would is not decision.verdict:
        lines[0] += f"  would be {paint(decision.would.word)}"
    for finding in decision.findings:
        at = f" at {finding.span.start}..{finding.span.end}" if finding.span else ""
        floor = f", at least {finding.floor.word}" if finding.floor else ""
        note = finding.say or finding.detail
        lines.append(f"  {finding.rule}  +{finding.points}{floor}{at}{'  ' + note if note else ''}")
        if finding.instead:
            lines.append(f"    instead: {finding.instead}")
    return "\n".join(lines)
