"""`clawgate policy test`: 0 all passed, 1 something failed or is not covered as demanded, 2 the policy is broken."""

import json
import time
from pathlib import Path

import click

from gw.cli.output import as_json_option
from gw.cli.policy.checking import policy_argument
from gw.defender.tester import Coverage, Outcome, check_examples, run_scenario
from gw.errors import PolicyError
from gw.policy.compiled import CompiledPolicy
from gw.policy.loader import TEST_SUFFIX, default_paths, load, read_tests


@click.command()
@policy_argument
@click.option("--cover", is_flag=True, help="List rules without a `hit` or a `miss`.")
@click.option("--require-coverage", is_flag=True, help="Fail when there are such rules.")
@click.option("--rule", "only", help="Only examples of rules whose id begins with this.")
@as_json_option
def command(paths: tuple[Path, ...], cover: bool, require_coverage: bool, only: str | None, as_json: bool) -> int:
    """Run the rules' own examples, the policies' scenarios, and every *_test.yaml beside them."""
    began = time.perf_counter()
    chosen = list(paths) or default_paths()
    policy, _ = load([path for path in chosen if not path.name.endswith(TEST_SUFFIX)])
    tests, problems = read_tests(chosen)
    if problems:
        raise PolicyError(problems)
    coverage = Coverage()
    outcomes = [one for one in check_examples(policy, coverage) if only is None or one.name.startswith(only)]
    for test in (*policy.tests, *tests) if only is None else ():
        outcomes.extend(run_scenario(policy, test, coverage))
    missing = coverage.missing(policy) if only is None else []
    failed = [outcome for outcome in outcomes if not outcome.passed]
    elapsed_s = time.perf_counter() - began
    if as_json:
        click.echo(json.dumps(report(policy, outcomes, missing, elapsed_s), ensure_ascii=False))
    else:
        for outcome in failed:
            click.echo(f"{outcome.place.file}:{outcome.place.line}: FAILED {outcome.name}: {outcome.message}")
        for rule, kind in missing if cover or require_coverage else ():
            click.echo(f"not covered: {rule} has no {kind}")
        covered = 2 * len(policy.rules) - len(missing)
        share = 100 * covered // max(1, 2 * len(policy.rules))
        click.echo(f"{len(outcomes)} cases, {len(failed)} failed, coverage {share} %, {elapsed_s:.2f} s")
    return 1 if failed or (require_coverage and missing) else 0


def report(
    policy: CompiledPolicy, outcomes: list[Outcome], missing: list[tuple[str, str]], elapsed_s: float
) -> dict[str, object]:
    return {
        "policy": policy.ref._asdict(),
        "cases": len(outcomes),
        "failed": [
            {"name": one.name, "file": one.place.file, "line": one.place.line, "message": one.message}
            for one in outcomes
            if not one.passed
        ],
        "uncovered": [{"rule": rule, "kind": kind} for rule, kind in missing],
        "seconds": round(elapsed_s, 3),
    }
