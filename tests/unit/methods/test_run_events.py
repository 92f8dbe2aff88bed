"""The events of one run: counters, last words, who sees tool arguments (the order is tested with whole turns)."""

from typing import Any

import pytest

from gw.methods.run_events import RunEvents, superseded
from tests.support import openclaw
from tests.support.sessions import FakeClock


class Bus:
    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], Any]] = []

    def publish(self, event: str, payload: dict[str, Any], *, session_key: str, only: Any = None) -> None:
        assert session_key == "agent:main:main"
        self.sent.append((event, payload, only))


@pytest.fixture
def bus() -> Bus:
    return Bus()


def events(bus: Bus, **options: Any) -> RunEvents:
    facts = {"run_id": "r", "key": "agent:main:main", "session_id": "s", "agent_id": "main", "plain": False}
    return RunEvents(bus, FakeClock(), **(facts | options))  # type: ignore[arg-type]


def test_one_counter_for_both_kinds(bus: Bus) -> None:
    run = events(bus)
    run.status("preparing_context")
    run.lifecycle("start")
    run.delta("a", "a", "i")
    run.lifecycle("end")
    run.final("a", "stop")
    assert [(event, payload["seq"]) for event, payload, _ in bus.sent] == [
        ("chat", 1),
        ("agent", 1),
        ("agent", 2),
        ("agent", 3),
        ("chat", 3),
        ("agent", 4),
        ("chat", 4),
    ]


@pytest.mark.parametrize("last", ["final", "aborted", "error"])
def test_the_last_word_is_said_once(bus: Bus, last: str) -> None:
    run = events(bus)
    say = {
        "final": lambda: run.final("x"),
        "aborted": lambda: run.aborted("rpc", "part"),
        "error": lambda: run.error("broken", "unknown"),
    }
    say[last]()
    for again in say.values():
        again()
    assert [payload["state"] for _, payload, _ in bus.sent] == [last]


def test_plain_runs_show_no_preparation(bus: Bus) -> None:
    events(bus, plain=True).status("preparing_context")
    assert bus.sent == []


def test_usage_without_output_is_no_event(bus: Bus) -> None:
    run = events(bus)
    run.usage({})
    run.usage({"output": 3})
    assert [payload["data"] for _, payload, _ in bus.sent] == [{"outputTokens": 3}]


def test_a_superseded_request_is_final_then_aborted(bus: Bus) -> None:
    superseded(bus, FakeClock(), "r", "agent:main:main", "main", "interrupted")  # type: ignore[arg-type]
    assert [payload["state"] for _, payload, _ in bus.sent] == ["final", "aborted"]
    assert "message" not in bus.sent[0][1]


@pytest.mark.openclaw
def test_chat_events_fit_the_published_schema(bus: Bus) -> None:
    run = events(bus)
    run.status("starting_model")
    run.delta("a", "ab", "i")
    run.final("ab", "stop")
    events(bus).aborted("rpc", "")
    events(bus).error("broken", "timeout")
    for event, payload, _ in bus.sent:
        if event == "chat":
            assert openclaw.problems("ChatEvent", payload) == []
