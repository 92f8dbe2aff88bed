"""Loading a policy for the author's commands: compile, lint and examples in one list of problems."""

import json
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import click

from gw.defender.tester import Bench, Coverage, check_examples
from gw.defender.tool_fields import KNOWN
from gw.errors import PolicyError
from gw.model.problem import Problem
from gw.policy.compiled import CompiledPolicy
from gw.policy.linting import lint
from gw.policy.loader import default_paths, load
from gw.policy.matchers.base import Target


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
        *too_broad(policy),
        *failed_examples(policy),
    ]
    return policy, sorted(problems, key=lambda problem: problem[:3])


# What people and agents say and do all day, by target: a rule that hits these hits nearly everything.
ORDINARY: Final[Mapping[Target, Mapping[str, str]]] = {
    Target.PROMPT: {"prompt": "Good morning, how are you?"},
    Target.TOOL_OUTPUT: {"prompt": "Good morning, how are you?", "provenance": "tool_output"},
    Target.COMMAND: {"command": "echo hello"},
    Target.OUTBOUND: {"output": "Good morning, how are you?"},
    Target.TOOL_CALL: {"tool": "read", "path": "notes.txt"},
    Target.RPC: {"method": "health", "data": "hello"},
}


def too_broad(policy: CompiledPolicy) -> list[Problem]:
    """Rules with points or a floor that hit what is said and done all day."""
    bench = Bench(policy)
    return [
        rule.place.problem("rule.broad", f"{rule.id} hits an ordinary {target.value}", severity="warning")
        for rule in policy.rules.values()
        for target in sorted(rule.targets)
        if rule.section != "allow" and (rule.points or rule.floor) and rule.when is None and rule.place is not None
        if bench.hits(rule, ORDINARY[target])
    ]


def failed_examples(policy: CompiledPolicy, coverage: Coverage | None = None) -> list[Problem]:
    return [
        outcome.place.problem("example", outcome.message, path=outcome.name)
        for outcome in check_examples(policy, coverage)
        if not outcome.passed
    ]
