"""The relay under random interleavings, against a slow twin that knows only what each request is and may do.

Whatever the order in which clients speak, verdicts fall, people answer and the gateway replies: no request is lost,
none comes twice, bytes stay, order holds within a session, and everybody hears exactly one answer.
"""

import json
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.relays import FakeDesk, Line

GUARDED, FREE_METHOD = "chat.send", "chat.history"


@dataclass
class Told:
    """One request as the twin knows it."""

    name: str
    session: str
    raw: bytes
    guarded: bool
    fate: str = "waiting"  # passed | refused
    was_held: bool = False


@dataclass
class Twin:
    line: Line = field(default_factory=Line)
    told: dict[str, Told] = field(default_factory=dict)
    replied: set[str] = field(default_factory=set)

    @property
    def desk(self) -> FakeDesk:
        return self.line.desk

    def say(self, session: str, guarded: bool) -> None:
        name = str(len(self.told))
        params = {"sessionKey": session, "message": name}
        method = GUARDED if guarded else FREE_METHOD
        raw = json.dumps({"type": "req", "id": name, "method": method, "params": params}).encode()
        self.told[name] = Told(name, session, raw, guarded, "waiting" if guarded else "passed")
        self.line.say(raw)

    def judge(self, index: int, verdict: str) -> None:
        if not self.desk.asked:
            return
        index %= len(self.desk.asked)
        told = self.told[self.desk.asked[index][1].id]
        if verdict == "allow":
            told.fate = "passed"
            self.desk.allow(index)
        elif verdict in ("block", "stop"):
            told.fate = "refused"
            self.desk.block(index) if verdict == "block" else self.desk.stop(index)
        else:
            told.was_held = True
            self.desk.hold(index)

    def record(self, index: int) -> None:
        if self.desk.writing:
            self.desk.record(index % len(self.desk.writing))

    def person(self, index: int, verdict: str) -> None:
        if not self.desk.waiting:
            return
        index %= len(self.desk.waiting)
        if verdict == "approve":
            self.desk.approve(index)
        else:
            self.told[self.desk.waiting[index][1].id].fate = "refused"
            self.desk.deny(index)

    def reply(self, index: int) -> None:
        due = [name for name in self.line.passed if name not in self.replied]
        if due:
            name = due[index % len(due)]
            self.replied.add(name)
            self.line.hear({"type": "res", "id": name, "ok": True, "payload": name})

    def finish(self) -> None:
        while self.desk.asked or self.desk.waiting or self.desk.writing:
            self.person(0, "approve")
            self.judge(0, "allow")
            self.record(0)
        while len(self.replied) < len(self.line.passed):
            self.reply(0)


STEP = (
    st.tuples(st.just("say"), st.sampled_from("abc"), st.booleans())
    | st.tuples(st.just("judge"), st.integers(0, 9), st.sampled_from(["allow", "block", "stop", "hold"]))
    | st.tuples(st.just("record"), st.integers(0, 9))
    | st.tuples(st.just("person"), st.integers(0, 9), st.sampled_from(["approve", "deny"]))
    | st.tuples(st.just("reply"), st.integers(0, 9))
)


def run(steps: list[tuple[object, ...]]) -> Twin:
    twin = Twin()
    for what, *arguments in steps:
        getattr(twin, str(what))(*arguments)
    return twin


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60))
def test_no_loss_no_duplication_and_order(steps: list[tuple[object, ...]]) -> None:
    twin = run(steps)
    twin.finish()
    passed = twin.line.passed
    assert len(passed) == len(set(passed))
    assert set(passed) == {told.name for told in twin.told.values() if told.fate == "passed"}
    assert twin.line.gateway.raw == [twin.told[name].raw for name in passed]
    for session in "abc":
        # What was never held keeps its order; so do guarded requests, held or not.
        steady = [told.name for told in twin.told.values() if told.session == session and not held_up(twin, told)]
        assert [name for name in passed if name in steady] == [name for name in steady if name in passed]
        guarded = [told.name for told in twin.told.values() if told.session == session and told.guarded]
        assert [name for name in passed if name in guarded] == [name for name in guarded if name in passed]
    answers = [frame["id"] for frame in twin.line.client.frames if frame["type"] == "res"]
    assert sorted(answers) == sorted(twin.told), "one answer each"
    assert twin.line.relay.unanswered == 0 and twin.desk.waiting == []


def held_up(twin: Twin, told: Told) -> bool:
    """Whether a request was held, or could wait behind one of its session that was."""
    earlier = (other for other in twin.told.values() if other.session == told.session)
    return told.guarded and any(other.was_held and int(other.name) <= int(told.name) for other in earlier)


@settings(max_examples=200, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_a_lost_gateway_leaves_nobody_without_an_answer(steps: list[tuple[object, ...]]) -> None:
    twin = run(steps)
    twin.line.relay.upstream_gone(1006, "")
    answers = [frame["id"] for frame in twin.line.client.frames if frame["type"] == "res"]
    assert sorted(answers) == sorted(twin.told)
    before = list(twin.line.gateway.raw)
    while twin.desk.asked:
        twin.desk.allow()
    assert twin.line.gateway.raw == before and twin.desk.waiting == []


@settings(max_examples=200, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_a_client_that_left_has_what_it_said_passed_on_and_nothing_that_was_held(
    steps: list[tuple[object, ...]],
) -> None:
    twin = run(steps)
    held = {told.name for told in twin.told.values() if told.was_held} - set(twin.line.passed)
    twin.line.relay.client_gone(1000, "")
    while twin.desk.asked:
        twin.judge(0, "allow")
    assert twin.line.gateway.closed_with == (1000, "") and twin.desk.waiting == [], "whatever is still being written"
    assert held.isdisjoint(twin.line.passed)
    assert len(twin.line.passed) == len(set(twin.line.passed))
