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
EXPECTED = {
    "allow": {Verdict.ALLOW},
    "held": {Verdict.REVIEW, Verdict.BLOCK},
    "block": {Verdict.BLOCK},
}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return make_pipeline(None)


def test_there_are_enough_of_them() -> None:
    prompts = [prompt for case in CASES for prompt in case["prompts"]]
    assert len(set(prompts)) == len(prompts) >= 80


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"][:60])
def test_the_verdicts(pipeline: Pipeline, case: dict[str, Any]) -> None:
    wrong = {}
    for prompt in case["prompts"]:
        row = {"prompt": prompt, "provenance": case.get("as", "user")}
        decision = pipeline.judge(to_action(row, mode="cli"))
        if decision.verdict not in EXPECTED[case["expect"]]:
            found = sorted((finding.rule, finding.points) for finding in decision.findings)
            wrong[prompt] = decision.verdict.word, found
    assert wrong == {}, f"expected {case['expect']}"
