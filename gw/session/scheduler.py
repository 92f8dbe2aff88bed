"""Who runs next: one run per session, bounded waiting, the four queue modes, and turns in fair order across sessions.

Pure state: calls come in with a time, effects go out as values; whoever holds it starts runs, aborts them and writes
what must be kept. Invariant: a session has at most one active run; every accepted item ends in exactly one of a run,
a cancellation or a loss that is reported; a session that waits for a slot is served in the order it began to wait.

Source: openclaw/ROUTING.md section 8, with the live rows of vectors/queue_modes.json.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gw.errors import Overloaded
from gw.session import queueing
from gw.session.queueing import Settings

MAX_PENDING: Final = 2000  # waiting items over all sessions
MAX_RUNS: Final = 64  # active runs over all sessions


class Item(NamedTuple):
    """One accepted message."""

    id: str  # the request's run id
    text: str
    sender: str = ""  # label shown in joined prompts
    context: str = ""  # delivery context; only equal ones are joined
    owner: str = ""  # who may cancel it
    heartbeat: bool = False
    reset: bool = False
    joins: bool = True  # False: audio, room events and the like are never joined
    at_ms: int = 0  # when it was accepted


class Run(NamedTuple):
    id: str
    items: tuple[Item, ...]
    prompt: str


class Start(NamedTuple):
    session: str
    run: Run


class Abort(NamedTuple):
    session: str
    run_id: str
    reason: str  # rpc | aborted (by a newer message)


class Settle(NamedTuple):
    """The item's own request is over: its work goes on under another run."""

    session: str
    item: Item


class Cancel(NamedTuple):
    """The item will not run, by somebody's wish: `rpc` or `interrupted` by a newer message."""

    session: str
    item: Item
    reason: str


class Lose(NamedTuple):
    """The item will not run because there was no room for it."""

    session: str
    item: Item
    reason: str


class Wake(NamedTuple):
    session: str
    delay_ms: int


Effect = Start | Abort | Settle | Cancel | Lose | Wake


class Admission(NamedTuple):
    """`state` is run | steered | waiting | dropped (heartbeats only)."""

    state: str
    effects: list[Effect]
    interrupted: bool = False


@dataclass(slots=True)
class _Lane:
    active: Run | None = None
    steerable: bool = False
    stopping: bool = False
    urgent: list[Item] = field(default_factory=list)  # run at once, when the run before has ended and a slot is free
    waiting: list[Item] = field(default_factory=list)
    steered: list[Item] = field(default_factory=list)  # given to the active run, not yet taken by it
    settings: Settings = field(default_factory=Settings)
    due_ms: int = 0
    mixed: bool = False  # messages for different conversations have met: one by one until the queue is empty
    dropped: int = 0
    lines: list[str] = field(default_factory=list)

    def is_idle(self) -> bool:
        return not (self.active or self.urgent or self.waiting or self.steered)


