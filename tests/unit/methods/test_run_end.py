"""Ends of runs as answers."""

import pytest

from gw.methods.run_end import RunEnd
from gw.session.runner import Outcome

END = RunEnd("r", "s", "ok", Outcome(provider="p", model="m", usage={"input": 1}), "words", 10, 30, [])


@pytest.mark.parametrize(
    "end, answer",
    [
        (END, {"runId": "q", "status": "ok"}),
        (END._replace(status="error", error="broken"), {"runId": "q", "status": "error", "summary": "broken"}),
        (RunEnd.undone("r", "aborted", "rpc", 5), {"runId": "q", "status": "aborted", "summary": "rpc"}),
    ],
)
def test_what_a_replay_is_told(end: RunEnd, answer: dict[str, str]) -> None:
    assert end.answer("q") == answer


def test_the_second_answer_of_agent() -> None:
    answer = END.agent_answer("q")
    assert (answer["runId"], answer["status"], answer["summary"]) == ("q", "ok", "completed")
    assert answer["result"]["payloads"] == [{"text": "words", "mediaUrl": None}]
    assert answer["result"]["meta"] == {
        "durationMs": 20,
        "aborted": False,
        "agentMeta": {"sessionId": "s", "provider": "p", "model": "m", "usage": {"input": 1}},
    }
    assert RunEnd.undone("r", "aborted", "rpc", 5).agent_answer("r")["result"]["payloads"] == []
    assert END._replace(status="error", error="e").agent_answer("r")["summary"] == "e"
