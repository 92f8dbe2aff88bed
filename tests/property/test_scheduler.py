"""Scheduler and idempotency under random interleavings, against a model that only writes down what must be true.

CLAWGATE_PROPERTY_MINUTES runs it for so long instead of the usual few hundred stories; `make property` does so for ten.
"""

import os
import time
from collections import Counter, defaultdict
from itertools import count, islice
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gw.errors import InvalidRequest, Overloaded
from gw.session.idempotency import Claims
from gw.session.queueing import Settings
from gw.session.scheduler import Abort, Cancel, Effect, Item, Lose, Scheduler, Settle, Start, Wake

MINUTES = float(os.environ.get("CLAWGATE_PROPERTY_MINUTES", "0"))
SESSIONS = ("a", "b", "c")
names = st.sampled_from(SESSIONS)
REACHED: set[type] = set()  # kinds of effect any story led to
TOLD: Counter[str] = Counter()  # for whoever runs the long form: stories and messages in them


class Interleavings(RuleBasedStateMachine):
    """The model: what was accepted, what became of it, and in which order sessions began to wait for a slot."""

    @initialize(max_runs=st.integers(1, 3), max_pending=st.integers(4, 20))
    def begin(self, max_runs: int, max_pending: int) -> None:
        numbers = count(1)
        TOLD["stories"] += 1
        self.scheduler = Scheduler(lambda: f"new{next(numbers)}", max_pending=max_pending, max_runs=max_runs)
        self.max_runs, self.max_pending = max_runs, max_pending
        self.now = 0
        self.serial = 0
        self.claims = Claims(ttl_ms=1 << 40, max_entries=1 << 20)
        self.accepted: dict[str, str] = {}  # item -> session
        self.fate: dict[str, str] = {}
        self.settled: set[str] = set()
        self.active: dict[str, str] = {}  # session -> run
        self.stopping: set[str] = set()
        self.started: dict[str, list[int]] = defaultdict(list)  # session -> serials of ordinary items, in run order
        self.jumpers: set[str] = set()  # items that do not queue: resets, and what interrupts
        self.overtaken: dict[str, int] = {}  # session that could run -> runs others started since

    # --- what happens ---------------------------------------------------------------------------------------

    @rule(
        session=names,
        mode=st.sampled_from(["steer", "followup", "collect", "interrupt"]),
        debounce=st.sampled_from([0, 300]),
        cap=st.integers(1, 4),
        drop=st.sampled_from(["summarize", "old", "new"]),
        context=st.sampled_from(["x", "x", "y"]),
        special=st.sampled_from(["", "", "", "", "heartbeat", "reset"]),
    )
    def submit(self, session: str, mode: str, debounce: int, cap: int, drop: str, context: str, special: str) -> None:
        self.serial += 1
        TOLD["messages"] += 1
        name = f"i{self.serial}"
        extra: dict[str, Any] = {special: True} if special else {}
        item = Item(name, f"text {name}", context=context, owner=f"o{self.serial % 2}", **extra)
        pending = self.scheduler.pending
        assert self.claims.begin(name, f"digest {name}", name, self.now)[0].claimed
        try:
            admission = self.scheduler.submit(session, item, Settings(mode, debounce, cap, drop), self.now)
        except Overloaded:
            assert pending >= self.max_pending or drop == "new"
            assert self.scheduler.pending == pending
            self.claims.release(name)
            return
        if admission.state == "dropped":
            assert special == "heartbeat"
            assert not admission.effects
            self.claims.release(name)
            return
        self.accepted[name] = session
        if special == "reset" or mode == "interrupt":
            self.jumpers.add(name)
        self.take(admission.effects)
        if admission.state == "steered":
            assert session in self.active

    @rule(back=st.integers(0, 9), changed=st.booleans())
    def retry(self, back: int, changed: bool) -> None:
        """A client sends an earlier request again: the same one has no second effect, another one is a conflict."""
        name = next(islice(reversed(self.accepted), back, None), None)
        if name is None:
            return
        digest = "another" if changed else f"digest {name}"
        try:
            outcome, changes = self.claims.begin(name, digest, name, self.now)
        except InvalidRequest:
            assert changed
            return
        assert not changed
        assert not outcome.claimed
        assert changes == []
        fate = self.fate.get(name)
        assert outcome.answer == ({"fate": fate} if fate else {"runId": name, "status": "in_flight"})

    @rule(session=names, messages=st.lists(st.sampled_from(["followup", "collect", "steer"]), min_size=2, max_size=6))
    def burst(self, session: str, messages: list[str]) -> None:
        """Several messages while a run goes on, as people write them."""
        for mode in messages:
            self.submit(session, mode, 300, 3, "summarize", "x", "")

    @rule(session=names)
    def finish(self, session: str) -> None:
        run_id = self.active.pop(session, None)
        if run_id is not None:
            self.stopping.discard(run_id)
            self.take(self.scheduler.finished(session, run_id, self.now))

    @rule(session=names, steerable=st.booleans())
    def turn_steerable(self, session: str, steerable: bool) -> None:
        if session in self.active:
            self.scheduler.set_steerable(session, self.active[session], steerable)

    @rule(session=names)
    def boundary(self, session: str) -> None:
        for item in self.scheduler.take_steered(session, self.active.get(session, "none")):
            assert self.active[session] not in self.stopping
            self.end(item, "run")
            self.ran(session, item)

    @rule(session=names, owner=st.sampled_from(["o0", "o1", "", "nobody", "nobody"]))
    def cancel(self, session: str, owner: str) -> None:
        ids, effects = self.scheduler.cancel(session, None, lambda one: owner in ("", one), self.now)
        cancelled = [e.item.id for e in effects if isinstance(e, Cancel)]
        assert ids[: len(cancelled)] == cancelled
        self.take(effects)

    @rule(wait=st.sampled_from([1, 299, 300]))
    def pass_time(self, wait: int) -> None:
        self.now += wait
        for session in SESSIONS:
            self.take(self.scheduler.wake(session, self.now))

    @rule(session=names, really=st.sampled_from([False, False, True]))
    def drain(self, session: str, really: bool) -> None:
        for item in self.scheduler.drain(session) if really else []:
            self.end(item, "drained")

    # --- what it led to -------------------------------------------------------------------------------------

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            REACHED.add(type(effect))
            match effect:
                case Start(session, run):
                    assert session not in self.active, "two runs in one session"
                    self.active[session] = run.id
                    for item in run.items:
                        self.end(item, "run")
                        self.ran(session, item)
                        assert item.text in run.prompt
                    self.overtaken.pop(session, None)
                    for other in self.overtaken:
                        self.overtaken[other] += 1
                case Abort(session, run_id):
                    assert self.active[session] == run_id
                    assert run_id not in self.stopping, "aborted twice"
                    self.stopping.add(run_id)
                case Settle(_, item):
                    assert item.id not in self.settled
                    self.settled.add(item.id)
                case Cancel(_, item) | Lose(_, item):
                    self.end(item, "cancelled")
                case Wake(_, delay_ms):
                    assert delay_ms > 0

    def end(self, item: Item, fate: str) -> None:
        assert item.id in self.accepted
        assert item.id not in self.fate, f"{item.id} ended twice: {self.fate[item.id]}, {fate}"
        self.fate[item.id] = fate
        self.claims.finish(item.id, {"fate": fate}, self.now)

    def ran(self, session: str, item: Item) -> None:
        assert self.accepted[item.id] == session
        serial = int(item.id[1:])
        if item.id not in self.jumpers:
            assert not self.started[session] or serial > self.started[session][-1], "order"
            self.started[session].append(serial)

    # --- what is always true ----------------------------------------------------------------------------------

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        scheduler = self.scheduler
        held = {item.id for session in SESSIONS for item in scheduler.waiting(session)}
        assert held == set(self.accepted) - set(self.fate), "lost, or kept too long"
        assert scheduler.pending == len(held) <= self.max_pending
        assert scheduler.running == len(self.active) <= self.max_runs
        assert set(scheduler.sessions()) == set(self.active) | {self.accepted[name] for name in held}
        for session in SESSIONS:
            run = scheduler.active_run(session)
            assert (run.id if run else None) == self.active.get(session)

    @invariant()
    def nobody_waits_more_than_their_share(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        for session in list(self.scheduler._ready):
            self.overtaken.setdefault(session, 0)
        for session in [one for one in self.overtaken if one not in self.scheduler._ready]:
            del self.overtaken[session]
        assert all(starts < len(SESSIONS) for starts in self.overtaken.values()), self.overtaken
        assert not (self.scheduler._ready and self.scheduler.running < self.max_runs), "a slot is free and not used"


STORY = settings(max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


def test_random_interleavings() -> None:
    until = time.monotonic() + MINUTES * 60
    run_state_machine_as_test(Interleavings, settings=STORY)
    assert {Start, Abort, Settle, Cancel, Lose, Wake} == REACHED, "the stories are too tame to mean anything"
    while time.monotonic() < until:
        run_state_machine_as_test(Interleavings, settings=settings(STORY, max_examples=500))
    print(f"{TOLD['stories']} stories, {TOLD['messages']} messages")  # pytest shows it with -s


operations = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from("kl"), st.sampled_from("xy")),
        st.tuples(st.just("finish"), st.sampled_from("kl"), st.just("")),
        st.tuples(st.just("release"), st.sampled_from("kl"), st.just("")),
        st.tuples(st.just("wait"), st.sampled_from("1359"), st.just("")),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(operations)
def test_one_effect_per_key(steps: list[tuple[str, str, str]]) -> None:
    """The model holds, per key, the content and since when it is finished; ten units of time are its life."""
    claims, now = Claims(ttl_ms=10, max_entries=100), 0
    model: dict[str, tuple[str, int | None]] = {}
    stored: dict[str, bytes] = {}
    for step, key, content in steps:
        changes = []
        if step == "wait":
            now += int(key)
            changes = claims.sweep(now)
        elif step == "finish":
            changes = claims.finish(key, {"done": key}, now)
            content, done = model.get(key, ("", -10))
            if done is None or now - done < 10:
                model[key] = (content, now)
        elif step == "release":
            changes = claims.release(key)
            model.pop(key, None)
        else:
            known = model.get(key)
            if known is not None and known[1] is not None and now - known[1] >= 10:
                known = None
            try:
                outcome, changes = claims.begin(key, content, key, now)
            except InvalidRequest as error:
                assert known is not None
                assert known[0] != content
                assert error.details is not None
                assert error.details["reason"] == "chat-request-conflict"
                continue
            assert outcome.claimed == (known is None)
            if known is None:
                model[key] = (content, None)
            elif known[1] is None:
                assert outcome.answer == {"runId": key, "status": "in_flight"}
            else:
                assert outcome.answer == {"done": key}
        for change in changes:
            if hasattr(change, "value"):
                stored[change.key] = change.value
            else:
                stored.pop(change.key, None)
        again = Claims(ttl_ms=10, max_entries=100)
        again.load(dict(stored), now, {"status": "error"})
        alive = {k for k, (_, done) in model.items() if done is None or now - done < 10}
        assert alive <= set(stored), "a claim that still counts is not stored"
        assert len(again) >= len(alive)
