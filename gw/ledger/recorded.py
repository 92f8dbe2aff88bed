"""Recorded decisions back to actions, for explaining and replaying them.

Knows no policy. Invariant: says so when the text was not kept; a masked text is judged as it stands.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gw.ledger.decisions import read_latest
from gw.ledger.direct import Direct
from gw.ledger.quarantine import Quarantine
from gw.model.action import Action, Part, PartKind, Provenance

DECISIONS: Final = "decisions"
QUARANTINE: Final = "quarantine"
MAX_SEARCHED: Final = 100_000


def to_action(record: Mapping[str, Any]) -> Action | None:
    """The action of a decision record or quarantine entry; None when the text of a part was not kept."""
    if "parts" not in record:  # purged
        return None
    parts = []
    for part in record["parts"]:
        if "text" not in part:
            return None
        provenance = Provenance(part["provenance"]) if "provenance" in part else None
        parts.append(Part(PartKind(part["kind"]), part["where"], part["text"], provenance))
    return Action(
        id=record.get("action", ""),
        method=record["method"],
        parts=tuple(parts),
        digest=record["digest"],
        size=record.get("size", 0),
        provenance=Provenance(record.get("provenance", "user")),
        tool=record.get("tool"),
        channel=record.get("channel"),
        chat_type=record.get("chat"),
        session_key=record.get("sessionKey") or record.get("session"),
        agent_id=record.get("agent"),
        sender=record.get("sender"),
        client_id=record.get("client"),
        mode=record.get("origin", "replay"),
    )


def find_action(state: Path, decision_id: str) -> Action | None:
    """The action of one decision: from quarantine when it is there, else from the decision log."""
    entry = Quarantine(state / QUARANTINE, Direct()).get(decision_id)
    if entry is not None:
        return to_action(entry)
    record = next((row for row in read_latest(state / DECISIONS, MAX_SEARCHED) if row["id"] == decision_id), None)
    return None if record is None else to_action(record)


def read_actions(
    state: Path, since_ms: int, limit: int = MAX_SEARCHED
) -> Iterator[tuple[dict[str, Any], Action | None]]:
    """Records since then, newest first, with their actions (from quarantine where the log kept no text)."""
    quarantine = Quarantine(state / QUARANTINE, Direct())
    for record in read_latest(state / DECISIONS, limit):
        if record["at"] < since_ms:
            return
        action = to_action(record)
        if action is None and record["verdict"] != "allow" and (entry := quarantine.get(record["id"])) is not None:
            action = to_action(entry)
        yield record, action
