"""Prompts people reported or we thought of, with the verdict each must get from the shipped policies."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gw.cli.judge import make_pipeline
from gw.defender.pipeline import Pipeline
from gw.defender.rows import to_action
from gw.model.decision import Verdict

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("prompts.yaml").read_text(encoding="utf-8"))
ROWS = [(prompt, case.get("as", "user"), case["expect"]) for case in CASES for prompt in case["prompts"]]
EXPECTED = {
    "allow": {Verdict.ALLOW},
    "held": {Verdict.REVIEW, Verdict.BLOCK},
    "block": {Verdict.BLOCK},
}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return make_pipeline(None)


def test_there_are_enough_of_them() -> None:
    assert len({prompt for prompt, _, _ in ROWS}) == len(ROWS) >= 80


@pytest.mark.parametrize(("prompt", "provenance", "expect"), ROWS)
def test_the_verdict(pipeline: Pipeline, prompt: str, provenance: str, expect: str) -> None:
    decision = pipeline.judge(to_action({"prompt": prompt, "provenance": provenance}, mode="cli"))
    found = sorted((finding.rule, finding.points) for finding in decision.findings)
    assert decision.verdict in EXPECTED[expect], found
