"""A probe is refused wherever it would run, and nowhere else."""

from pathlib import Path

import pytest

from gw.cli.judge import make_pipeline
from gw.defender.guards.canary import RULE, WORD
from gw.defender.rows import to_action
from gw.model.decision import Verdict

PROBE = WORD + "0" * 32


@pytest.mark.parametrize(
    "row",
    [
        {"tool": "exec", "command": PROBE},
        {"tool": "read", "path": f"/{PROBE}"},
        {"tool": "exec", "args": {"command": PROBE}},
        {"tool": "session_status", "args": {"sessionKey": PROBE}},
    ],
)
def test_a_probe_is_refused(row: dict[str, object]) -> None:
    decision = make_pipeline(None).evaluate(to_action(row, mode="test"))
    assert decision.enforced is Verdict.BLOCK
    assert RULE in [finding.rule for finding in decision.findings]


def test_under_a_policy_without_rules_too(tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text("version: 1\nkind: policy\nid: test.none\n")
    assert make_pipeline(policy).evaluate(to_action({"command": PROBE}, mode="test")).enforced is Verdict.BLOCK


def test_talk_about_probes_is_not() -> None:
    assert (
        make_pipeline(None).evaluate(to_action({"prompt": f"what is {PROBE}?"}, mode="test")).verdict is Verdict.ALLOW
    )
