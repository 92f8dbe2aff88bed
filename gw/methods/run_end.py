"""How a run ended, and what those who wait for it or ask again are told."""

from typing import NamedTuple

from gw.ports import Json
from gw.session.runner import Outcome
from gw.session.store import Change
from gw.session.transcript import Numbered


class RunEnd(NamedTuple):
    run_id: str
    session_id: str
    status: str  # ok | aborted | error
    outcome: Outcome
    text: str  # all that was said
    started_at_ms: int
    ended_at_ms: int
    changes: list[Change]  # to be written before the end is told
    row: Numbered | None = None  # the stored reply
    error: str | None = None
    joined: bool = False  # it answers several messages

    @classmethod
    def undone(cls, run_id: str, status: str, reason: str, now_ms: int) -> "RunEnd":
        """The end of a message that never became a run."""
        return cls(run_id, "", status, Outcome(), "", now_ms, now_ms, [], error=reason)

    @classmethod
    def spoken(cls, run_id: str, text: str, now_ms: int) -> "RunEnd":
        """The end of a command, which the gateway itself answered."""
        return cls(run_id, "", "ok", Outcome(), text, now_ms, now_ms, [])

    def answer(self, run_id: str) -> dict[str, Json]:
        """What a replay of the request is told."""
        answer = {"runId": run_id, "status": self.status}
        return answer if self.error is None else {**answer, "summary": self.error}

    def agent_answer(self, run_id: str) -> dict[str, Json]:
        """The second answer of method `agent`."""
        meta = {
            "durationMs": self.ended_at_ms - self.started_at_ms,
            "aborted": self.status == "aborted",
            "agentMeta": {
                "sessionId": self.session_id,
                "provider": self.outcome.provider,
                "model": self.outcome.model,
                "usage": dict(self.outcome.usage),
            },
        }
        payloads = [{"text": self.text, "mediaUrl": None}] if self.text else []
        summary = {"ok": "completed", "aborted": "aborted"}.get(self.status, self.error or "failed")
        return {
            "runId": run_id,
            "status": self.status,
            "summary": summary,
            "result": {"payloads": payloads, "meta": meta},
        }
