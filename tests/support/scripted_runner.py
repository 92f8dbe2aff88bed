"""A runner that plays the model's part from a script: words with pauses, tool steps, boundaries, failures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gw import hub
from gw.session.runner import Feed, Outcome, Turn


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Tool:
    name: str
    args: Mapping[str, object]
    result: str


@dataclass(frozen=True)
class Fail:
    message: str
    kind: str = "unknown"


class Crash:
    """The runner itself breaks."""


Step = Say | Wait | Tool | Fail | Crash


class ScriptedRunner:
    """`scripts` maps a prompt to its steps; another prompt is answered with itself. Between steps, and after the last,
    the runner looks at its inputs (a model boundary) and answers what came in with `steered`."""

    def __init__(
        self,
        scripts: Mapping[str, Sequence[Step]] | None = None,
        *,
        steerable: bool = True,
        stop_delay_s: float = 0.0,
        steered: str = "answer to: {}",
    ) -> None:
        self.steerable = steerable
        self.turns: list[Turn] = []
        self.aborts: list[str] = []
        self.active: dict[str, int] = {}  # session -> runs at this moment
        self.most_active: dict[str, int] = {}
        self._scripts = scripts or {}
        self._stop_delay_s = stop_delay_s
        self._steered = steered

    def run(self, turn: Turn, feed: Feed) -> Outcome:
        self.turns.append(turn)
        key = turn.session_key
        self.active[key] = self.active.get(key, 0) + 1
        self.most_active[key] = max(self.most_active.get(key, 0), self.active[key])
        try:
            return self._play(turn, feed)
        finally:
            self.active[key] -= 1

    def abort(self, run_id: str) -> None:
        self.aborts.append(run_id)

    def _play(self, turn: Turn, feed: Feed) -> Outcome:
        feed.model("mock", "mock-1")
        for step in self._scripts.get(turn.prompt, (Say(f"echo: {turn.prompt}"),)):
            if feed.aborted:
                break
            match step:
                case Say(text):
                    feed.text(text)
                case Wait(seconds):
                    self._pause(seconds, feed)
                case Tool(name, args, result):
                    call_id = f"call-{len(self.turns)}-{name}"
                    feed.tool("start", name, call_id, {"args": dict(args)})
                    feed.tool("result", name, call_id, {"isError": False, "result": {"content": result}})
                case Fail(message, kind):
                    return Outcome(stop="error", error=message, error_kind=kind)
                case Crash():
                    raise RuntimeError("scripted crash")
        while not feed.aborted and (inputs := feed.take_inputs()):
            feed.text(self._steered.format(" + ".join(inputs)))
        if feed.aborted:
            hub.sleep(self._stop_delay_s)
            return Outcome(stop="aborted")
        usage = {"input": 100, "output": 10, "totalTokens": 110}
        return Outcome(provider="mock", model="mock-1", usage=usage)

    def _pause(self, seconds: float, feed: Feed) -> None:
        for _ in range(max(1, int(seconds / 0.005))):
            if feed.aborted:
                return
            hub.sleep(0.005)
