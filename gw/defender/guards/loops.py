"""An agent that calls the same tool again and again without getting anywhere.

Sees digests of calls and results only, per session. Upstream's detector and numbers (OpenClaw 2026.9.6 loop
detection), with points and thresholds from the policy. Invariant: bounded memory (sessions and calls a session).
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from gw.model.action import Action, PartKind, Provenance
from gw.model.decision import Finding
from gw.model.subject import Subject
from gw.policy.compiled import CompiledPolicy

HISTORY: Final = 30  # upstream: calls remembered
WARNING: Final = 10  # upstream
CRITICAL: Final = 20  # upstream
BREAKER: Final = 30  # upstream: globalBreaker
MISSING: Final = 10  # upstream: unknownTool
MAX_SESSIONS: Final = 1024
CHURN_KINDS: Final = 3  # "few" argument sets

RESULT_METHODS: Final = frozenset(("hook.result",))
CALL_METHODS: Final = frozenset(("tool.call", "hook.tool", "tools.invoke", "session.tool"))
POLLING: Final = frozenset(("process", "command_status"))
SENDING: Final = frozenset(("message", "sessions_send", "conversations_send", "send"))  # results differ by ids alone
_NO_TOOL: Final = ("unknown tool", "tool not found", "no such tool", "not available")


@dataclass(slots=True)
class Call:
    """One past call; `result` is a digest, None until it is known."""

    tool: str
    arguments: str
    result: str | None = None
    missing: bool = False  # the tool does not exist

    @property
    def identity(self) -> tuple[str, str]:
        return self.tool, self.arguments


class Loop(NamedTuple):
    level: str  # warning | critical
    detector: str
    calls: int


@dataclass(slots=True)
class History:
    """The last calls of one session."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def check(self, tool: str, arguments: str, limits: Mapping[str, int]) -> Loop | None:
        """What the next call would be part of, the gravest reading first. The call is not recorded."""
        warning, critical = limits.get("warning", WARNING), limits.get("critical", CRITICAL)
        missing = self._missing(tool)
        if missing >= limits.get("unknown_tool", MISSING):
            return Loop("critical", "unknown_tool_repeat", missing)
        same = sum(call.identity == (tool, arguments) for call in self.calls)
        stuck = self._stuck(tool, arguments)
        if stuck >= limits.get("breaker", BREAKER):
            return Loop("critical", "global_circuit_breaker", stuck)
        if tool in POLLING and stuck >= warning:
            return Loop("critical" if stuck >= critical else "warning", "known_poll_no_progress", stuck)
        turns, progress = self._alternation(tool, arguments)
        if turns >= warning:
            level = "critical" if turns >= critical and not progress else "warning"
            return Loop(level, "ping_pong", turns)
        if same >= warning:
            return Loop("critical" if stuck >= critical else "warning", "generic_repeat", same)
        churn = self._churn(tool)
        return Loop("warning", "argument_churn", churn) if churn >= warning else None

    def record(self, tool: str, arguments: str) -> None:
        self.calls.append(Call(tool, arguments))

    def outcome(self, tool: str, result: str, *, missing: bool = False) -> None:
        """Attach a result to the oldest call of that tool which has none."""
        for call in self.calls:
            if call.tool == tool and call.result is None:
                call.result, call.missing = result, missing
                return

    def _missing(self, tool: str) -> int:
        count = 0
        for call in reversed(self.calls):
            if call.tool != tool or not call.missing:
                break
            count += 1
        return count

    def _stuck(self, tool: str, arguments: str) -> int:
        """How many of the latest equal calls had equal results; an unknown result counts as no progress."""
        count = 0
        latest: str | None = None
        for call in reversed(self.calls):
            if call.identity != (tool, arguments):
                continue
            if latest is not None and call.result is not None and call.result != latest:
                break
            latest = latest if call.result is None else call.result
            count += 1
        return count

    def _alternation(self, tool: str, arguments: str) -> tuple[int, bool]:
        """Length of the a-b-a-b tail that this call continues (itself included), and whether results changed in it."""
        if not self.calls or self.calls[-1].identity == (tool, arguments):
            return 0, False
        expected = [self.calls[-1].identity, (tool, arguments)]
        results: tuple[set[str], set[str]] = (set(), set())
        turns = 0
        for call in reversed(self.calls):
            if call.identity != expected[turns % 2]:
                break
            if call.result is not None:
                results[turns % 2].add(call.result)
            turns += 1
        return turns + 1, any(len(seen) > 1 for seen in results)

    def _churn(self, tool: str) -> int:
        """Calls of one tool at the end of the history that go round a few argument sets, all without progress."""
        tail: list[Call] = []
        for call in reversed(self.calls):
            if call.tool != tool:
                break
            tail.append(call)
        if not 1 < len({call.arguments for call in tail}) <= CHURN_KINDS or len({c.result for c in tail}) > 1:
            return 0
        return len(tail)


class LoopGuard:
    """Rules `loops.warning` and `loops.critical` say what a loop weighs; `guard: {name: loops, warning: 10, ...}`."""

    name = "loops"
    pure = False  # remembers
    reads = None

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, History] = OrderedDict()

    def inspect(self, action: Action, subjects: Sequence[Subject], policy: CompiledPolicy) -> Iterable[Finding]:
        tool, session = action.tool, action.session_key or action.conn_id
        if tool is None or session is None:
            return
        if action.method in RESULT_METHODS or action.provenance is Provenance.TOOL_OUTPUT:
            result, missing = _result(action, subjects)
            self._history(session).outcome(tool, result, missing=missing)
        elif action.method in CALL_METHODS:
            yield from self._call(self._history(session), tool, action.digest, policy)

    def _call(self, history: History, tool: str, digest: str, policy: CompiledPolicy) -> Iterable[Finding]:
        loop = history.check(tool, digest, _limits(policy.parameters("loops.critical")))
        if loop is None or loop.level != "critical":
            history.record(tool, digest)  # a call that is refused does not count
        if loop is not None:
            detail = f"{loop.detector}: {loop.calls} calls of {tool}"
            finding = policy.finding(f"loops.{loop.level}", detail=detail)
            if finding is not None:
                yield finding

    def _history(self, session: str) -> History:
        history = self._sessions.setdefault(session, History())
        self._sessions.move_to_end(session)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return history


def _limits(parameters: Mapping[str, Any]) -> Mapping[str, int]:
    return {name: value for name, value in parameters.items() if isinstance(value, int)}


def _result(action: Action, subjects: Sequence[Subject]) -> tuple[str, bool]:
    """(what is compared of a result, whether it says that the tool does not exist)."""
    text = next((s.part.value for s in subjects if s.part.kind is PartKind.PROMPT), "")
    missing = any(sign in text[:200].lower() for sign in _NO_TOOL)
    return ("sent" if action.tool in SENDING and not missing else action.digest), missing
