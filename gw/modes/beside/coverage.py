"""The proof of coverage: every execution somebody observed, set against the decision that let it happen.

Knows no wire and no policy. Invariant: an execution is counted once whoever reports it, and one without a decision
that let it happen is always raised, unless more than MOST_CALLS calls lie between the decision and the execution.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from gw.model.decision import Decision, Verdict
from gw.observe.metrics import Metrics
from gw.ports import Clock, Json

logger = logging.getLogger(__name__)

MOST_CALLS: Final = 20_000  # calls remembered, oldest forgotten first
RECALLED: Final = 2000  # records of an earlier process that are looked through
EVENT: Final = "security.unguarded_execution"
METRIC: Final = "clawgate_unguarded_executions_total"

MOST_TOOLS: Final = 64  # tool names counted one by one

V = TypeVar("V")
Call = tuple[str, str]  # run id and tool call id: providers number their calls from one in every run


class Reason(StrEnum):
    """Why an execution counts as unguarded."""

    NO_DECISION = "no-decision"  # nobody asked
    REFUSED = "refused-but-ran"  # somebody asked, was told no (or to wait), and it ran all the same
    AWAY = "daemon-away"  # the asker could not ask and let it pass


class Execution(NamedTuple):
    """A call that ran, as an observer saw it. `seen_by`: plugin, sidecar, guard."""

    seen_by: str
    tool: str
    run_id: str
    call_id: str
    session_key: str | None = None


class Gap(NamedTuple):
    """An unguarded execution."""

    execution: Execution
    reason: Reason
    at_ms: int

    def shape(self) -> dict[str, Json]:
        """Payload of the event; names and ids only."""
        seen_by, tool, run_id, call_id, session_key = self.execution
        named = {"tool": tool, "runId": run_id, "toolCallId": call_id, "sessionKey": session_key}
        return {"reason": self.reason.value, "seenBy": seen_by, "ts": self.at_ms} | {
            name: value for name, value in named.items() if value
        }


class Coverage:
    """`tell` hears of every gap; `recall` looks up what an earlier process of ours decided about a tool call id."""

    def __init__(
        self,
        clock: Clock,
        metrics: Metrics,
        tell: Callable[[Gap], None] = lambda gap: None,
        recall: Callable[[str], bool | None] = lambda call_id: None,
    ) -> None:
        self.executions = 0
        self.gaps = 0
        self._clock = clock
        self._metrics = metrics
        self._tell = tell
        self._recall = recall
        self._last: Gap | None = None
        self._by_tool: dict[str, int] = {}
        self._allowed: OrderedDict[Call, bool] = OrderedDict()
        self._counted: OrderedDict[Call, None] = OrderedDict()

    def decided(self, run_id: str | None, call_id: str | None, decision: Decision) -> None:
        """A gate was asked about this call, and this is what it was told."""
        if call_id:
            call = (run_id or "", call_id)
            self._counted.pop(call, None)  # an id used again is another call
            _remember(self._allowed, call, decision.enforced is Verdict.ALLOW)

    def answered(self, run_id: str | None, call_id: str | None, *, allowed: bool) -> None:
        """A person answered for a call that was held."""
        if call_id:
            _remember(self._allowed, (run_id or "", call_id), allowed)

    def is_decided(self, run_id: str, call_id: str) -> bool:
        return (run_id, call_id) in self._allowed

    def is_refused(self, run_id: str, call_id: str) -> bool:
        """Whether the last word about this call was no, or to wait."""
        return self._allowed.get((run_id, call_id)) is False

    def executed(self, execution: Execution, *, away: bool = False) -> Gap | None:
        """Set an execution against its decision; the gap if there is one."""
        call = (execution.run_id, execution.call_id)
        if call in self._counted:
            return None
        if execution.call_id:
            _remember(self._counted, call, None)
        self.executions += 1
        allowed = self._allowed.get(call)
        if allowed is None and execution.call_id:
            allowed = self._recall(execution.call_id)
        if allowed:
            return None
        unasked = Reason.AWAY if away else Reason.NO_DECISION
        gap = Gap(execution, unasked if allowed is None else Reason.REFUSED, self._clock.now_ms())
        self._raise(gap)
        return gap

    def status(self) -> Mapping[str, Json]:
        """For `status`: how many were seen, how many were unguarded, by which tools, and the last one."""
        return {
            "executions": self.executions,
            "unguarded": self.gaps,
            "byTool": dict(self._by_tool),
            "last": self._last.shape() if self._last is not None else None,
        }

    def _raise(self, gap: Gap) -> None:
        self.gaps += 1
        self._last = gap
        if gap.execution.tool in self._by_tool or len(self._by_tool) < MOST_TOOLS:
            self._by_tool[gap.execution.tool] = self._by_tool.get(gap.execution.tool, 0) + 1
        self._metrics.add(METRIC, gap.reason.value)
        logger.warning(
            "execution.unguarded",
            extra={"tool": gap.execution.tool, "reason": gap.reason.value, "seen_by": gap.execution.seen_by},
        )
        self._tell(gap)


def recall_from(records: Iterable[Mapping[str, Json]], call_id: str, before_ms: int) -> bool | None:
    """What the newest of *records* (decisions, newest first) from before then said about a tool call; None: nothing."""
    for record in records:
        if record.get("action") == call_id and record["at"] < before_ms:
            return bool(record.get("enforced") == Verdict.ALLOW.word)
    return None


def _remember(calls: OrderedDict[Call, V], call: Call, value: V) -> None:
    calls[call] = value
    calls.move_to_end(call)
    if len(calls) > MOST_CALLS:
        calls.popitem(last=False)
