"""One message for several agents: which of them take part, and in which further rounds.

Knows no sessions and no text. Invariant: at most `max_turns` turns come of one message, in at most `max_rounds` rounds.

Source: openclaw/ROUTING.md section 5 (broadcast).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from gw.ports import Json
from gw.session import keys

MOST_AGENTS: Final = 16
MOST_ROUNDS: Final = 4
MOST_TURNS: Final = 32
STRATEGIES: Final = ("parallel", "sequential")


class Broadcast(NamedTuple):
    agents: tuple[str, ...]
    strategy: str = STRATEGIES[0]
    gated: bool = False  # mentions choose who takes part
    max_rounds: int = 1
    max_turns: int = MOST_TURNS


def find(table: Mapping[str, Json], channel: str, peer_id: str) -> Broadcast | None:
    """The broadcast of a conversation, by `<channel>:<peer>`, or by the peer alone as WhatsApp's were once written."""
    row = table.get(f"{channel}:{peer_id}")
    if row is None and channel == "whatsapp":
        row = table.get(peer_id)
    strategy = table.get("strategy")
    how = strategy if strategy in STRATEGIES else STRATEGIES[0]
    if isinstance(row, (list, tuple)):
        agents = _agents(row)
        return Broadcast(agents, how, max_turns=len(agents)) if agents else None
    if not isinstance(row, Mapping):
        return None
    agents = _agents(row.get("agents") or ())
    if not agents:
        return None
    return Broadcast(
        agents,
        how,
        row.get("mentionGating", True) is not False,
        _within(row.get("maxRounds"), 1, MOST_ROUNDS),
        _within(row.get("maxTurns"), len(agents), MOST_TURNS),
    )


def first_round(broadcast: Broadcast, mentioned: Collection[str]) -> tuple[str, ...]:
    """With gating, those who are named; all when nobody is."""
    named = tuple(agent for agent in broadcast.agents if agent in mentioned) if broadcast.gated else ()
    return (named or broadcast.agents)[: broadcast.max_turns]


def next_round(
    broadcast: Broadcast, round_number: int, turns_so_far: int, answered: Collection[str], named: Collection[str]
) -> tuple[str, ...]:
    """Who takes part in round `round_number` (the first is 1): those who answered in the one before or were named."""
    if round_number > broadcast.max_rounds:
        return ()
    again = [agent for agent in broadcast.agents if agent in answered or agent in named]
    return tuple(again[: max(0, broadcast.max_turns - turns_so_far)])


def _agents(row: Sequence[Json]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys.agent_id(str(agent)) for agent in row))[:MOST_AGENTS]


def _within(value: Json, default: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return min(default, most)
    return max(1, min(value, most))
