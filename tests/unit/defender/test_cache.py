from collections.abc import Iterable, Sequence

import pytest

from gw.defender.cache import MAX_CHARACTERS, TTL_S, AnswerCache
from gw.defender.engine import Engine
from gw.defender.rows import to_action
from gw.model.action import Action
from gw.model.decision import Finding
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy
from tests.support.policies import FakeClock, policy_of

ROW = {"prompt": "hello", "channel": "irc", "chat": "group", "session": "s", "agent": "a", "sender": "u", "client": "c"}


class Counting:
    reads = None

    def __init__(self, name: str, pure: bool) -> None:
        self.name, self.pure, self.asked = name, pure, 0
        self.error: Exception | None = None

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [Finding(self.name, 1)]


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cache = AnswerCache(self.clock, max_entries=3)
        self.pure, self.other = Counting("pure", True), Counting("other", False)
        self.engine = Engine([self.other, self.pure], cache=self.cache)
        self.policy = policy_of("")

    def ask(self, **row: str) -> list[str]:
        action = to_action({**ROW, **row}, mode=row.pop("mode", "test"))
        found = self.engine.run(action, self.policy, self.policy.settings_for(action))
        return sorted(finding.rule for finding in found)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_same_content_is_read_once_but_guards_with_memory_are_always_asked(bench: Bench) -> None:
    assert bench.ask() == bench.ask(id="another") == ["other", "pure"]
    assert (bench.pure.asked, bench.other.asked) == (1, 2)
    assert (bench.cache.hits, bench.cache.misses) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "hello!"},
        {"path": "/x"},
        {"channel": "slack"},
        {"chat": "direct"},
        {"session": "t"},
        {"agent": "b"},
        {"sender": "v"},
        {"client": "d"},
        {"tool": "x"},
        {"method": "m"},
        {"provenance": "web"},
        {"mode": "gateway"},
    ],
)
def test_anything_else_is_another_question(bench: Bench, change: dict[str, str]) -> None:
    bench.ask()
    bench.ask(**change)
    assert bench.pure.asked == 2


def test_another_policy_is_another_question(bench: Bench) -> None:
    bench.ask()
    bench.policy = policy_of("mode: audit")
    from dataclasses import replace

    bench.policy = replace(bench.policy, ref=bench.policy.ref._replace(generation=2))
    bench.ask()
    assert bench.pure.asked == 2


def test_answers_grow_old(bench: Bench) -> None:
    bench.ask()
    bench.clock.advance(TTL_S + 1)
    bench.ask()
    assert bench.pure.asked == 2


def test_a_failed_guard_is_asked_again(bench: Bench) -> None:
    bench.pure.error = ValueError()
    assert "guard.error" in bench.ask()
    bench.pure.error = None
    assert bench.ask() == ["other", "pure"]


def test_the_least_recently_used_goes_first(bench: Bench) -> None:
    for text in ("a", "b", "c", "a", "d", "a", "b"):
        bench.ask(prompt=text)
    assert bench.cache.hits == 2


def test_long_texts_are_not_kept(bench: Bench) -> None:
    for _ in range(2):
        bench.ask(prompt="x" * (MAX_CHARACTERS + 1))
    assert bench.pure.asked == 2 and bench.cache.misses == 0
