"""gw/modes/guard/witness: what a node or an agent is seen to have done, against what this process let happen."""

import json
from typing import Any

import pytest

from gw import hub
from gw.model.decision import Decision, PolicyRef, Verdict
from gw.modes.beside.coverage import Coverage, Gap
from gw.modes.guard.witness import Witness
from gw.observe.metrics import Metrics


class Watch:
    def __init__(self, *, has_plugin: bool = True) -> None:
        self.gaps: list[Gap] = []
        self.looked_up: list[str] = []
        self.coverage = Coverage(hub.SystemClock(), Metrics(), self.gaps.append, self.looked_up.append)
        self.witness = Witness(lambda: self.coverage, lambda: has_plugin, hub.spawn)

    def node_ran(self, **params: Any) -> list[str]:
        self.witness.node_ran(json.dumps(params).encode())
        return self.reasons

    @property
    def reasons(self) -> list[str]:
        hub.sleep(0)
        return [gap.reason.value for gap in self.gaps]


def test_what_a_node_was_let_do_is_no_gap_and_counts_once() -> None:
    watch = Watch()
    watch.witness.asked({"id": "i"}, allowed=True)
    assert watch.node_ran(id="i", ok=True) == watch.node_ran(id="i", ok=True) == []
    assert watch.coverage.executions == 1 and watch.looked_up == []


@pytest.mark.parametrize("asked, reason", [(False, "no-decision"), (True, "refused-but-ran")])
def test_what_a_node_did_all_the_same_is_raised(asked: bool, reason: str) -> None:
    watch = Watch()
    if asked:
        watch.witness.asked({"id": "i"}, allowed=False)
    assert watch.node_ran(id="i", nodeId="n", ok=True) == [reason]
    assert watch.gaps[0].execution[:4] == ("guard", "node.invoke", "", "i")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":"i","ok":false}', b'{"id":"i","ok":"true"}'])
def test_what_did_not_run_is_none(body: bytes) -> None:
    watch = Watch()
    watch.witness.node_ran(body)
    assert watch.reasons == [] and watch.coverage.executions == 0


def ended(call_id: str = "c", phase: str = "result", **data: Any) -> bytes:
    data = {"phase": phase, "name": "write", "toolCallId": call_id, "result": {"content": []}, **data}
    return json.dumps({"stream": "tool", "runId": "r", "sessionKey": "s", "data": data}).encode()


def decision(enforced: Verdict) -> Decision:
    return Decision(
        "d", "c", "hook.tool", "0", enforced, enforced, enforced, 0, (), PolicyRef("p", 1, "e"), "enforce", 1, 1
    )


def test_an_agents_call_is_set_against_what_the_plugin_was_told() -> None:
    watch = Watch()
    watch.coverage.decided("r", "c", decision(Verdict.ALLOW))
    for _ in range(3):  # every client hears of it
        watch.witness.saw(ended())
    watch.witness.saw(ended("other"))
    assert watch.reasons == ["no-decision"] and watch.coverage.executions == 2
    assert watch.gaps[0].execution == ("guard", "write", "r", "other", "s") and watch.looked_up == ["other"]


@pytest.mark.parametrize(
    "body",
    [
        ended(phase="start"),
        ended(isError=True, result={"details": {"status": "blocked"}}),  # a gate's own words
        json.dumps({"stream": "assistant", "data": {"text": 'a "result"'}}).encode(),
        b'"result"',
        b'{"stream":"tool","data":{"phase":"result"}}',
    ],
)
def test_what_is_no_end_of_a_call_is_passed_over(body: bytes) -> None:
    watch = Watch()
    watch.witness.saw(body)
    assert watch.reasons == [] and watch.coverage.executions == 0


def test_without_our_plugin_here_nobody_can_say_who_was_asked() -> None:
    watch = Watch(has_plugin=False)
    watch.witness.saw(ended())
    assert watch.reasons == [] and watch.coverage.executions == 0
