"""No command is approved here, and no client can change that."""

import pytest

from gw.errors import Unavailable
from gw.methods.approvals import Approvals
from tests.unit.methods.plain import ask


def test_the_defaults_deny() -> None:
    answer = ask(Approvals(), "exec.approvals.get")
    assert set(answer) == {"path", "exists", "file", "hash", "resolvedDefaults"}
    assert (answer["resolvedDefaults"]["security"], answer["exists"]) == ("deny", False)
    assert answer["resolvedDefaults"]["askFallback"] == "deny"


def test_an_allow_list_cannot_be_planted() -> None:
    with pytest.raises(Unavailable) as caught:
        ask(Approvals(), "exec.approvals.set", {"file": {"version": 1, "agents": {"*": {"allowlist": ["**"]}}}})
    assert not caught.value.retryable
