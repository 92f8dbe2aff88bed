"""What the guard sees run behind it, set against the decisions that let it happen.

Knows no sockets and no policy. Invariant: what a node says it has done is raised unless this process let it be asked;
an agent's calls are set against decisions only while our plugin asks this very process, since nobody can know here who
else was asked about them.
"""

from collections.abc import Callable
from typing import Final

from gw.modes.beside import rules
from gw.modes.beside.coverage import Coverage, Execution
from gw.ports import Json
from gw.wire import json

MODE: Final = "guard"
NODE_RESULT: Final = "node.invoke.result"
TOOL_EVENTS: Final = frozenset({"session.tool", "agent"})
ENDED: Final = b'"result"'  # stands in every event of a call's end


class Witness:
    """`coverage()` is the process's; `spawn` starts a greenlet, since an unknown call is looked up in the log."""

    def __init__(
        self, coverage: Callable[[], Coverage], has_plugin: Callable[[], bool], spawn: Callable[..., object]
    ) -> None:
        self._coverage = coverage
        self._has_plugin = has_plugin
        self._spawn = spawn

    def asked(self, payload: Json, *, allowed: bool) -> None:
        """A `node.invoke.request` goes to its node, or does not."""
        self._coverage().answered("", rules.text_of(payload, "id"), allowed=allowed)

    def node_ran(self, body: bytes) -> None:
        """A node answers an invocation: the parameters of `node.invoke.result`."""
        params = json.loads(body) if body else None
        if isinstance(params, dict) and params.get("ok") is True:
            self._ran(Execution(MODE, "node.invoke", "", rules.text_of(params, "id")))

    def saw(self, body: bytes) -> None:
        """The payload of one of TOOL_EVENTS, on its way to a client."""
        if ENDED not in body or not self._has_plugin():
            return
        call = rules.read_tool_event(json.loads(body))
        if call is None or call.phase != "result":
            return
        if not rules.was_refused(call, self._coverage().is_refused(call.run_id, call.call_id)):
            self._ran(Execution(MODE, call.tool, call.run_id, call.call_id, call.session_key))

    def _ran(self, execution: Execution) -> None:
        coverage = self._coverage()
        if coverage.is_decided(execution.run_id, execution.call_id):
            coverage.executed(execution)
        else:
            self._spawn(coverage.executed, execution)
