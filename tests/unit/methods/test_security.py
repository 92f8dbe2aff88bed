from pathlib import Path
from typing import Any

import pytest

from gw.errors import InvalidRequest
from gw.ledger.decisions import DecisionLog
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.ledger.redact import KEY_BYTES, Redactor
from gw.ledger.sink import LedgerSink
from gw.methods.security import MAX_ROWS, Security
from gw.model.decision import Decision
from gw.policy.handle import PolicyHandle
from tests.support.policies import pipeline_of, policy_of
from tests.unit.methods.plain import ask

POLICY = "deny: [{id: d.rm, target: command, prefix: [rm], say: no, instead: ask}]"


class Bench:
    def __init__(self, folder: Path) -> None:
        self.log = DecisionLog(folder / "log", Direct())
        self.log.open()
        quarantine = Quarantine(folder / "q", Direct())
        self.handle = PolicyHandle(policy_of(POLICY))
        self.published: list[Decision] = []
        self.pipeline = pipeline_of(POLICY, sink=LedgerSink(self.log, quarantine, Redactor(bytes(KEY_BYTES))))
        self.family = Security(self.pipeline, self.handle, self.log, quarantine, Direct(), self.published.append)

    def ask(self, method: str, **params: Any) -> Any:
        return ask(self.family, f"security.{method}", params)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_evaluation_is_recorded_announced_and_explained(bench: Bench) -> None:
    answer = bench.ask("evaluate", command="rm x", tool="exec")
    assert (answer["verdict"], answer["say"], answer["instead"]) == ("block", "no", "ask")
    assert answer["hits"][0]["rule"] == "d.rm"
    assert [decision.id for decision in bench.published] == [answer["decisionId"]]
    (row,) = bench.ask("decisions")["decisions"]
    assert row["id"] == answer["decisionId"] and row["client"] == "cli"


def test_a_dry_run_leaves_no_trace(bench: Bench) -> None:
    assert bench.ask("evaluate", command="rm x", dryRun=True)["verdict"] == "block"
    assert bench.ask("decisions")["decisions"] == [] and bench.published == []


def test_decisions_are_newest_first_filtered_and_bounded(bench: Bench) -> None:
    ids = [bench.ask("evaluate", command=line)["decisionId"] for line in ("ls", "rm x", "id", "rm y")]
    assert [row["id"] for row in bench.ask("decisions", limit=2)["decisions"]] == ids[:1:-1]
    assert [row["id"] for row in bench.ask("decisions", verdict="block")["decisions"]] == [ids[3], ids[1]]
    assert [row["id"] for row in bench.ask("decisions", verdict="block", limit=1)["decisions"]] == [ids[3]]


def test_quarantine(bench: Bench) -> None:
    decision_id = bench.ask("evaluate", command="rm x")["decisionId"]
    assert [entry["id"] for entry in bench.ask("quarantine.list")["entries"]] == [decision_id]
    assert bench.ask("quarantine.get", id=decision_id)["entry"]["parts"][0]["text"] == "rm x"


def test_the_policy_in_force(bench: Bench) -> None:
    bench.pipeline.audit_only = True
    answer = bench.ask("policy")
    assert answer["name"] == "test.policy" and answer["rules"] == {"deny": 1, "allow": 0, "score": 0}
    assert (answer["mode"], answer["risk"], answer["failure"]) == ("audit", {"reviewAt": 35, "blockAt": 65}, [])


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("evaluate", {}, "nothing to judge"),
        ("evaluate", {"prompt": 3}, "`prompt` must be text"),
        ("decisions", {"limit": 0}, f"from 1 to {MAX_ROWS}"),
        ("decisions", {"limit": True}, "whole number"),
        ("decisions", {"verdict": "maybe"}, "allow, review or block"),
        ("quarantine.list", {"limit": "3"}, "whole number"),
        ("quarantine.get", {}, "id of a decision"),
        ("quarantine.get", {"id": "../x"}, "no entry"),
    ],
)
def test_what_is_wrong_is_said(bench: Bench, method: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        bench.ask(method, **params)
