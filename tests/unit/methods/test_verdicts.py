"""Who hears of a decision, and what a refused message's author is told."""

from typing import Any
from unittest.mock import Mock

import pytest

from gw.methods.router import Call
from gw.methods.verdicts import Verdicts
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from gw.wire.methods import MethodSpec
from tests.support import openclaw
from tests.unit.methods.plain import info

FINDING = Finding("test.rule", 80, "test", Verdict.BLOCK, say="This would erase a disk.", instead="Name the folder.")


def decision(enforced: Verdict, *findings: Finding) -> Decision:
    return Decision(
        id="dec_1",
        action_id="act_1",
        method="chat.send",
        digest="0" * 64,
        verdict=Verdict.BLOCK,
        would=Verdict.BLOCK,
        enforced=enforced,
        score=80,
        findings=findings,
        policy=PolicyRef("p", 1, "d"),
        mode="enforce",
        elapsed_us=10,
        at_ms=5,
    )


def announce(made: Decision, method: str = "chat.send") -> tuple[Mock, Any]:
    bus, client = Mock(), Mock()
    params = {"sessionKey": "agent:main:main", "idempotencyKey": "k", "message": "the judged text"}
    call = Call(client, info("operator.write"), "1", MethodSpec(method, "chat", "operator.write", "1"), params)
    Verdicts(bus).announce(made, call)
    return bus, client


def test_every_decision_is_published() -> None:
    bus, _ = announce(decision(Verdict.ALLOW))
    (event, payload), _ = bus.publish.call_args
    assert (event, payload["decisionId"], payload["enforced"]) == ("security.decision", "dec_1", "allow")
    bus.send_to.assert_not_called()


@pytest.mark.parametrize("enforced, word", [(Verdict.BLOCK, "blocked"), (Verdict.REVIEW, "held for review")])
def test_the_author_of_a_refused_message_is_told_why_and_what_instead(enforced: Verdict, word: str) -> None:
    bus, client = announce(decision(enforced, FINDING))
    (to, event, payload), _ = bus.send_to.call_args
    assert (to, event, payload["runId"], payload["state"]) == (client, "chat", "k", "error")
    assert payload["errorMessage"] == f"{word} by clawgate: This would erase a disk. Name the folder."
    assert "the judged text" not in repr(bus.mock_calls)


def test_without_a_safer_way_only_the_reason_is_told() -> None:
    bus, _ = announce(decision(Verdict.BLOCK, FINDING._replace(instead="")))
    assert bus.send_to.call_args[0][2]["errorMessage"] == "blocked by clawgate: This would erase a disk."


def test_other_methods_have_their_answer_alone() -> None:
    bus, _ = announce(decision(Verdict.BLOCK, FINDING), "sessions.send")
    bus.publish.assert_called_once()
    bus.send_to.assert_not_called()


@pytest.mark.openclaw
def test_the_event_fits_the_published_schema() -> None:
    bus, _ = announce(decision(Verdict.BLOCK, FINDING))
    assert openclaw.problems("ChatErrorEvent", bus.send_to.call_args[0][2]) == []
