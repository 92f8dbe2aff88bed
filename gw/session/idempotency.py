"""One effect per idempotency key: the claims table behind chat.send, agent, send and poll.

Knows no store and no clock; changes come out as values to be written with whatever they guard. Invariant: a claim is
found by method, caller and key, but answered only when the content's digest is the same; a claim whose run is active
is never dropped.

Source: openclaw/ROUTING.md section 6.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import ujson

from gw._native.filehash import sha256
from gw.errors import InvalidRequest
from gw.limits import IDEMPOTENCY_ENTRIES, IDEMPOTENCY_TTL_MS
from gw.ports import Json
from gw.session.state_log import dump
from gw.session.store import CLAIMS, Change, Drop, Put

# Parameters that say how to deliver a request, not what it asks for: a retry may differ in them.
NOT_CONTENT: Final = frozenset({"idempotencyKey", "timeoutMs", "timeout"})


class Claim(NamedTuple):
    digest: str
    run_id: str
    at_ms: int  # of the last write
    answer: Json | None = None  # None while the run is active


class Outcome(NamedTuple):
    """What a request with a key is told. `claimed`: go on; otherwise answer `answer` and do nothing."""

    claimed: bool
    answer: Json | None = None


def digest_of(params: Mapping[str, Json]) -> str:
    """SHA-256 over the canonical form of what a request asks for."""
    content = {name: value for name, value in params.items() if name not in NOT_CONTENT}
    return sha256(ujson.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def claim_id(method: str, caller: str, key: str) -> str:
    return dump([method, caller, key]).decode()


class Claims:
    def __init__(self, ttl_ms: int = IDEMPOTENCY_TTL_MS, max_entries: int = IDEMPOTENCY_ENTRIES) -> None:
        self._ttl_ms = ttl_ms
        self._max = max_entries
        self._claims: dict[str, Claim] = {}  # least recently written first

    def __len__(self) -> int:
        return len(self._claims)

    def load(self, rows: Mapping[str, bytes], now_ms: int, answer: Json) -> list[Change]:
        """Take over what was stored; claims of runs that were active when we stopped are closed with `answer`."""
        changes: list[Change] = []
        found = {name: Claim(*ujson.loads(value)) for name, value in rows.items()}
        for name, claim in sorted(found.items(), key=lambda pair: pair[1].at_ms):
            if claim.answer is None:
                claim = claim._replace(answer={"runId": claim.run_id, **answer}, at_ms=now_ms)
                changes.append(Put(CLAIMS, name, dump(list(claim))))
            self._claims[name] = claim
        return changes + self.sweep(now_ms)

    def begin(self, name: str, digest: str, run_id: str, now_ms: int) -> tuple[Outcome, list[Change]]:
        """Claim a key, or say what became of it.

        Raises:
            InvalidRequest: the key was used for something else (details.reason `chat-request-conflict`).
        """
        claim = self._claims.get(name)
        if claim is not None and self._expired(claim, now_ms):
            claim = None
        if claim is None:
            claim = Claim(digest, run_id, now_ms)
            self._write(name, claim)
            return Outcome(True), [Put(CLAIMS, name, dump(list(claim))), *self.sweep(now_ms, keep=name)]
        if claim.digest != digest:
            raise InvalidRequest(
                "idempotencyKey was already used for a different request",
                details={"reason": "chat-request-conflict", "runId": claim.run_id},
            )
        if claim.answer is None:
            return Outcome(False, {"runId": claim.run_id, "status": "in_flight"}), []
        return Outcome(False, claim.answer), []

    def finish(self, name: str, answer: Json, now_ms: int) -> list[Change]:
        """Store the answer that replays get from now on."""
        claim = self._claims.get(name)
        if claim is None:
            return []
        claim = claim._replace(answer=answer, at_ms=now_ms)
        self._write(name, claim)
        return [Put(CLAIMS, name, dump(list(claim))), *self.sweep(now_ms, keep=name)]

    def release(self, name: str) -> list[Change]:
        """Forget a claim whose request was refused before it had any effect."""
        return [Drop(CLAIMS, name)] if self._claims.pop(name, None) is not None else []

    def sweep(self, now_ms: int, keep: str = "") -> list[Change]:
        """Drop what expired, then the oldest past the bound; never an active one."""
        gone: list[str] = []
        spare = len(self._claims) - self._max
        for name, claim in self._claims.items():  # finished ones stand in the order of their last write
            if claim.answer is None or name == keep:
                continue
            if spare <= len(gone) and not self._expired(claim, now_ms):
                break
            gone.append(name)
        for name in gone:
            del self._claims[name]
        return [Drop(CLAIMS, name) for name in gone]

    def _expired(self, claim: Claim, now_ms: int) -> bool:
        return claim.answer is not None and now_ms - claim.at_ms >= self._ttl_ms

    def _write(self, name: str, claim: Claim) -> None:
        self._claims.pop(name, None)
        self._claims[name] = claim
