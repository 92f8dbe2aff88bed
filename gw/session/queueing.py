"""What waits and how: queue modes and their settings, admission, overflow, and the prompt of a joined turn.

Pure functions over values; the scheduler holds the state. Invariant: an unknown word never changes anything (it falls
through to the next source), and overflow never touches an item that is in flight or protected.

Source: openclaw/ROUTING.md section 8, with vectors/queue_modes.json as executed truth.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from gw.limits import SESSIONS_PENDING
from gw.ports import Json

DEFAULT_DEBOUNCE_MS: Final = 500
SUMMARY_CHARS: Final = 160
COLLECT_TITLE: Final = "[Queued messages while agent was busy]"

MODES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("steer", "steering"), "steer"),
    **dict.fromkeys(("followup", "followups", "follow-up", "follow-ups"), "followup"),
    **dict.fromkeys(("collect", "coalesce"), "collect"),
    **dict.fromkeys(("interrupt", "interrupts", "abort"), "interrupt"),
}
# Words only stored values may hold, from releases before modes had their names.
STORED_MODES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("queue", "queued"), "steer"),
    **dict.fromkeys(("steer+backlog", "steer-backlog", "steer_backlog"), "followup"),
}
DROPS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("old", "oldest"), "old"),
    **dict.fromkeys(("new", "newest"), "new"),
    **dict.fromkeys(("summarize", "summary"), "summarize"),
}


class Settings(NamedTuple):
    mode: str = "steer"
    debounce_ms: int = DEFAULT_DEBOUNCE_MS
    cap: int = SESSIONS_PENDING
    drop: str = "summarize"


def mode_of(word: str | None) -> str | None:
    return MODES.get((word or "").strip().lower())


def stored_mode_of(word: str | None) -> str | None:
    return mode_of(word) or STORED_MODES.get((word or "").strip().lower())


def drop_of(word: str | None) -> str | None:
    return DROPS.get((word or "").strip().lower())


def resolve(
    messages: Mapping[str, Json],
    *,
    channel: str | None = None,
    entry: Mapping[str, Json] | None = None,
    inline: Mapping[str, Json] | None = None,
    channel_debounce_ms: int | None = None,
) -> Settings:
    """Return the settings for one message: inline, then session, then channel, then global, then defaults.

    `messages` is the configuration's `messages` object; `inline` and `entry` may hold queueMode, queueDebounceMs,
    queueCap and queueDrop; `channel_debounce_ms` is the channel driver's own default.
    """
    queue: Mapping[str, Json] = messages.get("queue") or {}
    own, stored = inline or {}, entry or {}
    place = (channel or "").strip().lower()
    by_channel = {name.lower(): word for name, word in (queue.get("byChannel") or {}).items()}
    debounces = {name.lower(): value for name, value in (queue.get("debounceMsByChannel") or {}).items()}
    debounce = _first_number(
        own.get("queueDebounceMs"), stored.get("queueDebounceMs"), debounces.get(place), channel_debounce_ms
    )
    cap = _first_number(own.get("queueCap"), stored.get("queueCap"), queue.get("cap"))
    return Settings(
        mode_of(own.get("queueMode"))
        or stored_mode_of(stored.get("queueMode"))
        or mode_of(by_channel.get(place))
        or mode_of(queue.get("mode"))
        or "steer",
        DEFAULT_DEBOUNCE_MS if debounce is None else max(0, math.floor(debounce)),
        SESSIONS_PENDING if cap is None else max(1, math.floor(cap)),
        drop_of(own.get("queueDrop")) or drop_of(stored.get("queueDrop")) or drop_of(queue.get("drop")) or "summarize",
    )


def admit(*, active: bool, waiting: bool, heartbeat: bool, reset: bool, follows: bool) -> str:
    """Return run-now | enqueue-followup | drop. `follows` is a mode that waits (followup or collect); run-now while
    active means steer or, in interrupt mode, abort and wait."""
    if not active and not waiting:
        return "run-now"
    if heartbeat:
        return "drop"
    if reset:
        return "run-now"
    return "enqueue-followup" if waiting or follows else "run-now"


class Overflow(NamedTuple):
    """`victims` are positions in the waiting list, oldest first."""

    accepts: bool
    victims: tuple[int, ...] = ()


def overflow(
    count: int, settings: Settings, in_flight: AbstractSet[int] = frozenset(), protected: AbstractSet[int] = frozenset()
) -> Overflow:
    """Say what must go before one more item may wait among `count`."""
    needed = count - len(in_flight) - settings.cap + 1
    if needed <= 0:
        return Overflow(True)
    if settings.drop == "new":
        return Overflow(False)
    victims = [at for at in range(count) if at not in in_flight and at not in protected][:needed]
    return Overflow(True, tuple(victims)) if len(victims) == needed else Overflow(False)


def summary_line(text: str) -> str:
    """One line per dropped message: white space collapsed, 160 characters."""
    line = " ".join(text.split())
    return line if len(line) <= SUMMARY_CHARS else line[: SUMMARY_CHARS - 1].rstrip() + "…"


def overflow_note(dropped: int, lines: Sequence[str]) -> str:
    note = f"[Queue overflow] Dropped {dropped} message{'' if dropped == 1 else 's'} due to cap."
    return "\n".join([note, "Summary:", *(f"- {line}" for line in lines)]) if lines else note


def collect_prompt(items: Sequence[tuple[str, str]], summary: str | None = None, title: str = COLLECT_TITLE) -> str:
    """Join waiting messages, given as (sender label, text), into one prompt."""
    blocks = [title]
    if summary:
        blocks.append(summary)
    for number, (sender, text) in enumerate(items, 1):
        label = f" (from {sender})" if sender else ""
        blocks.append(f"---\nQueued #{number}{label}\n{text}".strip())
    return "\n\n".join(blocks)


def joinable(contexts: Sequence[str], together: Callable[[int], bool]) -> int:
    """How many items from the front may become one turn: all when they share one context, else one.

    `contexts` are delivery contexts in order; `together(at)` says whether an item may join at all.
    """
    if len(set(contexts)) > 1 or not contexts:
        return min(1, len(contexts))
    alone = next((at for at in range(len(contexts)) if not together(at)), len(contexts))
    return max(1, alone)


def _first_number(*values: Json) -> float | None:
    for value in values:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None
