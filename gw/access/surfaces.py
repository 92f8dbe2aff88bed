"""What each node was approved to offer, and what it asks to offer now.

Knows nothing of connections; time and the file come in. Invariant: a node's commands can be called only while they are
both approved and declared, and a wider declaration waits for a new approval without losing the old one.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import uuid4

from gw.access.node_commands import approval_scopes
from gw.access.pairing import RecordFile
from gw.errors import InvalidRequest
from gw.ports import Json


class Surface(NamedTuple):
    node_id: str
    caps: tuple[str, ...]
    commands: tuple[str, ...]
    approved_at_ms: int


class PendingSurface(NamedTuple):
    request_id: str
    node_id: str
    caps: tuple[str, ...]
    commands: tuple[str, ...]
    at_ms: int

    @property
    def scopes(self) -> tuple[str, ...]:
        return approval_scopes(self.commands)


# Told "requested", "approved", "rejected" or "removed", with the request (None when removed) and the node id.
Listener = Callable[[str, PendingSurface | None, str], None]


class Surfaces:
    def __init__(self, file: RecordFile, listener: Listener = lambda *_: None) -> None:
        self.listener = listener
        self._file = file
        self._approved: dict[str, Surface] = {}
        self._pending: dict[str, PendingSurface] = {}  # by node id: one request a node
        self._restore(file.load())

    def approved(self, node_id: str) -> Surface | None:
        return self._approved.get(node_id)

    def pending(self, node_id: str) -> PendingSurface | None:
        return self._pending.get(node_id)

    def all_pending(self) -> list[PendingSurface]:
        return sorted(self._pending.values(), key=lambda request: request.at_ms, reverse=True)

    def all_approved(self) -> list[Surface]:
        return sorted(self._approved.values(), key=lambda surface: surface.approved_at_ms, reverse=True)

    def declare(self, node_id: str, caps: Iterable[str], commands: Iterable[str], now_ms: int) -> None:
        """A node connected and says what it offers; asks for approval when that is more than it has."""
        wanted = (tuple(caps), tuple(commands))
        known = self._approved.get(node_id)
        if known is not None and set(known.caps) >= set(wanted[0]) and set(known.commands) >= set(wanted[1]):
            if self._pending.pop(node_id, None) is not None:
                self._save()
            return
        waiting = self._pending.get(node_id)
        if waiting is not None and (waiting.caps, waiting.commands) == wanted:
            return
        pending = PendingSurface(str(uuid4()), node_id, *wanted, now_ms)
        self._pending[node_id] = pending
        self._save()
        self.listener("requested", pending, node_id)

    def find(self, request_id: str) -> PendingSurface:
        """Raises InvalidRequest."""
        for pending in self._pending.values():
            if pending.request_id == request_id:
                return pending
        raise InvalidRequest("unknown requestId")

    def approve(self, request_id: str, now_ms: int) -> Surface:
        pending = self.find(request_id)
        surface = Surface(pending.node_id, pending.caps, pending.commands, now_ms)
        del self._pending[pending.node_id]
        self._approved[pending.node_id] = surface
        self._save()
        self.listener("approved", pending, pending.node_id)
        return surface

    def reject(self, request_id: str) -> PendingSurface:
        pending = self.find(request_id)
        del self._pending[pending.node_id]
        self._save()
        self.listener("rejected", pending, pending.node_id)
        return pending

    def remove(self, node_id: str) -> None:
        """Forget a node. Raises InvalidRequest for one that is not known."""
        had = (self._approved.pop(node_id, None), self._pending.pop(node_id, None))
        if had == (None, None):
            raise InvalidRequest(f"unknown nodeId: {node_id}")
        self._save()
        self.listener("removed", None, node_id)

    def _save(self) -> None:
        self._file.save(
            {
                "version": 1,
                "approved": [surface._asdict() for surface in self._approved.values()],
                "pending": [pending._asdict() for pending in self._pending.values()],
            }
        )

    def _restore(self, records: Json | None) -> None:
        """Raises ValueError, KeyError or TypeError for records this version cannot read."""
        if records is None:
            return
        if records["version"] != 1:
            raise ValueError(f"node records of version {records['version']}, this is version 1")
        for row in records["approved"]:
            surface = Surface(**{**row, "caps": tuple(row["caps"]), "commands": tuple(row["commands"])})
            self._approved[surface.node_id] = surface
        for row in records["pending"]:
            pending = PendingSurface(**{**row, "caps": tuple(row["caps"]), "commands": tuple(row["commands"])})
            self._pending[pending.node_id] = pending
