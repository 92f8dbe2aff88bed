"""A report card per rule: how often it hit, and what people made of it.

Knows no policy. Invariant: counts what the ledgers say, nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gw.model.decision import Verdict

DAY_MS: Final = 86_400_000


@dataclass(slots=True)
class Card:
    """Times in ms since the epoch; 0 for never."""

    rule: str
    hits: int = 0
    shadow: int = 0  # of the hits, those that only counted in `would`
    stopped: int = 0  # hits on actions that were held or blocked
    upheld: int = 0  # people agreed: denied
    overturned: int = 0  # people disagreed: approved or released
    first_ms: int = 0
    last_ms: int = 0

    @property
    def days(self) -> int:
        return (self.last_ms - self.first_ms) // DAY_MS + 1 if self.hits else 0


def make_cards(
    records: Iterable[Mapping[str, Any]], approved: frozenset[str], denied: frozenset[str]
) -> dict[str, Card]:
    """Cards from decision records; *approved* and *denied* are ids of decisions that people answered."""
    cards: dict[str, Card] = {}
    for record in records:
        for hit in record["hits"]:
            card = cards.setdefault(hit["rule"], Card(hit["rule"]))
            card.hits += 1
            card.shadow += not hit.get("live", True)
            card.stopped += record["verdict"] != Verdict.ALLOW.word
            card.upheld += record["id"] in denied
            card.overturned += record["id"] in approved
            card.first_ms = min(card.first_ms or record["at"], record["at"])
            card.last_ms = max(card.last_ms, record["at"])
    return cards


def answers(events: Iterable[Mapping[str, Any]]) -> tuple[frozenset[str], frozenset[str]]:
    """(approved, denied) ids from the events of held actions."""
    approved, denied = set(), set()
    for event in events:
        if event.get("event") == "approved":
            approved.add(str(event.get("id")))
        elif event.get("event") == "denied":
            denied.add(str(event.get("id")))
    return frozenset(approved), frozenset(denied)
