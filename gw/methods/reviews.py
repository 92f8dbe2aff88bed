"""`security.review.*`: what waits for a person, and their answers.

Knows no files. Invariant: who answers is taken from the connection, never from the request.
"""

import re
from typing import Any, Final

from gw.defender.review import LIKE_USES, MAX_LIKE_MS, MAX_LIKE_USES, Grant, Held, Reviews
from gw.errors import InvalidRequest
from gw.ledger.quarantine import Quarantine
from gw.methods.router import Call, rpc
from gw.ports import Json, Offload

_DURATION: Final = re.compile(r"([0-9]{1,6})(s|m|h)\Z")
_UNIT_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000}
MAX_NOTE: Final = 500


class ReviewDesk:
    def __init__(self, reviews: Reviews, quarantine: Quarantine, offload: Offload) -> None:
        self._reviews = reviews
        self._quarantine = quarantine
        self._offload = offload

    @rpc("security.review.list")
    def list(self, call: Call) -> Json:
        """Pending ones, oldest first; `all: true` adds the answered and expired. Leave that can still be used."""
        held = self._reviews.all() if call.params.get("all") is True else self._reviews.pending()
        return {
            "held": [held_row(one) for one in held],
            "grants": [grant_row(one) for one in self._reviews.grants()],
        }

    @rpc("security.review.get")
    def get(self, call: Call) -> Json:
        """One held action with the text that waits."""
        held = self._reviews.get(_id(call))
        entry = self._offload.run(self._quarantine.get, held.id)
        return {"held": held_row(held), "entry": entry}

    @rpc("security.review.approve")
    def approve(self, call: Call) -> Json:
        """Give leave: once for this very action, or with `for` (e.g. 30m) for the like of it, `uses` times."""
        like = call.params.get("for")
        grant = self._reviews.approve(
            _id(call),
            _who(call),
            note=_note(call),
            like_ms=None if like is None else _duration_ms(call, like),
            uses=_uses(call),
        )
        return {"grant": grant_row(grant)}

    @rpc("security.review.deny")
    def deny(self, call: Call) -> Json:
        return {"held": held_row(self._reviews.deny(_id(call), _who(call), note=_note(call)))}

    @rpc("security.review.revoke")
    def revoke(self, call: Call) -> Json:
        self._reviews.revoke(_id(call), _who(call))
        return {"revoked": True}


def held_row(held: Held) -> dict[str, Any]:
    """A held action in the wire's spelling, without its text."""
    row = {
        "id": held.id,
        "state": held.state,
        "method": held.method,
        "tool": held.tool,
        "channel": held.channel,
        "sessionKey": held.session_key,
        "agentId": held.agent_id,
        "rules": list(held.rules),
        "score": held.score,
        "asked": held.asked,
        "createdAtMs": held.at_ms,
        "expiresAtMs": held.expires_ms,
        "resolvedBy": held.by or None,
        "note": held.note or None,
    }
    return {name: value for name, value in row.items() if value is not None}


def grant_row(grant: Grant) -> dict[str, Any]:
    row = grant._asdict()
    return {
        "id": row["id"],
        "kind": "once" if grant.binding is not None else "like",
        "usesLeft": row["uses"],
        "untilMs": row["until_ms"],
        "by": row["by"],
        "rules": list(grant.rules),
        "tool": row["tool"],
        "method": row["method"],
        "sessionKey": row["session_key"],
    }


def _who(call: Call) -> str:
    info = call.info
    return info.display_name or info.device_id or info.client_id


def _id(call: Call) -> str:
    found = call.params.get("id")
    if not isinstance(found, str) or not found:
        raise InvalidRequest(f"{call.method}: `id` must be the id of a held action")
    return found


def _note(call: Call) -> str:
    note = call.params.get("note", "")
    if not isinstance(note, str):
        raise InvalidRequest(f"{call.method}: `note` must be text")
    return note[:MAX_NOTE]


def _uses(call: Call) -> int:
    uses = call.params.get("uses", LIKE_USES)
    if isinstance(uses, bool) or not isinstance(uses, int) or not 1 <= uses <= MAX_LIKE_USES:
        raise InvalidRequest(f"{call.method}: `uses` must be a whole number from 1 to {MAX_LIKE_USES}")
    return uses


def _duration_ms(call: Call, text: Json) -> int:
    found = _DURATION.match(text[:16]) if isinstance(text, str) else None
    duration_ms = int(found[1]) * _UNIT_MS[found[2]] if found else 0
    if not 0 < duration_ms <= MAX_LIKE_MS:
        raise InvalidRequest(f"{call.method}: `for` must be a time such as 30m, at most {MAX_LIKE_MS // 3_600_000}h")
    return duration_ms
