"""Only the gate's own refusal is a bite."""

from typing import Any

import pytest

from gw.defender.guards.canary import DIGITS, RULE, WORD
from gw.errors import UpstreamError
from gw.modes.beside import canary
from gw.modes.beside.operator import RefusedError

OURS = {"ok": False, "error": {"code": "forbidden", "message": f"clawgate: blocked. [{RULE}; decision dec_1]"}}


@pytest.mark.parametrize(
    "gate, answer, outcome",
    [
        ("plugin", OURS, "bites"),
        ("plugin", {"ok": False, "error": {"code": "internal_error", "message": "tool execution failed"}}, "open"),
        ("plugin", {"ok": True, "result": {}}, "open"),
        ("plugin", None, "open"),
        ("plugin", RefusedError("tools.invoke", {"message": f"blocked [{RULE}]"}), "bites"),
        ("plugin", RefusedError("tools.invoke", {"message": "missing scope"}), "open"),
        ("plugin", UpstreamError("gone"), "unreachable"),
        ("approvals", {"id": "a", "decision": "deny"}, "bites"),
        ("approvals", {"id": "a", "decision": None}, "open"),
        ("approvals", {"id": "a", "decision": "allow-once"}, "open"),
        ("approvals", UpstreamError("gone"), "unreachable"),
    ],
)
def test_outcomes(gate: str, answer: Any, outcome: str) -> None:
    def call(method: str, params: Any, timeout_s: float = 0.0) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert canary.run(gate, call).value == outcome


def test_words_are_new_and_recognised() -> None:
    assert canary.new_word() != canary.new_word()
    assert canary.new_word().startswith(WORD) and len(canary.new_word()) == len(WORD) + DIGITS
