"""Builds the session half of a gateway: store, book, scheduler, turns, and the method families on top.

The only place that joins `session` with the methods that serve it. Invariant: what was pending in a previous process
has become dead letters before the first request is served.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from gw.config.settings import Settings
from gw.methods.agent import Agent
from gw.methods.chat import Chat
from gw.methods.chat_history import ChatHistory
from gw.methods.claimed import Claimed
from gw.methods.events import EventBus
from gw.methods.session_branches import SessionBranches
from gw.methods.session_commands import SessionCommands
from gw.methods.session_desk import SessionDesk
from gw.methods.session_edits import SessionEdits
from gw.methods.session_rows import Rows
from gw.methods.session_upkeep import SessionUpkeep
from gw.methods.session_usage import SessionUsage
from gw.methods.sessions import Sessions
from gw.methods.turns import Turns
from gw.ports import Clock, Json, Offload, Tasks
from gw.session.backends import backend_for, chosen_path
from gw.session.book import Book
from gw.session.config import SessionConfig
from gw.session.idempotency import Claims
from gw.session.keys import KeyRules
from gw.session.runner import Runner
from gw.session.scheduler import Scheduler

if TYPE_CHECKING:
    from gw.routing.rules import Rules

# Events these families send; for hello-ok's `features.events`.
SENT_EVENTS = frozenset({"agent", "chat", "session.message", "session.operation", "session.tool", "sessions.changed"})


def config_of(settings: Settings, rules: "Rules | None" = None) -> SessionConfig:
    """Say our settings in upstream's configuration format; what the channels file says goes first."""
    chosen = settings.sessions
    queue = {"mode": chosen.queue_mode, "cap": chosen.queue_cap, "drop": chosen.queue_drop}
    reset = {"mode": chosen.reset, "atHour": chosen.reset_hour, "idleMinutes": chosen.idle_minutes}
    session: dict[str, Json] = {} if chosen.reset == "none" else {"reset": reset}
    messages: dict[str, Json] = {"queue": queue}
    if rules is not None:
        session |= rules.session
        messages["queue"] = rules.queue or queue
    return SessionConfig(
        rules=rules.keys if rules is not None else KeyRules(),
        session=session,
        messages=messages,
        debounce_ms=chosen.queue_debounce_ms,
        max_runs=chosen.max_runs,
        max_pending=chosen.max_pending,
    )


def store_path(settings: Settings) -> Path:
    return chosen_path(settings.sessions.store, settings.gateway.state)


class Conversing(NamedTuple):
    book: Book
    desk: SessionDesk
    turns: Turns
    commands: SessionCommands
    claimed: Claimed
    families: tuple[object, ...]


def build_conversing(
    path: Path, config: SessionConfig, runner: Runner, *, bus: EventBus, clock: Clock, tasks: Tasks, store: Offload
) -> Conversing:
    """`store` is a pool with one worker. Raises StoreError when the state cannot be opened."""
    book = Book(backend_for(path), store)
    loaded = book.open()
    scheduler = Scheduler(lambda: str(uuid4()), max_pending=config.max_pending, max_runs=config.max_runs)
    rows = Rows(book, scheduler, config, bus, clock)
    desk = SessionDesk(book, rows, scheduler, config, clock)
    claims = Claims()
    turns = Turns(desk, runner, bus, tasks, claims)
    turns.restore(loaded)
    commands = SessionCommands(desk, turns)
    families = (
        Sessions(desk, bus),
        SessionEdits(desk, turns, commands),
        SessionBranches(desk, turns, bus),
        SessionUsage(desk),
        SessionUpkeep(desk, turns, loaded),
        Chat(desk, turns, commands, ChatHistory(desk, turns)),
        Agent(desk, turns, commands),
    )
    return Conversing(book, desk, turns, commands, Claimed(book, claims, clock), families)
