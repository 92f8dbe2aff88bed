from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gw.errors import InvalidRequest, PolicyError, Unavailable
from gw.ledger.decisions import DecisionLog
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.ledger.redact import KEY_BYTES, Redactor
from gw.ledger.sink import LedgerSink
from gw.methods.security import MAX_ROWS, Security
from gw.model.decision import Decision
from gw.model.problem import Problem
from gw.policy.handle import PolicyHandle
from tests.support.policies import FakeClock, pipeline_of, policy_of
from tests.unit.methods.plain import ask

POLICY = "deny: [{id: d.rm, target: command, prefix: [rm], say: no, instead: ask}]"


class Bench:
    def __init__(self, folder: Path) -> None:
        self.log = DecisionLog(folder / "log", Direct())
        self.log.open()
        quarantine = Quarantine(folder / "q", Direct())
        self.handle = PolicyHandle(policy_of(POLICY))
        self.published: list[Decision] = []
        self.problem: Problem | None = None
        sink = LedgerSink(self.log, quarantine, Redactor(bytes(KEY_BYTES)))
        self.pipeline = pipeline_of(POLICY, sink=sink)
        services = (self.log, quarantine, Direct(), FakeClock())
        self.family = Security(self.pipeline, self.handle, *services, self.published.append, self.reload)

    def reload(self) -> None:
        if self.problem is not None:
            raise PolicyError([self.problem])
        self.handle.swap(replace(self.handle.current, ref=self.handle.current.ref._replace(digest="new")))

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


def test_a_reload_answers_with_the_policy_in_force_or_with_every_problem(bench: Bench) -> None:
    answer = bench.ask("policy.reload")
    assert (answer["generation"], answer["digest"]) == (2, "new")
    bench.problem = Problem("f.yaml", 3, 1, "c", "broken")
    with pytest.raises(InvalidRequest, match="broken") as caught:
        bench.ask("policy.reload")
    assert caught.value.details == {"problems": ["f.yaml:3:1: error: broken [c]"]}
    bench.family._reload = None
    with pytest.raises(Unavailable):
        bench.ask("policy.reload")


def test_release_and_purge_leave_a_trace(bench: Bench) -> None:
    ids = [bench.ask("evaluate", command=line)["decisionId"] for line in ("rm x", "rm y")]
    bench.ask("quarantine.release", id=ids[0], note="a build folder")
    bench.ask("quarantine.purge", id=ids[1])
    entry = bench.ask("quarantine.get", id=ids[0])["entry"]
    assert entry["released"] == {"by": "cli", "note": "a build folder", "at": FakeClock().ms}
    entry = bench.ask("quarantine.get", id=ids[1])["entry"]
    assert "parts" not in entry and entry["purged"]["by"] == "cli"
    assert len(bench.ask("quarantine.list")["entries"]) == 2


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("evaluate", {}, "nothing to judge"),
        ("evaluate", {"prompt": 3}, "`prompt` must be text"),
        ("decisions", {"limit": 0}, f"from 1 to {MAX_ROWS}"),
        ("decisions", {"limit": True}, "whole number"),
        ("decisions", {"verdict": "maybe"}, "allow, review or block"),
        ("quarantine.list", {"limit": "3"}, "whole number"),
        ("quarantine.release", {"id": "dec_0"}, "no entry"),
        ("quarantine.purge", {"id": 3}, "id of a decision"),
        ("quarantine.get", {}, "id of a decision"),
        ("quarantine.get", {"id": "../x"}, "no entry"),
    ],
)
def test_what_is_wrong_is_said(bench: Bench, method: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        bench.ask(method, **params)
