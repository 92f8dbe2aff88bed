"""gw/modes/guard/node_calls: what was judged on its way in, and the refusal in a node's name."""

import json
from typing import Any

from gw.modes.guard.node_calls import MAX_PASSES, PASS_TTL_MS, Passes, refusal

ASKED: dict[str, Any] = {"nodeId": "n", "command": "system.run", "idempotencyKey": "k", "params": {"command": ["ls"]}}


def request(**changes: Any) -> dict[str, Any]:
    params = json.dumps({"runId": "added by the gateway", "command": ["ls"]})
    return {"id": "i", "nodeId": "n", "command": "system.run", "idempotencyKey": "k", "paramsJSON": params, **changes}


def test_the_very_same_call_passes_once() -> None:
    passes = Passes()
    passes.allow(ASKED, 0)
    assert passes.take(request(), 1)
    assert not passes.take(request(), 1)


def test_any_difference_is_another_call() -> None:
    changes: list[dict[str, Any]] = [
        {"nodeId": "m"}, {"command": "system.which"}, {"idempotencyKey": "j"}, {"idempotencyKey": None},
        {"paramsJSON": '{"command":["rm"]}'}, {"paramsJSON": '{"command":["ls"],"cwd":"/"}'}, {"paramsJSON": "{"},
    ]  # fmt: skip
    for change in changes:
        passes = Passes()
        passes.allow(ASKED, 0)
        assert not passes.take(request(**change), 1), change


def test_it_does_not_last() -> None:
    passes = Passes()
    passes.allow(ASKED, 0)
    assert not passes.take(request(), PASS_TTL_MS)


def test_a_call_without_a_key_or_parameters() -> None:
    passes = Passes()
    passes.allow({"nodeId": "n", "command": "c"}, 0)
    assert not passes.take({"nodeId": "n", "command": "c"}, 0)
    passes.allow({"nodeId": "n", "command": "c", "idempotencyKey": "k"}, 0)
    assert passes.take({"nodeId": "n", "command": "c", "idempotencyKey": "k"}, 0)


def test_there_are_never_too_many() -> None:
    passes = Passes()
    for i in range(MAX_PASSES + 1):
        passes.allow({**ASKED, "idempotencyKey": str(i)}, 0)
    assert not passes.take(request(idempotencyKey="0"), 1)
    assert passes.take(request(idempotencyKey="1"), 1)


def test_a_refusal_is_the_nodes_own_answer() -> None:
    request_id, frame = refusal(request(), "GUARD_BLOCKED", "no")
    said = json.loads(frame)
    assert (said["id"], said["method"], said["type"]) == (request_id, "node.invoke.result", "req")
    assert said["params"] == {
        "id": "i",
        "nodeId": "n",
        "ok": False,
        "error": {"code": "GUARD_BLOCKED", "message": "no"},
    }
