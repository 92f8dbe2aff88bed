"""What a sidecar makes of the frames of a real gateway, and what it answers: values in, values out.

Knows no connection, clock or ledger. Invariant: `allow-once` is answered only for what the policy (or a person) allowed
and the gateway offers, never `allow-always`; anything that is not understood is left to people.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gw.defender.extract import Origin, from_event, from_request, from_tool_call
from gw.model.action import Action, Provenance
from gw.model.decision import Decision, Verdict
from gw.policy.compiled import Risk
from gw.ports import Json
from gw.wire import json

MODE: Final = "sidecar"
PLUGIN_ID: Final = "clawgate"  # our own plugin inside that gateway
DENY, ALLOW_ONCE = "deny", "allow-once"
MOST_TEXT: Final = 256 * 1024  # characters of one prompt or result
ADMIN_SCOPES: Final = ("operator.admin", "operator.approvals", "operator.read", "operator.write")
ASKER_SCOPES: Final = ("operator.approvals", "operator.read", "operator.write")  # of the client that probes
CAPS: Final = ("approvals", "tool-events")


class Desk(NamedTuple):
    """The methods of one kind of approval."""

    kind: str
    list: str
    resolve: str


# Event that asks -> where its kind is listed and answered.
DESKS: Final[Mapping[str, Desk]] = MappingProxyType(
    {
        f"{kind}.approval.requested": Desk(kind, f"{kind}.approval.list", f"{kind}.approval.resolve")
        for kind in ("exec", "plugin")
    }
)
RESOLVED: Final = frozenset({"exec.approval.resolved", "plugin.approval.resolved"})
WANTED: Final = frozenset(
    {*DESKS, *RESOLVED, "session.tool", "agent", "session.message", "sessions.changed", "config.changed"}
)

# How OpenClaw 2026.9.6 says in a result that a call did not run.
REFUSALS: Final = ("exec denied", "exec approval", "plugin approval", "approval required", "the tool call did not run")

# Reasons of a refused answer that mean somebody else was first, or the wait is over: nothing is wrong.
LOST: Final = frozenset({"APPROVAL_ALREADY_RESOLVED", "APPROVAL_NOT_FOUND"})


class Approval(NamedTuple):
    """One question that a gateway waits with."""

    id: str
    event: str  # the key of DESKS
    payload: dict[str, Any]

    @property
    def request(self) -> dict[str, Any]:
        request = self.payload.get("request")
        return request if isinstance(request, dict) else {}

    @property
    def run_id(self) -> str:
        return text_of(self.request, "runId")

    @property
    def call_id(self) -> str:
        return text_of(self.request, "toolCallId")

    @property
    def is_ours(self) -> bool:
        """Our plugin asks in the name of a decision that was made already."""
        return self.event.startswith("plugin.") and self.request.get("pluginId") == PLUGIN_ID

    @property
    def offers_allow_once(self) -> bool:
        offered = self.request.get("allowedDecisions")
        return ALLOW_ONCE in offered if isinstance(offered, list) else True


class ToolEvent(NamedTuple):
    """A tool call as its session's followers see it."""

    phase: str  # start, update, result
    tool: str
    run_id: str
    call_id: str
    session_key: str
    data: dict[str, Any]


class Prompt(NamedTuple):
    text: str
    session_key: str
    run_id: str  # "" when the event names none
    provenance: Provenance


def read_approval(event: str, payload: Json) -> Approval | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("id"), str):
        return None
    return Approval(payload["id"], event, payload)


def read_tool_event(payload: Json) -> ToolEvent | None:
    """From `session.tool`, or `agent` with stream `tool`."""
    if not isinstance(payload, dict) or payload.get("stream") not in (None, "tool"):
        return None
    data = payload.get("data")
    if not isinstance(data, dict) or not text_of(data, "toolCallId"):
        return None
    return ToolEvent(
        text_of(data, "phase"),
        text_of(data, "name"),
        text_of(payload, "runId"),
        text_of(data, "toolCallId"),
        text_of(payload, "sessionKey"),
        data,
    )


