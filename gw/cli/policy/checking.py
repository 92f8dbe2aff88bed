"""Loading a policy for the author's commands: compile, lint and examples in one list of problems."""

import json
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from gw.defender.tester import Coverage, check_examples
from gw.defender.tool_fields import KNOWN
from gw.errors import PolicyError
from gw.model.problem import Problem
from gw.policy.compiled import CompiledPolicy
from gw.policy.linting import lint
from gw.policy.loader import default_paths, load


def policy_argument(function: Any) -> Any:
    """PATHS of policy files or folders; none means the policies in force by default."""
    return click.argument("paths", nargs=-1, type=click.Path(path_type=Path))(function)


def policy_option(function: Any) -> Any:
    return click.option("--policy", "policy_path", type=click.Path(path_type=Path), help="Policy file or folder.")(
        function
    )


def known_methods() -> list[str]:
    return [row["name"] for row in json.loads((files("gw") / "data" / "methods.json").read_text(encoding="utf-8"))]


def check(paths: Sequence[Path]) -> tuple[CompiledPolicy | None, list[Problem]]:
    """Everything there is to say about the policy; it is None when it does not compile."""
    try:
        policy, problems = load(paths or default_paths())
    except PolicyError as error:
        return None, list(error.problems)
    problems = [
        *problems,
        *lint(policy, now_ms=time.time_ns() // 1_000_000, tools=sorted(KNOWN), methods=known_methods()),
        *failed_examples(policy),
    ]
    return policy, sorted(problems, key=lambda problem: problem[:3])


def failed_examples(policy: CompiledPolicy, coverage: Coverage | None = None) -> list[Problem]:
    return [
        outcome.place.problem("example", outcome.message, path=outcome.name)
        for outcome in check_examples(policy, coverage)
        if not outcome.passed
    ]
