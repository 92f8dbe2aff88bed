"""Pairing of people with a channel account: a stranger's direct message makes a code, somebody here approves it.

Knows no channel and no text of messages. Invariant: at most three requests wait per channel account and each for an
hour; a stranger is told of a request once; an approval opens direct messages on that account, nothing else; what was
answered is on disk.

Source: openclaw/ROUTING.md section 3.1.
"""

import secrets
from collections.abc import Callable
from typing import Final, NamedTuple
from uuid import uuid4

from gw.access.pairing import RecordFile
from gw.errors import GwError, InvalidRequest
from gw.ports import Json

ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_CHARS: Final = 8
TTL_MS: Final = 3_600_000
MOST_PENDING: Final = 3  # of one channel account
MOST_PAIRED: Final = 10_000  # of one channel account
FORMAT: Final = 1

Place = tuple[str, str]  # channel, account


class PairRequest(NamedTuple):
    request_id: str
    code: str
    channel: str
    account: str
    sender_id: str
    label: str  # the sender's own word
    chat_id: str  # where the answer goes
    created_at_ms: int
    seen_at_ms: int


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS))


class PairedSenders:
    def __init__(self, file: RecordFile, make_code: Callable[[], str] = new_code) -> None:
        self._file = file
        self._make_code = make_code
        self._pending: dict[str, PairRequest] = {}  # oldest first
        self._paired: dict[Place, dict[str, int]] = {}  # sender id -> when
        self._restore(file.load())

    def paired(self, channel: str, account: str) -> frozenset[str]:
        return frozenset(self._paired.get((channel, account), ()))

    def pending(self, now_ms: int, channel: str = "", account: str = "") -> list[PairRequest]:
        self._expire(now_ms)
        return [one for one in self._pending.values() if channel in ("", one.channel) and account in ("", one.account)]

    def ask(
        self, channel: str, account: str, sender_id: str, label: str, chat_id: str, now_ms: int
    ) -> PairRequest | None:
        """Make a request; None when one waits already, or too many do: then the stranger hears nothing.

        Raises StoreError or Overloaded, and then there is none.
        """
        waiting = self.pending(now_ms, channel, account)
        known = next((one for one in waiting if one.sender_id == sender_id), None)
        if known is not None:
            self._pending[known.request_id] = known._replace(seen_at_ms=now_ms)
            return None
        if len(waiting) >= MOST_PENDING:
            return None
        request = PairRequest(
            str(uuid4()), self._make_code(), channel, account, sender_id, label, chat_id, now_ms, now_ms
        )
        self._pending[request.request_id] = request
        try:
            self._save()
        except GwError:
            del self._pending[request.request_id]
            raise
        return request

    def approve(self, channel: str, account: str, name: str, now_ms: int) -> PairRequest:
        """`name` is the request's id or its code. Raises InvalidRequest when there is none (any more)."""
        request = self._take(channel, account, name, now_ms)
        people = self._paired.setdefault((channel, account), {})
        if len(people) >= MOST_PAIRED:
            del people[next(iter(people))]
        people[request.sender_id] = now_ms
        self._save()
        return request

    def dismiss(self, channel: str, account: str, name: str, now_ms: int) -> PairRequest:
        """Raises InvalidRequest."""
        request = self._take(channel, account, name, now_ms)
        self._save()
        return request

    def _take(self, channel: str, account: str, name: str, now_ms: int) -> PairRequest:
        wanted = name.strip()
        for one in self.pending(now_ms, channel, account):
            if wanted in (one.request_id, one.code) or wanted.upper() == one.code:
                return self._pending.pop(one.request_id)
        raise InvalidRequest(f"no pending pairing request {wanted[:40]} for {channel} account {account}")

    def _expire(self, now_ms: int) -> None:
        for key in [key for key, one in self._pending.items() if now_ms - one.created_at_ms >= TTL_MS]:
            del self._pending[key]

    def _save(self) -> None:
        self._file.save(
            {
                "version": FORMAT,
                "pending": [one._asdict() for one in self._pending.values()],
                "paired": [[*place, sorted(people.items())] for place, people in self._paired.items()],
            }
        )

    def _restore(self, records: Json | None) -> None:
        """Raises ValueError, KeyError or TypeError for records this version cannot read."""
        if records is None:
            return
        if records["version"] != FORMAT:
            raise ValueError(f"pairing records of version {records['version']}, this is version {FORMAT}")
        self._pending = {row["request_id"]: PairRequest(**row) for row in records["pending"]}
        self._paired = {(channel, account): dict(people) for channel, account, people in records["paired"]}
