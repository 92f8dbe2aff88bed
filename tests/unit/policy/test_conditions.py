from dataclasses import dataclass

import pytest

from gw.model.action import Action, Part, PartKind, Provenance
from gw.model.decision import Span
from gw.model.subject import Subject
from gw.policy.conditions import FIELDS, Condition

ACTION = Action(
    "a", "chat.send", (), "d", 0, Provenance.WEB, tool="exec", channel="discord", chat_type="group",
    session_key="agent:main:discord:group:g1", agent_id="builder", sender="u1", client_id="cli",
)  # fmt: skip
SUBJECT = Subject(ACTION, Part(PartKind.COMMAND, "", "x"), 0, ())


@dataclass(frozen=True)
class Spans:
    found: tuple[Span, ...] | None
    keys: None = None

    def match(self, subject: Subject) -> tuple[Span, ...] | None:
        return self.found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agent", "builder"),
        ("channel", "discord"),
        ("chat", "group"),
        ("client", "cli"),
        ("method", "chat.send"),
        ("mode", "gateway"),
        ("provenance", "web"),
        ("sender", "u1"),
        ("session", "agent:main:discord:group:g1"),
        ("session_kind", "group"),
        ("tool", "exec"),
    ],
)
def test_every_field_is_read_from_the_action(name: str, value: str) -> None:
    assert Condition(((name, (value,)),)).holds(ACTION)
    assert Condition(((name, ("other", value[:2] + "*")),)).holds(ACTION)
    assert not Condition(((name, ("other",)),)).holds(ACTION)


def test_the_table_has_no_field_the_test_above_misses() -> None:
    assert len(FIELDS) == 11


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("agent:main:main", "main"),
        ("agent:main:cron:nightly", "cron"),
        ("agent:main:telegram:direct:1", "direct"),
        ("agent:main:subagent:x", "subagent"),
        ("main", "main"),
        (None, None),
    ],
)
def test_session_kinds(key: str | None, kind: str | None) -> None:
    assert FIELDS["session_kind"](ACTION._replace(session_key=key)) == kind


def test_an_empty_condition_holds_and_an_absent_value_does_not() -> None:
    assert Condition().holds(ACTION)
    assert not Condition((("channel", ("*",)),)).holds(ACTION._replace(channel=None))


@pytest.mark.parametrize(
    ("found", "asked", "covers"),
    [
        ((Span(0, 10),), (Span(2, 5),), True),
        ((Span(0, 10),), (Span(2, 5), Span(8, 12)), False),
        ((Span(0, 10), Span(8, 20)), (Span(2, 5), Span(8, 12)), True),
        ((), (Span(2, 5),), True),
        ((Span(0, 10),), (), True),
        (None, (), False),
    ],
)
def test_a_matcher_must_contain_every_hit(
    found: tuple[Span, ...] | None, asked: tuple[Span, ...], covers: bool
) -> None:
    assert Condition(matchers=(Spans(found),)).covers(SUBJECT, asked) is covers


def test_fields_count_before_matchers() -> None:
    assert not Condition((("channel", ("irc",)),), (Spans(()),)).covers(SUBJECT, ())


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({"channel": ("a", "b")}, {"channel": ("b",)}, True),
        ({"channel": ("a",)}, {"channel": ("b",)}, False),
        ({"channel": ("a",)}, {"chat": ("b",)}, True),
        ({"tool": ("git*",)}, {"tool": ("github",)}, True),
        ({}, {"tool": ("x",)}, True),
    ],
)
def test_overlaps(one: dict[str, tuple[str, ...]], other: dict[str, tuple[str, ...]], overlap: bool) -> None:
    first, second = Condition(tuple(one.items())), Condition(tuple(other.items()))
    assert first.overlaps(second) is overlap
    assert second.overlaps(first) is overlap
    assert first.specificity == len(one)
