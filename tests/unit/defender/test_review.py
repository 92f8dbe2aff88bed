import errno
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.defender.review import (
    APPROVED,
    EXPIRED,
    GRANT_TTL_MS,
    HOLD_TTL_MS,
    MAX_LIKE_MS,
    PENDING,
    Held,
    Reviews,
    bind,
    reasons,
)
from gw.defender.rows import to_action
from gw.errors import ApprovalNotFound
from gw.model.action import Action
from gw.model.decision import Decision, Finding, PolicyRef, Verdict
from tests.support.policies import FakeClock


class Store:
    """Keeps events as a disk would; `full` makes it refuse."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.full = False
        self.during = lambda: None

    def append(self, event: Mapping[str, Any]) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.during()
        self.events.append(dict(event))


def action(command: str = "deploy", **row: str) -> Action:
    return to_action({"command": command, "tool": "exec", "session": "agent:a:main", "agent": "a", **row}, mode="test")


def review(action: Action, *rules: str, name: str = "dec_1") -> Decision:
    findings = tuple(Finding(rule, 40) for rule in rules or ("shell.deploy",))
    ref = PolicyRef("p", 1, "d")
    return Decision(
        name,
        "a",
        action.method,
        "d",
        Verdict.REVIEW,
        Verdict.REVIEW,
        Verdict.REVIEW,
        40,
        findings,
        ref,
        "enforce",
        1,
        0,
    )


class Desk:
    def __init__(self) -> None:
        self.store, self.clock = Store(), FakeClock()
        self.heard: list[Held] = []
        self.reviews = self.start()
        self.count = 0

    def start(self) -> Reviews:
        reviews = Reviews(self.store, self.clock, listener=self.heard.append)
        reviews.restore(self.store.events)
        return reviews

    def judge(self, one: Action, *rules: str) -> Decision:
        """What the pipeline does with a review verdict."""
        self.count += 1
        decision = self.reviews.grant(review(one, *rules, name=f"dec_{self.count}"), one)
        if decision.enforced is Verdict.REVIEW:
            self.reviews.hold(decision, one)
        return decision


@pytest.fixture
def desk() -> Desk:
    return Desk()


def last_rule(decision: Decision) -> str:
    return decision.findings[-1].rule


def test_leave_for_one_action_is_used_once(desk: Desk) -> None:
    assert desk.judge(action()).enforced is Verdict.REVIEW
    (held,) = desk.reviews.pending()
    assert (held.id, held.rules, held.tool) == ("dec_1", ("shell.deploy",), "exec")
    desk.reviews.approve("dec_1", "sam", note="release day")
    allowed = desk.judge(action())
    assert (allowed.verdict, allowed.enforced, last_rule(allowed)) == (Verdict.REVIEW, Verdict.ALLOW, "review.granted")
    assert desk.judge(action()).enforced is Verdict.REVIEW
    assert [one.state for one in desk.heard] == [PENDING, APPROVED, PENDING]


@pytest.mark.parametrize(
    "other",
    [
        {"command": "deploy --all"},
        {"session": "agent:a:other"},
        {"agent": "b"},
        {"channel": "irc"},
        {"sender": "u"},
        {"provenance": "web"},
        {"tool": "process"},
    ],
)
def test_leave_for_one_content_fits_no_other(desk: Desk, other: dict[str, str]) -> None:
    desk.judge(action())
    desk.reviews.approve("dec_1", "sam")
    assert desk.judge(action(**{"command": "deploy", **other})).enforced is Verdict.REVIEW


def test_the_same_action_waits_once(desk: Desk) -> None:
    desk.judge(action())
    again = desk.judge(action())
    assert last_rule(again) == "review.pending" and again.findings[-1].detail == "as dec_1"
    (held,) = desk.reviews.pending()
    assert (held.asked, len(desk.store.events)) == (2, 1)


def test_what_was_denied_stays_denied_until_the_hold_would_have_ended(desk: Desk) -> None:
    desk.judge(action())
    desk.reviews.deny("dec_1", "sam")
    assert last_rule(desk.judge(action())) == "review.denied"
    assert desk.reviews.pending() == []
    desk.clock.advance(HOLD_TTL_MS / 1000)
    desk.judge(action())
    assert [held.id for held in desk.reviews.pending()] == ["dec_3"]


def test_holds_and_unused_leave_end(desk: Desk) -> None:
    desk.judge(action("one"))
    desk.judge(action("two"))
    desk.reviews.approve("dec_1", "sam")
    desk.clock.advance(GRANT_TTL_MS / 1000)
    assert desk.judge(action("one")).enforced is Verdict.REVIEW
    desk.clock.advance(HOLD_TTL_MS / 1000)
    assert desk.reviews.pending() == [] and desk.reviews.get("dec_2").state == EXPIRED
    with pytest.raises(ApprovalNotFound, match="expired"):
        desk.reviews.approve("dec_2", "sam")


LIKE = [
    ({"command": "deploy web"}, ("shell.deploy",), True),
    ({"command": "x"}, (), True),
    ({"command": "deploy web"}, ("shell.deploy", "shell.other"), False),
    ({"command": "deploy web"}, ("bonus.tool", "shell.deploy"), True),
    ({"session": "agent:a:other"}, ("shell.deploy",), False),
    ({"agent": "b"}, ("shell.deploy",), False),
    ({"tool": "process"}, ("shell.deploy",), False),
]


@pytest.mark.parametrize(("row", "rules", "covered"), LIKE)
def test_leave_for_the_like_is_boxed_by_session_agent_tool_and_rules(
    desk: Desk, row: dict[str, str], rules: tuple[str, ...], covered: bool
) -> None:
    desk.judge(action())
    desk.reviews.approve("dec_1", "sam", like_ms=60_000)
    assert (desk.judge(action(**{"command": "deploy", **row}), *rules).enforced is Verdict.ALLOW) is covered


def test_leave_for_the_like_is_boxed_by_count_and_time(desk: Desk) -> None:
    desk.judge(action())
    desk.reviews.approve("dec_1", "sam", like_ms=60_000, uses=2)
    assert [desk.judge(action(f"deploy {n}")).enforced.word for n in range(3)] == ["allow", "allow", "review"]
    desk.judge(action("other"))
    grant = desk.reviews.approve(desk.reviews.pending()[-1].id, "sam", like_ms=10**12)
    assert grant.until_ms - desk.clock.ms == MAX_LIKE_MS
    desk.clock.advance(MAX_LIKE_MS / 1000)
    assert desk.judge(action("deploy 9")).enforced is Verdict.REVIEW


def test_leave_may_be_taken_back(desk: Desk) -> None:
    desk.judge(action())
    desk.reviews.approve("dec_1", "sam", like_ms=60_000)
    desk.reviews.revoke("dec_1", "sam")
    assert desk.reviews.grants() == []
    assert desk.judge(action()).enforced is Verdict.REVIEW
    with pytest.raises(ApprovalNotFound):
        desk.reviews.revoke("dec_1", "sam")


def test_two_at_once_cannot_use_the_same_leave(desk: Desk) -> None:
    desk.judge(action())
    desk.reviews.approve("dec_1", "sam")
    second: list[Decision] = []

    def meanwhile() -> None:
        desk.store.during = lambda: None
        second.append(desk.reviews.grant(review(action(), name="dec_9"), action()))

    desk.store.during = meanwhile
    first = desk.reviews.grant(review(action(), name="dec_8"), action())
    assert [first.enforced, second[0].enforced] == [Verdict.ALLOW, Verdict.REVIEW]


@pytest.mark.parametrize("gone", ["dec_404", ""])
def test_answers_need_a_held_action(desk: Desk, gone: str) -> None:
    for answer in (desk.reviews.approve, desk.reviews.deny):
        with pytest.raises(ApprovalNotFound):
            answer(gone, "sam")
    desk.judge(action())
    desk.reviews.deny("dec_1", "sam")
    with pytest.raises(ApprovalNotFound, match="denied"):
        desk.reviews.approve("dec_1", "sam")


# --- disk and restarts ------------------------------------------------------------------------------------------------


def test_a_restart_remembers_everything(desk: Desk) -> None:
    for name in ("one", "two", "three", "four"):
        desk.judge(action(name))
    desk.reviews.approve("dec_1", "sam")
    desk.reviews.deny("dec_2", "sam")
    desk.reviews.approve("dec_3", "sam")
    desk.judge(action("three"))
    desk.reviews = desk.start()
    assert [held.id for held in desk.reviews.pending()] == ["dec_4"]
    assert [grant.id for grant in desk.reviews.grants()] == ["dec_1"]
    assert desk.judge(action("one")).enforced is Verdict.ALLOW
    assert last_rule(desk.judge(action("two"))) == "review.denied"
    assert desk.judge(action("three")).enforced is Verdict.REVIEW


def test_a_snapshot_restores_the_same_state(desk: Desk) -> None:
    for name in ("one", "two", "three"):
        desk.judge(action(name))
    desk.reviews.approve("dec_1", "sam", like_ms=60_000, uses=3)
    desk.judge(action("one", session="agent:a:main"))
    desk.reviews.deny("dec_2", "sam", note="no")
    other = Reviews(Store(), desk.clock)
    other.restore(desk.reviews.snapshot())
    assert other.pending() == desk.reviews.pending()
    assert other.grants() == desk.reviews.grants()
    assert other.get("dec_2") == desk.reviews.get("dec_2")


def test_a_hold_that_the_disk_refused_is_kept_and_written_later(desk: Desk) -> None:
    desk.store.full = True
    desk.judge(action("one"))
    desk.judge(action("two"))
    assert [held.id for held in desk.reviews.pending()] == ["dec_1", "dec_2"] and desk.store.events == []
    assert not desk.reviews.flush()
    desk.store.full = False
    desk.judge(action("three"))
    assert [event["id"] for event in desk.store.events] == ["dec_1", "dec_2", "dec_3"]
    assert desk.reviews.flush()


def test_leave_is_nothing_that_is_not_on_disk(desk: Desk) -> None:
    desk.judge(action())
    desk.store.full = True
    with pytest.raises(OSError, match="No space"):
        desk.reviews.approve("dec_1", "sam")
    assert desk.reviews.grants() == []
    desk.store.full = False
    desk.reviews.approve("dec_1", "sam")
    desk.store.full = True
    assert last_rule(desk.judge(action())) == "review.unavailable"


def test_the_number_of_held_actions_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gw.defender.review.MAX_HELD", 2)
    for name in ("one", "two", "three"):
        assert desk.judge(action(name)).enforced is Verdict.REVIEW
    assert len(desk.reviews.all()) == 2
    desk.clock.advance(HOLD_TTL_MS / 1000)
    desk.judge(action("four"))
    assert [held.id for held in desk.reviews.all()] == ["dec_4"]


@given(st.lists(st.sampled_from(["hold", "approve", "deny", "judge", "restart"]), max_size=12))
def test_any_history_gives_the_same_state_after_a_restart(steps: list[str]) -> None:
    desk = Desk()
    for number, step in enumerate(steps):
        pending = desk.reviews.pending()
        if step == "hold":
            desk.judge(action(f"c{number % 3}"))
        elif step == "judge":
            desk.judge(action("c0"))
        elif step == "restart":
            desk.reviews = desk.start()
        elif pending:
            (desk.reviews.approve if step == "approve" else desk.reviews.deny)(pending[0].id, "sam")
    again = desk.start()
    assert again.grants() == desk.reviews.grants()
    assert [held.id for held in again.pending()] == [held.id for held in desk.reviews.pending()]


def test_bonuses_and_shadow_findings_are_no_reasons() -> None:
    one = review(action())
    findings = (
        Finding("bonus.tool", 20), Finding("a", 5), Finding("b", floor=Verdict.REVIEW), Finding("c"),
        Finding("d", 9, live=False), Finding("a", 1),
    )  # fmt: skip
    assert reasons(one._replace(findings=findings)) == ("a", "b")


def test_the_binding_tells_neighbouring_texts_apart() -> None:
    assert bind(action("ab")) != bind(action("a"))
    assert bind(to_action({"tool": "x", "path": "a", "url": "b"}, mode="")) != bind(
        to_action({"tool": "x", "path": "b", "url": "a"}, mode="")
    )
    assert bind(action("\ud800")) != bind(action("\ud801"))


def test_a_hold_answered_elsewhere_is_closed_and_gives_no_leave() -> None:
    for allowed, state in ((True, APPROVED), (False, "denied")):
        store, clock = Store(), FakeClock()
        reviews = Reviews(store, clock)
        reviews.hold(review(action()), action())
        assert (waiting := reviews.waiting(action())) is not None and waiting.id == "dec_1"
        assert reviews.settle("dec_1", "openclaw", allowed=allowed).state == state
        assert reviews.grants() == []
        assert reviews.grant(review(action()), action()).enforced is Verdict.REVIEW
        again = Reviews(Store(), clock)
        again.restore(reviews.snapshot())
        assert again.get("dec_1").state == state
        later = Reviews(Store(), clock)
        later.restore(store.events)
        assert (later.get("dec_1").state, later.get("dec_1").by) == (state, "openclaw")
        with pytest.raises(ApprovalNotFound):
            reviews.settle("dec_1", "openclaw", allowed=True)


def test_leave_that_was_used_is_no_hold_after_a_restart() -> None:
    reviews = Reviews(Store(), FakeClock())
    reviews.hold(review(action()), action())
    reviews.approve("dec_1", "me")
    assert reviews.grant(review(action()), action()).enforced is Verdict.ALLOW
    again = Reviews(Store(), FakeClock())
    again.restore(reviews.snapshot())
    assert again.pending() == []


def test_what_waits_for_an_action() -> None:
    clock = FakeClock()
    reviews = Reviews(Store(), clock)
    assert reviews.waiting(action()) is None
    reviews.hold(review(action()), action())
    assert reviews.waiting(action("other")) is None
    clock.ms += HOLD_TTL_MS
    assert reviews.waiting(action()) is None
