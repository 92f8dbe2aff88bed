import json

from gw.ledger.record import MAX_TEXT, to_event, to_record
from gw.ledger.redact import KEY_BYTES, Redactor
from gw.model.action import Action, Part, PartKind
from gw.model.decision import Decision, Finding, PolicyRef, Span, Verdict

REDACTOR = Redactor(bytes(KEY_BYTES))


def decision(*findings: Finding, **fields: object) -> Decision:
    return Decision(
        "dec_1", "act_1", "chat.send", "d" * 64, Verdict.REVIEW, Verdict.BLOCK, Verdict.ALLOW, 45, findings,
        PolicyRef("p", 2, "e" * 64), "audit", 12, 1_700_000_000_000, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def action(*parts: Part, **fields: object) -> Action:
    return Action("act_1", "chat.send", parts, "d" * 64, 9, **fields)  # type: ignore[arg-type]


def test_verdict_and_what_was_enforced_are_two_fields() -> None:
    record = to_record(decision(), action(), REDACTOR)
    assert (record["verdict"], record["would"], record["enforced"], record["mode"]) == (
        "review", "block", "allow", "audit",
    )  # fmt: skip
    assert record["policy"] == {"name": "p", "generation": 2, "digest": "e" * 64}


def test_prompts_and_data_leave_length_and_token_only() -> None:
    parts = tuple(Part(kind, "/x", "my private words") for kind in (PartKind.PROMPT, PartKind.OUTPUT, PartKind.DATA))
    record = to_record(decision(), action(*parts), REDACTOR)
    assert "private" not in json.dumps(record)
    assert record["parts"][0]["chars"] == 16
    assert record["parts"][0]["token"] == record["parts"][1]["token"]


def test_what_passed_leaves_not_even_a_hash() -> None:
    passed = decision()._replace(verdict=Verdict.ALLOW)
    assert to_record(passed, action(Part(PartKind.PROMPT, "/x", "hi")), REDACTOR)["parts"] == [
        {"kind": "prompt", "where": "/x", "chars": 2}
    ]


def test_commands_are_written_with_masked_groups_and_bounded() -> None:
    finding = Finding("leak.key", 80, "leak", part=0, span=Span(5, 9))
    parts = (Part(PartKind.COMMAND, "/c", "curl KEY1 " + "x" * MAX_TEXT), Part(PartKind.COMMAND, "/d", "curl KEY1"))
    record = to_record(decision(finding), action(*parts), REDACTOR, frozenset(("leak",)))
    assert record["parts"][0]["text"].startswith("curl [redacted:")
    assert len(record["parts"][0]["text"]) == MAX_TEXT
    assert record["parts"][1]["text"] == "curl KEY1"


def test_persons_are_tokens() -> None:
    record = to_record(decision(), action(sender="sam@example.com", session_key="a:b:c:12345678"), REDACTOR)
    assert "sam@" not in json.dumps(record) and "12345678" not in json.dumps(record)


def test_hits_say_what_is_unusual() -> None:
    plain = Finding("a", 5, "a")
    full = Finding("b", 0, "g", Verdict.REVIEW, 1, Span(2, 3), "detail", live=False)
    assert to_record(decision(plain, full), action(), REDACTOR)["hits"] == [
        {"rule": "a", "points": 5},
        {
            "rule": "b", "points": 0, "group": "g", "part": 1, "span": [2, 3], "floor": "review", "live": False,
            "detail": "detail",
        },
    ]  # fmt: skip


def test_the_event_carries_no_judged_text() -> None:
    event = to_event(decision(Finding("a", 1, part=0, span=Span(0, 1)), channel="irc"))
    assert event["decisionId"] == "dec_1" and event["channel"] == "irc"
    assert "parts" not in event and "tool" not in event
