"""A decision as it is written: the field list below is the format's documentation.

Knows no file. Invariant: of judged text only commands, tool names, paths and addresses are written, masked; prompts,
output and data leave their length and, when they were stopped, a keyed hash.
"""

from typing import Any, Final

from gw.ledger.redact import Redactor
from gw.model.action import Action, Part, PartKind
from gw.model.decision import Decision, Finding, PolicyRef, Span, Verdict

VERSION: Final = 1
MAX_TEXT: Final = 2048  # characters of one part's text in a record
READABLE: Final = frozenset((PartKind.COMMAND, PartKind.ARGV, PartKind.TOOL, PartKind.PATH, PartKind.URL))


def to_record(
    decision: Decision, action: Action, redactor: Redactor, masked_groups: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The JSON object of one decision; absent keys mean nothing was known.

    v, at (ms since the epoch), id, action (caller's id), method, origin (mode it came through), verdict, would,
    enforced, mode (enforce | audit), score, hits, policy {name, generation, digest}, us, digest, size, provenance,
    tool, channel, chat, agent, session, sender, client, parts [{kind, where, chars, token?, text?}].
    """
    stopped = decision.verdict is not Verdict.ALLOW
    record: dict[str, Any] = {
        "v": VERSION,
        "at": decision.at_ms,
        "id": decision.id,
        "action": action.id,
        "method": decision.method,
        "origin": action.mode,
        "verdict": decision.verdict.word,
        "would": decision.would.word,
        "enforced": decision.enforced.word,
        "mode": decision.mode,
        "score": decision.score,
        "hits": [to_hit(finding) for finding in decision.findings],
        "policy": to_ref(decision.policy),
        "us": decision.elapsed_us,
        "digest": decision.digest,
        "size": action.size,
        "provenance": str(action.provenance),
        "parts": [
            _part(part, redactor, _masked_spans(decision, index, masked_groups), stopped)
            for index, part in enumerate(action.parts)
        ],
    }
    known = (
        ("tool", action.tool),
        ("channel", action.channel),
        ("chat", action.chat_type),
        ("agent", action.agent_id),
        ("client", action.client_id),
        ("session", redactor.session(action.session_key) if action.session_key else None),
        ("sender", redactor.person(action.sender) if action.sender else None),
    )
    record.update([field for field in known if field[1] is not None])
    return record


def to_ref(policy: PolicyRef) -> dict[str, Any]:
    return {"name": policy.name, "generation": policy.generation, "digest": policy.digest}


def to_hit(finding: Finding) -> dict[str, Any]:
    """rule, points, group, part and span where there is one, floor and live where they are not the usual."""
    hit: dict[str, Any] = {"rule": finding.rule, "points": finding.points}
    if finding.group and finding.group != finding.rule:
        hit["group"] = finding.group
    if finding.part >= 0:
        hit["part"] = finding.part
    if finding.span is not None:
        hit["span"] = list(finding.span)
    if finding.floor:
        hit["floor"] = finding.floor.word
    if not finding.live:
        hit["live"] = False
    if finding.detail:
        hit["detail"] = finding.detail
    return hit


def to_event(decision: Decision) -> dict[str, Any]:
    """Payload of the event `security.decision`: what operators see live, without any judged text."""
    payload: dict[str, Any] = {
        "decisionId": decision.id,
        "actionId": decision.action_id,
        "method": decision.method,
        "verdict": decision.verdict.word,
        "would": decision.would.word,
        "enforced": decision.enforced.word,
        "mode": decision.mode,
        "score": decision.score,
        "hits": [to_hit(finding) for finding in decision.findings],
        "policy": to_ref(decision.policy),
        "elapsedUs": decision.elapsed_us,
        "ts": decision.at_ms,
    }
    if decision.session_key is not None:
        payload["sessionKey"] = decision.session_key
    if decision.tool is not None:
        payload["tool"] = decision.tool
    if decision.channel is not None:
        payload["channel"] = decision.channel
    return payload


def _masked_spans(decision: Decision, index: int, groups: frozenset[str]) -> list[Span]:
    if not groups or not decision.findings:
        return []
    return [
        finding.span
        for finding in decision.findings
        if finding.part == index and finding.span is not None and finding.group in groups
    ]


def _part(part: Part, redactor: Redactor, spans: list[Span], stopped: bool) -> dict[str, Any]:
    written: dict[str, Any] = {"kind": str(part.kind), "where": part.where, "chars": len(part.value)}
    if part.kind in READABLE:
        written["text"] = redactor.mask(part.value[: 2 * MAX_TEXT], spans)[:MAX_TEXT]
    elif stopped:
        written["token"] = redactor.token(part.value)
    return written