def read_prompt(payload: Json) -> Prompt | None:
    """What somebody said, from a `session.message` of role user."""
    message = payload.get("message") if isinstance(payload, dict) else None
    if not isinstance(message, dict) or message.get("role") != "user":
        return None
    text = flatten(message.get("content"))
    if not text:
        return None
    channel = text_of(payload.get("session") or {}, "channel") or text_of(message, "channel")
    provenance = Provenance.CHANNEL if channel and channel != "webchat" else Provenance.USER
    # chat.send makes the run's id its idempotency key, and the row's key that id with a suffix
    run_id, _, suffix = text_of(message, "idempotencyKey").rpartition(":")
    return Prompt(text[-MOST_TEXT:], text_of(payload, "sessionKey"), run_id if suffix == "user" else "", provenance)


def session_keys(payload: Json) -> Iterator[str]:
    """Keys in an answer of `sessions.list` or in the event `sessions.changed`."""
    if not isinstance(payload, dict):
        return
    for row in (payload, payload.get("session"), *(payload.get("sessions") or ())):
        if isinstance(row, dict) and (key := text_of(row, "sessionKey") or text_of(row, "key")):
            yield key


# --- to actions -----------------------------------------------------------------------------------------------------


def approval_action(approval: Approval) -> Action:
    """The judged bytes are the request's: the same command has the same digest whenever it is asked about."""
    origin = Origin(id=approval.call_id or approval.id, mode=MODE)
    return from_event(approval.event, approval.payload, json.dumps(approval.request), origin)


def call_action(call: ToolEvent) -> Action:
    arguments = call.data.get("args")
    origin = Origin(id=call.call_id, mode=MODE)
    return from_tool_call(call.tool, arguments, json.dumps([call.tool, arguments]), origin, call.session_key)


def prompt_action(prompt: Prompt) -> Action:
    origin = Origin(id=prompt.run_id, mode=MODE, provenance=prompt.provenance)
    params = {"text": prompt.text, "sessionKey": prompt.session_key}
    return from_request("hook.prompt", params, json.dumps(prompt.text), origin)


def result_action(call: ToolEvent) -> Action | None:
    """What a tool returned, as text the model will read; None when there is none."""
    text = flatten(call.data.get("result"))[:MOST_TEXT]
    if not text:
        return None
    origin = Origin(id=call.call_id, mode=MODE, provenance=Provenance.TOOL_OUTPUT)
    params = {"text": text, "tool": call.tool, "sessionKey": call.session_key}
    return from_request("hook.result", params, json.dumps(text), origin)


# --- answers --------------------------------------------------------------------------------------------------------


def answer(decision: Decision, approval: Approval, risk: Risk) -> str | None:
    """`deny`, `allow-once`, or None: people answer."""
    rules = {finding.rule for finding in decision.findings}
    if decision.mode == "audit":
        return None
    if decision.enforced is Verdict.BLOCK or "review.denied" in rules:
        return DENY
    if decision.enforced is Verdict.REVIEW or not approval.offers_allow_once:
        return None
    return ALLOW_ONCE if risk.answer_allow or "review.granted" in rules else None


def must_abort(decision: Decision, risk: Risk) -> bool:
    return risk.abort_at != "never" and decision.enforced >= Verdict.parse(risk.abort_at)


def was_refused(call: ToolEvent, told_no: bool) -> bool:
    """Whether a result says that the call did not run: it failed without a process's exit code, after a gate was told
    no, or in a gate's own words."""
    details = call.data.get("result")
    details = details.get("details") if isinstance(details, dict) else None
    details = details if isinstance(details, dict) else {}
    if not call.data.get("isError") or details.get("exitCode") is not None:
        return False
    if told_no or details.get("status") == "blocked":
        return True
    said = flatten(call.data.get("result"))[:400].lower()
    return any(words in said for words in REFUSALS)


def asks_always(config: Json) -> bool:
    """Whether the gateway's configuration (`config.get`) makes every shell command of its host ask."""
    document = config.get("parsed") if isinstance(config, dict) else None
    tools = document.get("tools") if isinstance(document, dict) else None
    settings = tools.get("exec") if isinstance(tools, dict) else None
    return isinstance(settings, dict) and settings.get("ask") == "always" and settings.get("host") == "gateway"


def flatten(content: Json) -> str:
    """The text of a message or result, whatever its shape."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, map(flatten, content)))
    if isinstance(content, dict):
        return flatten(content.get("content") or content.get("text") or content.get("output") or "")
    return ""


def text_of(row: Json, name: str) -> str:
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, str) else ""
