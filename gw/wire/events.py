"""The table of every published event: who may see it, and what must be subscribed first.

Knows nothing of connections; the rows (`data/events.json`) are handed in. Invariant: an event without a row needs
`operator.write` when its name starts with `plugin.`, else nobody sees it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gw.ports import Json

# What a protocol 3 client does not know: fields left out, and payload states not sent at all.
V3_DROPPED_FIELDS: Mapping[str, frozenset[str]] = {"chat": frozenset({"deltaText", "agentId"})}
V3_DROPPED_STATES: Mapping[str, frozenset[str]] = {"chat": frozenset({"status"})}


class EventSpec(NamedTuple):
    """One row. `scopes`: any of these admits an operator; empty admits everybody; None is addressed delivery only."""

    name: str
    scopes: tuple[str, ...] | None
    advertised: bool = False
    v3: bool = False
    subscription: str | None = None  # sessions | messages | approvals | other


class EventTable:
    def __init__(self, rows: Iterable[Mapping[str, Json]]) -> None:
        self._specs: dict[str, EventSpec] = {}
        for row in rows:
            scopes = row["scopes"]
            spec = EventSpec(**{**row, "scopes": None if scopes is None else tuple(scopes)})
            if spec.name in self._specs:
                raise ValueError(f"event {spec.name} has two rows")
            self._specs[spec.name] = spec

    def __iter__(self) -> Iterator[EventSpec]:
        return iter(self._specs.values())

    def get(self, name: str) -> EventSpec | None:
        spec = self._specs.get(name)
        if spec is None and name.startswith("plugin."):
            return EventSpec(name, ("operator.write",))
        return spec


def for_v3(event: str, payload: Json) -> Json | None:
    """The payload as protocol 3 knows it; None when it has no such event."""
    if not isinstance(payload, dict):
        return payload
    if payload.get("state") in V3_DROPPED_STATES.get(event, ()):
        return None
    dropped = V3_DROPPED_FIELDS.get(event)
    if not dropped:
        return payload
    return {key: value for key, value in payload.items() if key not in dropped}
