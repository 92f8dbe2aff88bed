"""What every session method needs: the key a call means, its entry, the guards it set, and who is calling.

Knows no handlers. Invariant: a key is resolved the same way for every method, and an entry that is created on the way
is created by one function.
"""

import os
from collections.abc import Callable, Mapping
from uuid import uuid4

from gw.errors import InvalidRequest
from gw.methods.session_rows import Rows
from gw.methods.turn_request import sender_of
from gw.model.identity import ConnInfo
from gw.ports import Clock, Json
from gw.session import entries, keys, transcript
from gw.session.book import Book
from gw.session.config import SessionConfig
from gw.session.entries import Entry
from gw.session.scheduler import Scheduler
from gw.session.transcript import Record
from gw.wire.methods import ADMIN


class SessionDesk:
    def __init__(
        self,
        book: Book,
        rows: Rows,
        scheduler: Scheduler,
        config: SessionConfig,
        clock: Clock,
        new_id: Callable[[], str] = lambda: str(uuid4()),
        new_mark: Callable[[], str] = lambda: os.urandom(8).hex(),
    ) -> None:
        self.book = book
        self.rows = rows
        self.scheduler = scheduler
        self.config = config
        self.clock = clock
        self.new_id = new_id  # of sessions: known outside
        self.new_mark = new_mark  # of records and revisions: many, so short

    # --- which session ----------------------------------------------------------------------------------------

    def key(self, params: Mapping[str, Json], name: str = "key") -> str:
        """The stored key a call means. Raises InvalidRequest."""
        agent = params.get("agentId")
        if agent is not None and keys.agent_id(agent) not in self.config.rules.agents:
            raise InvalidRequest(f'agent "{agent}" not found')
        return keys.to_store_key(params[name], self.config.rules, agent)

    def agent_of(self, key: str) -> str:
        return keys.owner_of(key, self.config.rules)

    def main_key(self, key: str) -> str:
        """The main session of the agent that owns a key."""
        return keys.to_store_key("main", self.config.rules, self.agent_of(key))

    def is_protected(self, key: str) -> bool:
        """Main and global sessions are never deleted or archived."""
        return key == "global" or keys.is_main(key)

    # --- its entry --------------------------------------------------------------------------------------------

    def need(self, key: str, asked: str) -> Entry:
        """Raises InvalidRequest when there is no such session."""
        entry = self.book.get(key)
        if entry is None:
            raise InvalidRequest(f"session not found: {asked}")
        return entry

    def get_or_new(self, key: str, via: str = "operator") -> tuple[Entry, bool]:
        """The entry, or a fresh one that is not stored yet; and whether it is fresh."""
        entry = self.book.get(key)
        if entry is not None:
            return entry, False
        return self.new_entry(key, via), True

    def new_entry(self, key: str, via: str = "operator") -> Entry:
        return entries.new(key, now_ms=self.clock.now_ms(), session_id=self.new_id(), revision=self.new_mark(), via=via)

    def user_record(
        self, text: str, run_id: str, transport: Mapping[str, Json] | None = None, *, interrupted: bool = False
    ) -> Record:
        """The transcript record of what somebody said."""
        now = self.clock.now_ms()
        message = {"role": "user", "content": text, "timestamp": now, "idempotencyKey": f"{run_id}:user"}
        facts: dict[str, Json] = {"transport": dict(transport)} if transport else {}
        if interrupted:
            facts["interrupted"] = True
        return transcript.message_record(self.new_mark(), message, at_ms=now, facts=facts)

    def check_expected(self, entry: Mapping[str, Json] | None, params: Mapping[str, Json]) -> None:
        """Compare-and-set: what the caller says it saw must still be so. Raises InvalidRequest (session-changed)."""
        seen = entry or {}
        expected = {
            "expectedSessionId": seen.get("sessionId"),
            "expectedLifecycleRevision": seen.get("lifecycleRevision"),
            "expectedSessionUpdatedAt": seen.get("updatedAt"),
            "expectedMarkedUnreadAt": seen.get("markedUnreadAt"),
            "expectedPermissionMode": seen.get("permissionMode"),
            "expectedToolOverrides": seen.get("toolOverrides"),
        }
        for name, value in expected.items():
            if name in params and params[name] != value:
                raise InvalidRequest(
                    f"session changed: {name} does not match", details={"reason": "session-changed", "field": name}
                )


def canceller(info: ConnInfo) -> Callable[[str], bool]:
    """Which owners' work this connection may cancel: its own, or with admin anybody's."""
    own = sender_of(info).owner
    return (lambda owner: True) if ADMIN in info.scopes else (lambda owner: owner == own)
