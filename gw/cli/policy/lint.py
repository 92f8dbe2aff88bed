"""`clawgate policy lint`: 0 nothing to say (or advice), 1 warnings, 2 errors."""

import json
from pathlib import Path
from typing import Any, Final

import click

from gw import __version__
from gw.cli.output import counted
from gw.cli.policy.checking import check, policy_argument
from gw.model.problem import Problem

_SARIF_LEVELS: Final = {"error": "error", "warning": "warning", "advice": "note"}


@click.command()
@policy_argument
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", help="Form of the report."
)
@click.option("--no-advice", is_flag=True, help="Leave advice out.")
def command(paths: tuple[Path, ...], form: str, no_advice: bool) -> int:
    """Report every problem and piece of advice, with the place and the nearest valid name."""
    policy, problems = check(paths)
    problems = [problem for problem in problems if not (no_advice and problem.severity == "advice")]
    if form == "json":
        click.echo(json.dumps([problem._asdict() for problem in problems], ensure_ascii=False))
    elif form == "sarif":
        click.echo(json.dumps(sarif(problems), ensure_ascii=False))
    else:
        for problem in problems:
            click.echo(str(problem))
        rules = f"{len(policy.rules)} rules, " if policy is not None else ""
        errors = sum(problem.severity == "error" for problem in problems)
        warnings = sum(problem.severity == "warning" for problem in problems)
        click.echo(f"{rules}{counted(errors, 'error')}, {counted(warnings, 'warning')}")
    severities = {problem.severity for problem in problems}
    return 2 if "error" in severities else 1 if "warning" in severities else 0


def sarif(problems: list[Problem]) -> dict[str, Any]:
    """SARIF 2.1.0, as code hosts read it."""
    results = [
        {
            "ruleId": problem.code,
            "level": _SARIF_LEVELS[problem.severity],
            "message": {"text": problem.message + (f" ({problem.hint})" if problem.hint else "")},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": problem.file},
                        "region": {"startLine": max(1, problem.line), "startColumn": max(1, problem.column)},
                    }
                }
            ],
        }
        for problem in problems
    ]
    driver = {
        "name": "clawgate policy lint",
        "version": __version__,
        "rules": [{"id": code} for code in sorted({problem.code for problem in problems})],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