class Scheduler:
    def __init__(
        self, new_run_id: Callable[[], str], *, max_pending: int = MAX_PENDING, max_runs: int = MAX_RUNS
    ) -> None:
        self._new_run_id = new_run_id
        self._max_pending = max_pending
        self._max_runs = max_runs
        self._lanes: dict[str, _Lane] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()  # sessions that wait for a slot
        self.pending = 0
        self.running = 0

    # --- questions --------------------------------------------------------------------------------------------

    def active_run(self, session: str) -> Run | None:
        lane = self._lanes.get(session)
        return lane.active if lane is not None else None

    def is_busy(self, session: str) -> bool:
        return session in self._lanes

    def waiting(self, session: str) -> list[Item]:
        lane = self._lanes.get(session)
        return [*lane.steered, *lane.urgent, *lane.waiting] if lane is not None else []

    def sessions(self) -> list[str]:
        return list(self._lanes)

    def find(self, run_id: str) -> str | None:
        """Return the session where a run is active or an item waits under this id."""
        for session, lane in self._lanes.items():
            if (lane.active is not None and lane.active.id == run_id) or any(i.id == run_id for i in _held(lane)):
                return session
        return None

    # --- what happens -----------------------------------------------------------------------------------------

    def submit(self, session: str, item: Item, settings: Settings, now_ms: int) -> Admission:
        """Take a message.

        Raises:
            Overloaded: too much waits, in this session (its cap, drop policy `new`) or in all of them.
        """
        lane = self._lanes.get(session) or _Lane()
        busy = lane.active is not None or bool(lane.urgent)
        action = queueing.admit(
            active=busy,
            waiting=bool(lane.waiting),
            heartbeat=item.heartbeat,
            reset=item.reset,
            follows=settings.mode in ("followup", "collect"),
        )
        if action == "drop":
            return Admission("dropped", [])
        if self.pending >= self._max_pending:
            raise Overloaded("sessions")
        interrupts = settings.mode == "interrupt" or item.reset
        if action == "run-now" and (not busy or interrupts):
            self._lanes[session] = lane
            effects: list[Effect] = [*self._interrupt(session, lane)] if busy else []
            lane.urgent.append(item)
            self.pending += 1
            return Admission("run", effects + self._pump(session, lane, now_ms), interrupted=busy)
        if action == "run-now" and lane.active is not None and lane.steerable and not lane.stopping:
            lane.steered.append(item)
            self.pending += 1
            return Admission("steered", [Settle(session, item)])
        return self._enqueue(session, lane, item, settings, now_ms)

    def set_steerable(self, session: str, run_id: str, steerable: bool) -> None:
        lane = self._lanes.get(session)
        if lane is not None and lane.active is not None and lane.active.id == run_id:
            lane.steerable = steerable

    def take_steered(self, session: str, run_id: str) -> list[Item]:
        """Hand the active run what was put into it, in order."""
        lane = self._lanes.get(session)
        if lane is None or lane.active is None or lane.active.id != run_id or lane.stopping:
            return []
        taken, lane.steered = lane.steered, []
        self.pending -= len(taken)
        return taken

    def finished(self, session: str, run_id: str, now_ms: int) -> list[Effect]:
        """The run has ended, however it did; what it never took runs next, in order."""
        lane = self._lanes.get(session)
        if lane is None or lane.active is None or lane.active.id != run_id:
            return []
        lane.active, lane.steerable, lane.stopping = None, False, False
        self.running -= 1
        lane.waiting[:0] = lane.steered
        if lane.steered:
            lane.steered, lane.due_ms = [], now_ms
        effects = self._pump(session, lane, now_ms)
        return effects + self._fill_slots(now_ms)

    def wake(self, session: str, now_ms: int) -> list[Effect]:
        """A quiet window may be over."""
        lane = self._lanes.get(session)
        return self._pump(session, lane, now_ms) if lane is not None else []

    def cancel(
        self, session: str, run_id: str | None, may_cancel: Callable[[str], bool], now_ms: int
    ) -> tuple[list[str], list[Effect]]:
        """Abort one run or message by id, or everything of a session that `may_cancel(owner)` admits.

        Bypasses every queue. Returns the ids that were cancelled, waiting ones first.
        """
        lane = self._lanes.get(session)
        if lane is None:
            return [], []
        chosen = [i for i in _held(lane) if (run_id is None or i.id == run_id) and may_cancel(i.owner)]
        ids = [item.id for item in chosen]
        effects: list[Effect] = [Cancel(session, item, "rpc") for item in chosen]
        for queue in (lane.urgent, lane.waiting, lane.steered):
            queue[:] = [item for item in queue if item not in chosen]
        self.pending -= len(chosen)
        run = lane.active
        wanted = run is not None and not lane.stopping and (run_id is None or run.id == run_id)
        if run is not None and wanted and all(may_cancel(item.owner) for item in run.items):
            lane.stopping = True
            ids.append(run.id)
            effects.append(Abort(session, run.id, "rpc"))
        return ids, effects + self._pump(session, lane, now_ms)

    def drain(self, session: str) -> list[Item]:
        """Take away everything that waits in a session, as it is being reset or deleted."""
        lane = self._lanes.get(session)
        if lane is None:
            return []
        items = list(_held(lane))
        lane.urgent, lane.waiting, lane.steered = [], [], []
        self.pending -= len(items)
        self._retire(session, lane)
        return items

    # --- inside -----------------------------------------------------------------------------------------------

    def _interrupt(self, session: str, lane: _Lane) -> Iterator[Effect]:
        """Make way for a newer message: what waits to run at once is given up, what runs is told to stop."""
        if lane.active is not None and not lane.stopping:
            lane.stopping = True
            yield Abort(session, lane.active.id, "aborted")
        given_up = lane.urgent + lane.steered
        lane.urgent, lane.steered = [], []
        self.pending -= len(given_up)
        for item in given_up:
            yield Cancel(session, item, "interrupted")

    def _enqueue(self, session: str, lane: _Lane, item: Item, settings: Settings, now_ms: int) -> Admission:
        room = queueing.overflow(len(lane.waiting), settings)
        if not room.accepts:
            raise Overloaded("session queue")
        self._lanes[session] = lane
        lost = [lane.waiting[at] for at in room.victims]
        if lost:
            lane.waiting = [one for at, one in enumerate(lane.waiting) if at not in room.victims]
            self.pending -= len(lost)
            if settings.drop == "summarize":
                lane.dropped += len(lost)
                lane.lines = [*lane.lines, *(queueing.summary_line(one.text) for one in lost)][-settings.cap :]
        lane.waiting.append(item)
        self.pending += 1
        lane.settings = settings
        lane.due_ms = now_ms + settings.debounce_ms
        lane.mixed = lane.mixed or any(one.context != item.context for one in lane.waiting)
        effects: list[Effect] = [Lose(session, one, "queue-overflow") for one in lost]
        return Admission("waiting", [*effects, Settle(session, item), *self._pump(session, lane, now_ms)])

    def _pump(self, session: str, lane: _Lane, now_ms: int) -> list[Effect]:
        """Start what may start in one session, or say when to look again."""
        if lane.active is not None:
            return []
        if not lane.urgent and not lane.waiting:
            self._ready.pop(session, None)
            self._retire(session, lane)
            return []
        if not lane.urgent and now_ms < lane.due_ms:
            return [Wake(session, lane.due_ms - now_ms)]
        if self.running >= self._max_runs or (self._ready and session not in self._ready):
            self._ready.setdefault(session)
            return []
        return [self._start(session, lane)]

    def _start(self, session: str, lane: _Lane) -> Start:
        self._ready.pop(session, None)
        note = queueing.overflow_note(lane.dropped, lane.lines) if lane.dropped else ""
        if lane.urgent:
            item = lane.urgent.pop(0)
            run = Run(item.id, (item,), f"{note}\n\n{item.text}" if note else item.text)
        else:
            collects = lane.settings.mode == "collect" and not lane.mixed
            items = tuple(lane.waiting[: self._joined(lane) if collects else 1])
            del lane.waiting[: len(items)]
            if collects:
                prompt = queueing.collect_prompt([(one.sender, one.text) for one in items], note)
            else:
                prompt = f"{note}\n\n{items[0].text}" if note else items[0].text
            run = Run(self._new_run_id(), items, prompt)
        lane.dropped, lane.lines = 0, []
        lane.mixed = lane.mixed and bool(lane.waiting)
        lane.active = run
        self.pending -= len(run.items)
        self.running += 1
        return Start(session, run)

    def _joined(self, lane: _Lane) -> int:
        waiting = lane.waiting
        return queueing.joinable([one.context for one in waiting], lambda at: waiting[at].joins)

    def _fill_slots(self, now_ms: int) -> list[Effect]:
        """Give free slots to the sessions that have waited longest."""
        effects: list[Effect] = []
        while self._ready and self.running < self._max_runs:
            session = next(iter(self._ready))
            effects += self._pump(session, self._lanes[session], now_ms)
            self._ready.pop(session, None)
        return effects

    def _retire(self, session: str, lane: _Lane) -> None:
        if lane.is_idle():
            self._lanes.pop(session, None)
            self._ready.pop(session, None)


def _held(lane: _Lane) -> Iterator[Item]:
    yield from lane.steered
    yield from lane.urgent
    yield from lane.waiting
