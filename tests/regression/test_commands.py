"""Command lines people reported or we thought of, with the verdict each must get from the shipped policies."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gw.cli.judge import make_pipeline
from gw.defender.pipeline import Pipeline
from gw.defender.rows import to_action
from gw.model.decision import Verdict

FILES = sorted(Path(__file__).parent.glob("commands*.yaml"))
CASES: list[dict[str, Any]] = [case for file in FILES for case in yaml.safe_load(file.read_text(encoding="utf-8"))]
EXPECTED = {
    "allow": {Verdict.ALLOW},
    "review": {Verdict.REVIEW},
    "held": {Verdict.REVIEW, Verdict.BLOCK},
    "block": {Verdict.BLOCK},
}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return make_pipeline(None)


def test_there_are_enough_of_them() -> None:
    commands = [command for case in CASES for command in case["commands"]]
    assert len(set(commands)) == len(commands) >= 120


@pytest.mark.parametrize("tool", [None, "exec"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"][:60])
def test_the_verdicts(pipeline: Pipeline, case: dict[str, Any], tool: str | None) -> None:
    wrong = {}
    for command in case["commands"]:
        row = {"command": command} if tool is None else {"command": command, "tool": tool}
        decision = pipeline.judge(to_action(row, mode="cli"))
        if decision.verdict not in EXPECTED[case["expect"]]:
            wrong[command] = decision.verdict.word, sorted({finding.rule for finding in decision.findings})
    assert wrong == {}, f"expected {case['expect']}"
