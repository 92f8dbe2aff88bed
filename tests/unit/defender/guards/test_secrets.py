"""What needs arithmetic to be called a secret, and that no value is ever repeated."""

import pytest

from gw.defender.guards.secrets import SecretGuard, bits, luhn
from gw.model.action import Action, Part, PartKind
from gw.model.decision import Finding
from gw.model.subject import Subject, View
from tests.support.policies import policy_of

POLICY = """
score:
  - {id: card, target: outbound, points: 45, group: secrets, guard: {name: secrets, kind: card}}
  - {id: assigned, target: outbound, points: 25, group: secrets, guard: {name: secrets, kind: assigned}}
"""


def _found(text: str, kind: PartKind = PartKind.OUTPUT) -> list[Finding]:
    part = Part(kind, "/message", text)
    action = Action("i", "send", (part,), "d", 1)
    subject = Subject(action, part, 0, (View("raw", text),))
    return list(SecretGuard().inspect(action, (subject,), policy_of(POLICY)))


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("my card is 4539 5787 6362 1486, thanks", ["card"]),
        ("4539578763621486", ["card"]),
        ("3782-822463-10005", ["card"]),
        ("4539 5787 6362 1487", []),
        ("4444 4444 4444 4448", []),
        ("order 1234567890123", []),
        ("password: hunter2-Blue!", ["assigned"]),
        ("export API_KEY=9f8Qz71LmKc2", ["assigned"]),
        ("the token is q7Rt-19xK-mm02", ["assigned"]),
        ("password: ********", []),
        ("password: correcthorse", []),
        ("API_KEY=$OPENAI_KEY_1", []),
        ("set the password to your-own-value1", []),
        ("The token is rotated every 30 days", []),
        ("secret: https://example.com/a1b2c3", []),
        ("Tokens: 12 in, 40 out", []),
        ("nothing to see", []),
    ],
)
def test_what_is_a_secret(text: str, rules: list[str]) -> None:
    assert [finding.rule for finding in _found(text)] == rules


def test_a_finding_has_place_and_length_but_never_the_value() -> None:
    text = "password: hunter2-Blue!"
    (finding,) = _found(text)
    assert finding.span is not None
    assert text[slice(*finding.span)] == "hunter2-Blue"
    assert finding.detail == "12 characters"
    assert "hunter" not in repr(finding)


def test_only_what_goes_out_is_looked_at() -> None:
    assert _found("password: hunter2-Blue!", PartKind.PROMPT) == []


def test_luhn() -> None:
    assert luhn([int(c) for c in "79927398713"])
    assert not luhn([int(c) for c in "79927398710"])


def test_one_kind_of_character_is_no_password() -> None:
    assert bits("correcthorsebatterystaple") == bits("1234567890") == 0.0
    assert bits("Tr0ub4dor&3") > bits("aaaaaaa1")
