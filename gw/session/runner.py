"""Who carries a turn: the contract between the gateway and whatever answers, and the runner for when nothing does.

Knows no events or frames: a runner reports through its Feed. Invariant: `run` returns exactly one Outcome for every
turn, soon after `abort` was called for it; it never raises to say that a turn failed.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from gw.ports import Json

NO_MODEL_TEXT: Final = (
    "No model is configured on this gateway, so nobody can answer. "
    "Your message was checked and stored; it is kept in this conversation."
)


class Turn(NamedTuple):
    run_id: str
    session_key: str
    session_id: str
    agent_id: str
    prompt: str
    timeout_ms: int | None = None
    facts: Mapping[str, Json] = {}  # thinking, model, extraSystemPrompt, ...: as the request gave them


class Outcome(NamedTuple):
    """`stop` is stop | aborted | error | timeout. `text` is the part of the reply that is not in the transcript yet."""

    text: str = ""
    stop: str = "stop"
    error: str | None = None
    error_kind: str = "unknown"  # refusal | timeout | rate_limit | context_length | unknown
    provider: str | None = None
    model: str | None = None
    usage: Mapping[str, Json] = {}


class Feed(Protocol):
    """What a runner may do while its turn lasts. Every call may switch greenlets."""

    @property
    def aborted(self) -> bool: ...

    def model(self, provider: str, model: str) -> None:
        """A model begins to answer."""

    def text(self, delta: str) -> None:
        """The next piece of the reply."""

    def tool(self, phase: str, name: str, call_id: str, data: Mapping[str, Json]) -> None:
        """A tool starts, updates or ends; `phase` is start | update | result."""

    def take_inputs(self) -> list[str]:
        """At a boundary: messages that came in for this run, in order. What was said so far is stored before them."""


class Runner(Protocol):
    @property
    def steerable(self) -> bool:
        """Whether runs look at `take_inputs` at all."""

    def run(self, turn: Turn, feed: Feed) -> Outcome:
        """Carry one turn to its end in the calling greenlet."""

    def abort(self, run_id: str) -> None:
        """Ask a run to end soon; unknown ids are ignored."""


class PlainRunner:
    """Answers every turn at once with the truth: no model is configured."""

    steerable = False

    def run(self, turn: Turn, feed: Feed) -> Outcome:
        feed.text(NO_MODEL_TEXT)
        return Outcome(text=NO_MODEL_TEXT, provider="clawgate", model="none")

    def abort(self, run_id: str) -> None:
        """Runs end before anybody could ask."""
