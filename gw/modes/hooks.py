"""What the OpenClaw plugin asks before each tool call, prompt, result and message, and what it is told.

It also reports: which calls ran, and how a person answered one that was held. Knows no socket: a line comes in, a line
goes out, both frames of the gateway protocol. Invariant: every question is answered, and one that cannot be understood
is answered with an error, which the plugin treats as "not allowed" for whatever could do harm.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from gw._native import envelope
from gw.defender.extract import Origin, from_request, from_tool_call
from gw.defender.review import EXPIRED, Reviews
from gw.errors import ApprovalNotFound, GwError
from gw.limits import MAX_JSON_DEPTH
from gw.model.action import Action, Provenance
from gw.model.decision import Decision, Verdict
from gw.modes.http_routes import unauthorized
from gw.net.http import Request, Response, Route, error_response
from gw.wire import frames, json

if TYPE_CHECKING:
    from gw.modes.beside.coverage import Coverage

logger = logging.getLogger(__name__)

# Hook -> where its text comes from; `hook.tool` is a tool call.
PROVENANCE: Final[Mapping[str, Provenance]] = {
    "hook.tool": Provenance.USER,
    "hook.prompt": Provenance.USER,
    "hook.message": Provenance.CHANNEL,
    "hook.result": Provenance.TOOL_OUTPUT,
    "hook.outbound": Provenance.USER,
}


TOOL: Final = "hook.tool"
SILENT_MS: Final = 150_000  # two beats missed: the plugin asks somebody else, or is gone
MOST_REPORTED: Final = 256  # calls in one report
MOST_HELD: Final = 1000  # calls that wait for a person, remembered by id
ALLOWING: Final = frozenset({"allow-once", "allow-always"})
ANSWERED: Final = ALLOWING | {"deny"}  # what a person can say; a time-out is no answer
BY: Final = "openclaw"  # who answered where OpenClaw asked

Json = dict[str, Any]


class Hooks:
    """`judge` judges and records; `tell` publishes a decision to clients; `coverage` is asked for when it is needed."""

    def __init__(
        self,
        judge: Callable[[Action], Decision],
        tell: Callable[[Decision], None] = lambda decision: None,
        reviews: Reviews | None = None,
        coverage: Callable[[], "Coverage"] | None = None,
        now_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self.plugin: Json = {}  # what the plugin last said about itself
        self._held: OrderedDict[str, str] = OrderedDict()  # tool call id -> held action
        self._judge = judge
        self._tell = tell
        self._reviews = reviews
        self._coverage = coverage
        self._now_ms = now_ms
        self._reports = {
            "hook.hello": self._hello,
            "hook.review": self._review,
            "hook.resolved": self._resolved,
            "hook.ran": self._ran,
        }

    @property
    def has_plugin(self) -> bool:
        """Whether a plugin asks this process now."""
        seen_ms: int = self.plugin.get("seenMs", 0)
        return self._now_ms() - seen_ms < SILENT_MS

    def answer(self, line: bytes) -> bytes:
        """One request frame to one answer frame. Never raises."""
        request_id = "invalid"
        try:
            found = envelope.scan(line, max_depth=MAX_JSON_DEPTH)
            if found.kind != "req" or found.id is None or found.name is None:
                return _refused(request_id, "not a request frame")
            request_id = found.id
            params = json.loads(line[found.body_start : found.body_end]) if found.body_end else {}
            known = found.name in PROVENANCE or found.name in self._reports
            if not known or not isinstance(params, dict):
                return _refused(request_id, f"unknown hook {found.name}")
            report = self._reports.get(found.name)
            return frames.answer(request_id, report(params) if report else self._ask(found.name, params))
        except envelope.EnvelopeError as error:
            return _refused(getattr(error, "id", None) or request_id, f"unusable frame: {error}")
        except GwError as error:
            return _refused(request_id, str(error))
        except Exception:  # boundary: whatever happens, the plugin must not wait for its deadline
            logger.exception("hook.failed")
            return _refused(request_id, "judging failed")

    # --- questions ------------------------------------------------------------------------------------------

    def _ask(self, hook: str, params: Json) -> Json:
        action = _action(hook, params, PROVENANCE[hook])
        decision = self._judge(action)
        if decision.verdict is not Verdict.ALLOW:
            self._tell(decision)
        if hook == TOOL and self._coverage is not None:
            self._coverage().decided(_text(params, "runId"), _text(params, "toolCallId"), decision)
        said = verdict(decision)
        if decision.enforced is Verdict.REVIEW and self._reviews is not None:
            held = self._reviews.waiting(action)
            said["heldId"] = held.id if held is not None else None
            self._remember(_text(params, "toolCallId"), said["heldId"])
        return said

    def held_of(self, call_id: str) -> str | None:
        """The held action that a call waits for."""
        return self._held.get(call_id)

    def _remember(self, call_id: str | None, held_id: str | None) -> None:
        if call_id and held_id:
            self._held[call_id] = held_id
            if len(self._held) > MOST_HELD:
                self._held.popitem(last=False)

    def _review(self, params: Json) -> Json:
        """How a held action stands: pending, approved, denied or expired."""
        try:
            held = self._reviews.get(_text(params, "heldId") or "") if self._reviews is not None else None
        except ApprovalNotFound:
            held = None
        return {"state": held.state if held is not None else EXPIRED}

    # --- reports --------------------------------------------------------------------------------------------

    def _hello(self, params: Json) -> Json:
        """The plugin's regular sign of life."""
        named = {name: text for name in ("version", "openclaw", "review") if (text := _text(params, name))}
        self.plugin = named | {"canary": params.get("canary") is True, "seenMs": self._now_ms()}
        return {"hooks": sorted(PROVENANCE)}

    def _resolved(self, params: Json) -> Json:
        """A person answered in OpenClaw for a call that was held."""
        resolution = params.get("resolution")
        allowed = resolution in ALLOWING
        if self._coverage is not None:
            self._coverage().answered(_text(params, "runId"), _text(params, "toolCallId"), allowed=allowed)
        held_id = _text(params, "heldId")
        if self._reviews is None or held_id is None or resolution not in ANSWERED:
            return {"settled": False}
        try:
            self._reviews.settle(held_id, BY, allowed=allowed)
        except ApprovalNotFound:  # answered here meanwhile
            return {"settled": False}
        return {"settled": True}

    def _ran(self, params: Json) -> Json:
        """Calls that ran, and those that ran while nobody could be asked (`away`)."""
        calls = params.get("calls")
        if self._coverage is None or not isinstance(calls, list):
            return {"unguarded": 0}
        from gw.modes.beside.coverage import Execution  # loaded with the first call that ran

        coverage = self._coverage()
        gaps = [
            coverage.executed(
                Execution(
                    seen_by="plugin",
                    tool=_text(call, "tool") or "unknown",
                    run_id=_text(call, "runId") or "",
                    call_id=_text(call, "toolCallId") or "",
                    session_key=_text(call, "sessionKey"),
                ),
                away=call.get("away") is True,
            )
            for call in calls[:MOST_REPORTED]
            if isinstance(call, dict)
        ]
        return {"unguarded": sum(gap is not None for gap in gaps)}

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
    reasons = decision.reasons
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
