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
ROWS = [(command, case["expect"]) for case in CASES for command in case["commands"]]
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
    assert len({command for command, _ in ROWS}) == len(ROWS) >= 120


@pytest.mark.parametrize("tool", [None, "exec"])
@pytest.mark.parametrize(("command", "expect"), ROWS)
def test_the_verdict(pipeline: Pipeline, command: str, expect: str, tool: str | None) -> None:
    row = {"command": command} if tool is None else {"command": command, "tool": tool}
    decision = pipeline.judge(to_action(row, mode="cli"))
    assert decision.verdict in EXPECTED[expect], sorted({finding.rule for finding in decision.findings})
