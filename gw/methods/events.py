"""Sends events to every connection that may see them, and remembers who subscribed to what.

Knows nothing of sockets: a client's `send` takes the bytes. Invariant: a connection without the scope, or without the
subscription an event needs, never gets it; `seq` counts per connection, without gaps, and only on broadcasts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gw.ports import Json
from gw.wire import frames
from gw.wire.events import EventSpec, EventTable, for_v3

if TYPE_CHECKING:
    from gw.methods.client import Client

Filter = Callable[["Client"], bool]


@dataclass(slots=True)
class Subscriptions:
    """What one connection asked to see; session keys are canonical."""

    sessions: bool = False
    messages: set[str] = field(default_factory=set)
    approvals: set[str] = field(default_factory=set)


class EventBus:
    def __init__(self, events: EventTable) -> None:
        self.events = events
        self.presence_version = 0
        self.health_version = 0
        self._clients: dict[str, Client] = {}
        self._audiences: dict[str, dict[int, list[Client]]] = {}  # by event; forgotten when anybody comes or goes

    # --- who is connected -----------------------------------------------------------------------------------

    def add(self, client: "Client") -> None:
        self._clients[client.info.conn_id] = client
        self._audiences.clear()

    def remove(self, client: "Client") -> None:
        self._clients.pop(client.info.conn_id, None)
        self._audiences.clear()

    def clients(self) -> "list[Client]":
        return list(self._clients.values())

    def __len__(self) -> int:
        return len(self._clients)

    # --- sending --------------------------------------------------------------------------------------------

    def state_version(self) -> dict[str, int]:
        return {"presence": self.presence_version, "health": self.health_version}

    def publish(
        self,
        event: str,
        payload: Json,
        *,
        session_key: str | None = None,
        only: Filter | None = None,
        state_version: bool = False,
    ) -> int:
        """Broadcast to every admitted connection (of those `only` accepts); returns how many got it.

        `session_key` names the session an event belongs to; it is needed for events with a subscription.
        Raises ValueError for an event that has no row, or only an addressed one.
        """
        spec = self.events.get(event)
        if spec is None or spec.scopes is None:
            raise ValueError(f"{event} cannot be broadcast")
        if spec.subscription == "other" and only is None:
            raise ValueError(f"{event} goes to an owner that only the caller knows; give `only`")
        version = self.state_version() if state_version else None
        sent = 0
        for protocol, audience in self._audience(event, spec).items():
            chosen = audience
            if spec.subscription is not None or session_key is not None or only is not None:
                chosen = [
                    client
                    for client in audience
                    if follows(spec, client, session_key) and (only is None or only(client))
                ]
            body = (payload if protocol >= 4 else for_v3(event, payload)) if chosen else None
            if body is not None:
                frame = frames.event_body(event, body, state_version=version)
                for client in chosen:
                    client.send_event(frame)
                sent += len(chosen)
        return sent

    def is_wanted(self, event: str, session_key: str | None = None) -> bool:
        """Whether anybody would get it: ask before building a payload that costs something."""
        spec = self.events.get(event)
        return spec is not None and any(
            follows(spec, client, session_key) for heard in self._audience(event, spec).values() for client in heard
        )

    def _audience(self, event: str, spec: EventSpec) -> "dict[int, list[Client]]":
        """Who may hear it, by protocol, for each protocol has its own form of an event."""
        audience = self._audiences.get(event)
        if audience is None:
            audience = self._audiences[event] = {}
            for client in self._clients.values():
                if may_hear(spec, client):
                    audience.setdefault(client.info.protocol, []).append(client)
        return audience

    def tick(self, now_ms: int) -> None:
        """The sign of life a client waits for."""
        self.publish("tick", {"ts": now_ms})

    def send_to(self, client: "Client", event: str, payload: Json) -> None:
        """An event addressed to one connection; carries no `seq`."""
        client.send(frames.event(event, payload))

    # --- subscriptions --------------------------------------------------------------------------------------

    def subscribe_sessions(self, client: "Client") -> None:
        client.subscriptions.sessions = True

    def subscribe_messages(self, client: "Client", session_key: str, *, approvals: bool = False) -> None:
        client.subscriptions.messages.add(session_key)
        if approvals:
            client.subscriptions.approvals.add(session_key)

    def unsubscribe_messages(self, client: "Client", session_key: str) -> None:
        client.subscriptions.messages.discard(session_key)
        client.subscriptions.approvals.discard(session_key)


def may_hear(spec: EventSpec, client: "Client") -> bool:
    """Whether role, scopes and protocol let this connection see such events at all; never changes in its life."""
    info = client.info
    if spec.scopes is None or (info.protocol < 4 and not spec.v3):
        return False
    return not spec.scopes or not info.scopes.isdisjoint(spec.scopes)


def follows(spec: EventSpec, client: "Client", session_key: str | None) -> bool:
    """Whether subscriptions and caps let a connection that may hear it see an event of this session."""
    if spec.subscription is None and session_key is None:
        return True
    subscriptions = client.subscriptions
    if spec.subscription == "messages":
        return session_key in subscriptions.messages
    if spec.subscription == "approvals":
        return session_key in subscriptions.approvals
    if spec.subscription == "sessions":
        return subscriptions.sessions
    if session_key is not None and "session-scoped-events" in client.info.caps:
        return session_key in subscriptions.messages
    return True
