"""`clawgate policy explain`: how one action, or a recorded decision, is judged, step by step."""

import json
import time
from pathlib import Path
from typing import Any

import click

from gw.cli.options import load_settings, settings_options
from gw.cli.output import as_json_option, paint
from gw.cli.policy.checking import policy_option
from gw.defender.explain import Explanation, explain
from gw.defender.rows import to_action
from gw.defender.tester import Bench
from gw.ledger.record import to_hit
from gw.ledger.recorded import find_action
from gw.model.action import Provenance
from gw.model.shell import Node
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from gw.policy.loader import default_paths, load


@click.command()
@click.argument("what")
@click.option("--as", "kind", type=click.Choice(["command", "prompt", "url", "path", "output"]), default="command",
              help="What WHAT is.", show_default=True)  # fmt: skip
@click.option("--tool", help="Tool that is called.")
@click.option("--channel", help="Where it was said.")
@click.option("--chat", type=click.Choice(["direct", "group", "channel"]), help="Kind of conversation.")
@click.option("--provenance", type=click.Choice([p.value for p in Provenance]), help="Where the text came from.")
@policy_option
@settings_options("gateway.state")
@as_json_option
def command(
    what: str, kind: str, policy_path: Path | None, config_file: Path | None, as_json: bool, **flags: Any
) -> int:
    """Explain how WHAT is judged: a command line (or with --as a prompt, ...), or the id of a recorded decision."""
    policy, _ = load([policy_path] if policy_path is not None else default_paths())
    if what.startswith("dec_"):
        action = find_action(load_settings(config_file, flags).settings.gateway.state, what)
        if action is None:
            click.echo(f"clawgate: no recorded decision {what} whose text was kept", err=True)
            return 1
    else:
        named = {name: value for name, value in flags.items() if "__" not in name}
        action = to_action({kind: what, **named}, mode="cli")
    bench = Bench(policy)
    explain(action, policy, bench.engine, bench.pipeline, time.perf_counter)  # warm up: the figures are of the second
    found = explain(action, policy, bench.engine, bench.pipeline, time.perf_counter)
    click.echo(json.dumps(to_json(found), ensure_ascii=False) if as_json else render(found, policy))
    return 0


def to_json(found: Explanation) -> dict[str, Any]:
    decision = found.decision
    return {
        "verdict": decision.verdict.word,
        "would": decision.would.word,
        "enforced": decision.enforced.word,
        "score": decision.score,
        "hits": [to_hit(finding) for finding in decision.findings],
        "groups": [{"group": name, "points": points, "rules": list(rules)} for name, points, rules in found.groups],
        "parts": [
            {
                "kind": subject.part.kind.value,
                "views": [view.name for view in subject.views],
                "signals": sorted(_signals(subject)),
                "nodes": [_node(node) for node in subject.command.nodes] if subject.command is not None else [],
            }
            for subject in found.subjects
        ],
        "stages": {stage.name: stage.us for stage in found.stages},
        "flip": found.flip,
    }


def render(found: Explanation, policy: CompiledPolicy) -> str:
    decision, risk = found.decision, found.settings.risk
    lines = [
        f"{paint(decision.verdict.word)}  score {decision.score}  would {decision.would.word}  mode {decision.mode}",
        f"policy {decision.policy.name}  review at {risk.review_at}, block at {risk.block_at}",
    ]
    for subject in found.subjects:
        lines += _part_lines(subject)
    lines.append("hits")
    for finding in decision.findings:
        at = f"  part {finding.part} at {finding.span.start}..{finding.span.end}" if finding.span else ""
        floor = f"  at least {finding.floor.word}" if finding.floor else ""
        shadow = "" if finding.live else "  (only in would)"
        rule = policy.rules.get(finding.rule)
        place = f"  {Path(rule.place.file).name}:{rule.place.line}" if rule is not None and rule.place else ""
        lines.append(f"  {finding.rule}  +{finding.points}{floor}{at}{shadow}{place}  {finding.say or finding.detail}")
    if not decision.findings:
        lines.append("  none")
    lines += ["groups", *(f"  {name}  +{points}  strongest of {', '.join(r)}" for name, points, r in found.groups)]
    for override in found.overrides:
        lines.append(f"override  {Path(override.place.file).name}:{override.place.line}")
    lines.append("time  " + ", ".join(f"{stage.name} {stage.us} us" for stage in found.stages))
    lines.append("to change it  " + found.flip)
    return "\n".join(lines)


def _part_lines(subject: Subject) -> list[str]:
    lines = [f"part {subject.index}  {subject.part.kind.value}  {len(subject.part.value)} characters"]
    if len(subject.views) > 1:
        lines.append("  views  " + ", ".join(view.name for view in subject.views))
    if signals := _signals(subject):
        lines.append("  signals  " + ", ".join(sorted(signals)))
    for node in subject.command.nodes if subject.command is not None else ():
        row = _node(node)
        facts = "  ".join(
            f"{name} {_words(value)}" for name, value in row.items() if name not in ("role", "argv", "span")
        )
        lines.append(
            f"  {row['role']:<8}{' '.join(node.argv) or '(text)'}  {node.span.start}..{node.span.end}  {facts}"
        )
    return lines


def _signals(subject: Subject) -> set[str]:
    return {*subject.signals, *(subject.command.signals if subject.command is not None else ())}


def _node(node: Node) -> dict[str, Any]:
    """What is known of a node, empty facts left out."""
    row: dict[str, Any] = {"role": node.role.value, "argv": list(node.argv), "span": list(node.span)}
    for name in ("wrappers", "reads", "writes", "deletes", "fetches"):
        if values := getattr(node, name):
            row[name] = list(values)
    if node.facts:
        row["facts"] = sorted(node.facts)
    for name in ("privileged", "recursive"):
        if getattr(node, name):
            row[name] = True
    if node.pipes_into:
        row["pipes_into"] = node.pipes_into
    return row


def _words(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value).lower()
