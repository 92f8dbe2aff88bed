"""What the OpenClaw plugin asks before each tool call, prompt, result and message, and what it is told.

Knows no socket: a line comes in, a line goes out, both frames of the gateway protocol. Invariant: every question is
answered, and one that cannot be understood is answered with an error, which the plugin treats as "not allowed" for
whatever could do harm.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from gw._native import envelope
from gw.defender.extract import Origin, from_request, from_tool_call
from gw.errors import GwError
from gw.limits import MAX_JSON_DEPTH
from gw.model.action import Action, Provenance
from gw.model.decision import Decision, Verdict
from gw.modes.http_routes import unauthorized
from gw.net.http import Request, Response, Route, error_response
from gw.wire import frames, json

logger = logging.getLogger(__name__)

# Hook -> where its text comes from; `hook.tool` is a tool call.
PROVENANCE: Final[Mapping[str, Provenance]] = {
    "hook.tool": Provenance.USER,
    "hook.prompt": Provenance.USER,
    "hook.message": Provenance.CHANNEL,
    "hook.result": Provenance.TOOL_OUTPUT,
    "hook.outbound": Provenance.USER,
}


class Hooks:
    """`judge` judges and records; `tell` publishes a decision to clients."""

    def __init__(
        self, judge: Callable[[Action], Decision], tell: Callable[[Decision], None] = lambda decision: None
    ) -> None:
        self._judge = judge
        self._tell = tell

    def answer(self, line: bytes) -> bytes:
        """One request frame to one answer frame. Never raises."""
        request_id = "invalid"
        try:
            found = envelope.scan(line, max_depth=MAX_JSON_DEPTH)
            if found.kind != "req" or found.id is None or found.name is None:
                return _refused(request_id, "not a request frame")
            request_id = found.id
            params = json.loads(line[found.body_start : found.body_end]) if found.body_end else {}
            if found.name == "hook.hello":
                return frames.answer(request_id, {"hooks": sorted(PROVENANCE)})
            provenance = PROVENANCE.get(found.name)
            if provenance is None or not isinstance(params, dict):
                return _refused(request_id, f"unknown hook {found.name}")
            decision = self._judge(_action(found.name, params, provenance))
            if decision.verdict is not Verdict.ALLOW:
                self._tell(decision)
            return frames.answer(request_id, verdict(decision))
        except envelope.EnvelopeError as error:
            return _refused(getattr(error, "id", None) or request_id, f"unusable frame: {error}")
        except GwError as error:
            return _refused(request_id, str(error))
        except Exception:  # boundary: whatever happens, the plugin must not wait for its deadline
            logger.exception("hook.failed")
            return _refused(request_id, "judging failed")

    def route(self, is_authorized: Callable[[Request], bool]) -> Route:
        """The same over HTTP, for a plugin that cannot reach the socket: POST one frame, the answer is one frame."""

        def ask(request: Request) -> Response:
            if request.method != "POST":
                return error_response(405, "method_not_allowed", "only POST", (("Allow", "POST"),))
            if not is_authorized(request):
                return unauthorized()
            return Response(200, self.answer(request.body))

        return ask


def _action(hook: str, params: dict[str, Any], provenance: Provenance) -> Action:
    """Judged bytes are the arguments (or the text) alone: the same call has the same digest whoever makes it."""
    claimed = params.get("provenance")
    if isinstance(claimed, str) and claimed in set(Provenance):
        provenance = Provenance(claimed)
    origin = Origin(
        id=_text(params, "toolCallId") or _text(params, "runId") or "",
        mode="plugin",
        channel=_text(params, "channel"),
        sender=_text(params, "sender"),
        provenance=provenance,
    )
    if hook == "hook.tool":
        tool, arguments = _text(params, "tool") or "", params.get("arguments")
        raw = json.dumps([tool, arguments])
        action = from_tool_call(tool, arguments, raw, origin, _text(params, "sessionKey"))
    else:
        action = from_request(hook, params, json.dumps(params.get("text")), origin)
    return action._replace(agent_id=_text(params, "agentId") or action.agent_id)


def verdict(decision: Decision) -> dict[str, Any]:
    """What the plugin enforces: `enforced` decides, the rest explains. Reasons are fixed wording, never judged text."""
    reasons = [finding for finding in decision.findings if finding.live and (finding.points or finding.floor)]
    worst = reasons[0] if reasons else None
    return {
        "decisionId": decision.id,
        "verdict": decision.verdict.word,
        "enforced": decision.enforced.word,
        "score": decision.score,
        "rules": [finding.rule for finding in reasons][:8],
        "say": worst.say if worst is not None else "",
        "instead": worst.instead if worst is not None else "",
    }


def _refused(request_id: str, message: str) -> bytes:
    return frames.failure(request_id, {"code": "INVALID_REQUEST", "message": message})


def _text(params: Mapping[str, Any], name: str) -> str | None:
    value = params.get(name)
    return value if isinstance(value, str) and value else None
