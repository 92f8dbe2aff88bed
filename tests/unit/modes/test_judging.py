import logging
import os
import stat
from types import SimpleNamespace

import pytest

from gw.config.settings import build
from gw.defender.extract import Origin, from_request
from gw.errors import ConfigError, Overloaded, PolicyError
from gw.methods.router import Call
from gw.model.decision import Verdict
from gw.modes.beside.canary import new_word
from gw.modes.judging import build_judging, ledger_key
from gw.modes.policy_files import read_policies
from gw.observe.lines import fields_of
from gw.observe.log import REPEAT_BURST, setup
from gw.observe.metrics import Metrics
from tests.support.policies import FakeClock
from tests.support.tables import method_table

POLICY = """
version: 1
kind: policy
id: test.judging
title: One word is blocked
mode: {mode}
deny:
  - id: no-bananas
    title: Bananas are not served
    pattern: bananas
    target: [prompt]
    say: Bananas are not served here.
"""


class Inline:
    def run(self, job, *args, **kwargs):
        return job(*args, **kwargs)


def make(tmp_path, policy=None, **values):
    policy = policy or POLICY.format(mode="enforce")
    file = tmp_path / "policy.yaml"
    file.write_text(policy)
    settings = build({"gateway.state": tmp_path / "state", "policy.path": file, **values})
    return build_judging(settings, FakeClock(), Inline(), Inline(), Metrics(), read_policies(settings))


def call(message):
    params = {"sessionKey": "main", "message": message, "idempotencyKey": "k"}
    info = SimpleNamespace(conn_id="c1", client_id="cli")
    return Call(None, info, "1", method_table().get("chat.send"), params, repr(params).encode())


def test_a_request_is_judged_recorded_and_counted(tmp_path):
    judging = make(tmp_path)
    assert judging.guard(call("apples")).enforced is Verdict.ALLOW
    decision = judging.guard(call("free bananas"))
    assert decision.enforced is Verdict.BLOCK
    assert decision.findings[0].say == "Bananas are not served here."
    assert judging.quarantine.get(decision.id)["id"] == decision.id
    assert judging.metrics.value("clawgate_decisions_total", "block", "block", "enforce") == 1
    assert judging.metrics.value("clawgate_findings_total", decision.findings[0].rule) == 1
    assert judging.metrics.histogram("clawgate_eval_seconds").cumulative()


def test_an_action_that_found_no_place_is_counted_by_where(tmp_path, monkeypatch):
    judging = make(tmp_path)

    def full():
        raise Overloaded("evaluations")

    monkeypatch.setattr(judging.pipeline._gate, "admit", full)
    assert judging.guard(call("apples")).enforced is not Verdict.ALLOW
    assert judging.metrics.value("clawgate_overload_total", "evaluations") == 1


@pytest.mark.parametrize(("mode", "flag"), [("audit", False), ("enforce", True)])
def test_audit_enforces_nothing(tmp_path, mode, flag):
    judging = make(tmp_path, POLICY.format(mode=mode), **{"policy.audit_only": flag})
    decision = judging.guard(call("bananas"))
    assert (decision.verdict, decision.enforced) == (Verdict.BLOCK, Verdict.ALLOW)


def test_a_broken_policy_does_not_start(tmp_path):
    with pytest.raises(PolicyError) as caught:
        make(tmp_path, "version: 1\nkind: policy\nid: x\nmode: sometimes\nbanana: 1\n")
    assert len(caught.value.problems) > 1


def test_a_ledger_that_cannot_be_opened_does_not_start(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "decisions").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot open"):
        make(tmp_path)


def test_the_ledger_key_is_made_once_and_private(tmp_path):
    key = ledger_key(tmp_path)
    assert len(key) >= 32
    assert ledger_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "ledger.key").stat().st_mode) == 0o600


def test_what_the_ledgers_kept_long_enough_goes(tmp_path):
    judging = make(tmp_path)
    decision = judging.guard(call("free bananas"))
    day_ms = 86_400_000
    written_ms = judging.quarantine.find(decision.id).stat().st_mtime_ns // 1_000_000
    ledger = build({"ledger.quarantine_days": 2}).ledger
    judging.prune(ledger, written_ms + day_ms)
    assert judging.quarantine.get(decision.id) is not None
    judging.prune(ledger, written_ms + 3 * day_ms)
    assert judging.quarantine.get(decision.id) is None


def test_flushing_writes_what_passed(tmp_path):
    judging = make(tmp_path)
    judging.guard(call("apples"))
    assert judging.log.written == 0
    judging.flush()
    assert judging.log.written == 1


def test_what_was_stopped_is_one_line_without_its_text(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "gw"):
        judging = make(tmp_path)
        judging.guard(call("apples"))
        decision = judging.guard(call("free bananas for ann@example.org"))
        held = decision._replace(enforced=Verdict.REVIEW, tool="x" * 1000, channel="telegram")
        judging.count(held)
    lines = [fields_of(record) for record in caplog.records if record.name == "gw.modes.judging"]
    assert [line["event"] for line in lines] == ["decision.blocked", "decision.held"]
    for line in lines:
        del line["ts"], line["level"], line["event"]
    blocked = {"decision": decision.id, "method": "chat.send", "rules": "no-bananas", "score": decision.score}
    assert lines == [blocked, {**blocked, "tool": "x" * 64, "channel": "telegram"}]


def test_a_flood_of_refusals_is_a_few_lines(tmp_path):
    read, write = os.pipe()
    made = setup("info", descriptor=write)
    try:
        judging = make(tmp_path)
        for number in range(100):
            judging.guard(call(f"bananas {number}"))
    finally:
        made.close()
        os.close(write)
    with os.fdopen(read) as lines:
        assert len([line for line in lines if "decision.blocked" in line]) == REPEAT_BURST


def test_audit_stops_nothing_and_says_nothing(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "gw"):
        make(tmp_path, POLICY.format(mode="audit")).guard(call("bananas"))
    assert not [record for record in caplog.records if record.msg.startswith("decision.")]


def test_a_probe_is_no_line(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "gw"):
        judging = make(tmp_path)
        action = from_request("tools.invoke", {"name": new_word(), "args": {}}, b"{}", Origin("a"))
        decision = judging.judge(action)
    assert (decision.enforced, [finding.rule for finding in decision.reasons]) == (Verdict.BLOCK, ["canary.probe"])
    assert not [record for record in caplog.records if record.msg.startswith("decision.")]
