"""The gevent vocabulary of the project: clock, greenlets, deadlines, queues, gates and native thread pools.

Knows nothing of protocol, policies or sockets. Invariant: everything here is bounded (a queue has a size, a wait a
deadline, a pool a number of jobs), and a full one answers `Overloaded` instead of growing.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast

import gevent
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.queue import Empty, Full, Queue
from gevent.threadpool import ThreadPool

from gw.errors import Expired, Overloaded
from gw.observe.health import LoopSample

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

LAG_INTERVAL_S = 0.5
RESTART_FIRST_S = 0.1
RESTART_MOST_S = 30.0
MOST_IDLE = 32  # greenlets of a crew; each keeps about 20 KB
STEADY_S = 60.0  # a task that ran this long starts over with the first pause


class SystemClock:
    """ports.Clock; the only place that reads the time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    monotonic = staticmethod(time.monotonic)


class Task(Protocol):
    """A running greenlet, as much of it as others need."""

    dead: bool

    def kill(self, *, block: bool = True, timeout: float | None = None) -> None: ...

    def join(self, timeout: float | None = None) -> None: ...


def spawn(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Task:
    """Start a greenlet for something short; what must keep running belongs to a Supervisor."""
    return cast(Task, gevent.spawn(_guarded, function, args, kwargs))


def _guarded(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        function(*args, **kwargs)
    except Exception:  # boundary: gevent itself would print the traceback, with whatever data it quotes
        logger.exception("greenlet.crashed", extra={"function": getattr(function, "__qualname__", "?")})


class Crew:
    """Greenlets that are kept for the next job: to make one and its stack costs more than most requests do."""

    def __init__(self, most_idle: int = MOST_IDLE) -> None:
        self._most_idle = most_idle
        self._idle: list[Any] = []
        self._jobs: deque[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = deque()

    def spawn(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """As `hub.spawn`, for a job that nobody waits for or ends."""
        self._jobs.append((function, args, kwargs))
        if self._idle:
            gevent.get_hub().loop.run_callback(self._idle.pop().switch)
        else:
            gevent.spawn(self._work)

    def spawn_now(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """As `spawn`, but where a callback of the loop asks, the job runs at once, up to its first wait.

        Elsewhere it has to wait its turn: when a job waits the loop goes on, and the asker would not.
        """
        if gevent.getcurrent() is not gevent.get_hub():
            self.spawn(function, *args, **kwargs)
            return
        self._jobs.appendleft((function, args, kwargs))
        worker = self._idle.pop() if self._idle else gevent.Greenlet(self._work)
        worker.switch()

    def _work(self) -> None:
        """One job each time somebody wakes this greenlet."""
        while True:
            _guarded(*self._jobs.popleft())
            if len(self._idle) >= self._most_idle:
                return
            self._idle.append(gevent.getcurrent())
            gevent.get_hub().switch()


def sleep(seconds: float) -> None:
    gevent.sleep(seconds)


def on_signal(number: int, function: Callable[[], object]) -> None:
    """Call *function* in a greenlet of its own whenever the process gets this signal."""
    gevent.signal_handler(number, function)


class Greenlets:
    """ports.Tasks."""

    def spawn(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Task:
        return spawn(function, *args, **kwargs)

    def after(self, delay_s: float, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Task:
        return cast(Task, gevent.spawn_later(delay_s, _guarded, function, args, kwargs))

    def latch(self) -> "Latch":
        return Latch()


class Latch:
    """ports.Latch."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        return bool(self._event.wait(timeout_s))


class Deadline:
    """Raises Expired in the waiting greenlet once *seconds* have passed; it cannot interrupt what does not wait.

    Most work is done before the loop has its turn, and then there never was a timer.
    """

    def __init__(self, seconds: float, what: str) -> None:
        self._seconds = seconds
        self._what = what
        self._timer: Any = None

    def __enter__(self) -> "Deadline":
        self._until = time.monotonic() + self._seconds
        self._greenlet = gevent.getcurrent()
        self._arming = gevent.get_hub().loop.run_callback(self._arm)
        return self

    def _arm(self) -> None:
        left_s = max(0.0, self._until - time.monotonic())
        self._timer = gevent.get_hub().loop.timer(left_s, priority=-1)
        expired = Expired(f"{self._what} took longer than {self._seconds:g} s")
        self._timer.start(self._greenlet.throw, expired, update=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._arming.stop()
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()


class BoundedQueue(Generic[T]):
    """Hands items from greenlets to a greenlet; `where` names it in Overloaded and metrics."""

    def __init__(self, size: int, where: str) -> None:
        self.where = where
        self._queue = Queue(maxsize=size)

    def __len__(self) -> int:
        return cast(int, self._queue.qsize())

    def put(self, item: T) -> None:
        """Raises Overloaded at once when full."""
        try:
            self._queue.put_nowait(item)
        except Full:
            raise Overloaded(self.where) from None

    def get(self, timeout_s: float) -> T:
        """Raises Expired when nothing came in time."""
        try:
            return cast(T, self._queue.get(timeout=timeout_s))
        except Empty:
            raise Expired(f"nothing in {self.where} within {timeout_s:g} s") from None


class Gate:
    """Lets *capacity* greenlets in at once; others wait, at most *queue* of them and at most *timeout_s* each."""

    def __init__(self, capacity: int, queue: int, timeout_s: float, where: str) -> None:
        self.where = where
        self.waiting = 0
        self._queue = queue
        self._timeout_s = timeout_s
        self._free = Semaphore(capacity)

    def admit(self) -> "Gate":
        """To be entered, which raises Overloaded when the queue is full or the turn does not come in time."""
        return self

    def __enter__(self) -> None:
        if not self._free.acquire(blocking=False):
            self._wait()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._free.release()

    def _wait(self) -> None:
        if self.waiting >= self._queue:
            raise Overloaded(self.where)
        self.waiting += 1
        try:
            if not self._free.acquire(timeout=self._timeout_s):
                raise Overloaded(self.where)
        finally:
            self.waiting -= 1


class OffloadPool:
    """ports.Offload: native threads of our own, so that a slow disk never delays gevent's name look-ups.

    A job that outlives its waiter's deadline keeps its thread: long jobs take a cancel flag and look at it.
    """

    def __init__(self, name: str, workers: int, queue: int) -> None:
        self.name = name
        self.running = 0  # jobs submitted and not answered, those that wait for a thread included
        self._most = workers + queue
        self._pool = ThreadPool(workers)

    def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self.running >= self._most:
            raise Overloaded(self.name)
        self.running += 1
        try:
            outcome = self._pool.spawn(self._job, job, args, kwargs).get()
        finally:
            self.running -= 1
        if isinstance(outcome, _Failed):
            raise outcome.error
        return cast(R, outcome)

    def _job(self, job: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> "R | _Failed":
        try:
            return job(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  (raised again by the waiter; gevent would print it here)
            return _Failed(error)

    def close(self) -> None:
        """Let the threads end once they are idle."""
        self._pool.maxsize = 0


class _Failed:
    """How a job's exception travels from its thread to the greenlet that waits."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Restart(Enum):
    """What a Supervisor does when a task ends."""

    ALWAYS = "always"
    ON_ERROR = "on-error"
    NEVER = "never"


class Supervisor:
    """Owns the greenlets that must keep running; they stop in the reverse order of their start."""

    def __init__(self, clock: SystemClock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._tasks: dict[str, Task] = {}

    def start(self, name: str, run: Callable[[], object], restart: Restart = Restart.ALWAYS) -> None:
        """Run *run* in a greenlet called *name*. ValueError: one of that name runs already."""
        running = self._tasks.pop(name, None)
        if running is not None and not running.dead:
            self._tasks[name] = running
            raise ValueError(f"task {name} runs already")
        self._tasks[name] = cast(Task, gevent.spawn(self._keep, name, run, restart))

    def _keep(self, name: str, run: Callable[[], object], restart: Restart) -> None:
        pause_s = RESTART_FIRST_S
        while True:
            began = self._clock.monotonic()
            try:
                run()
                if restart is not Restart.ALWAYS:
                    return
                logger.warning("task.ended", extra={"task": name})
            except gevent.GreenletExit:
                return
            except Exception:  # boundary: a task's failure must not end the others
                logger.exception("task.crashed", extra={"task": name, "restart": restart.value})
                if restart is Restart.NEVER:
                    return
            if self._clock.monotonic() - began >= STEADY_S:
                pause_s = RESTART_FIRST_S
            gevent.sleep(pause_s)
            pause_s = min(pause_s * 2, RESTART_MOST_S)

    def running(self) -> list[str]:
        return [name for name, task in self._tasks.items() if not task.dead]

    def end(self, name: str, timeout_s: float) -> bool:
        """Stop one task, which `start` may start anew; whether it has ended in time (also: there was none)."""
        task = self._tasks.get(name)
        if task is None:
            return True
        task.kill(block=True, timeout=timeout_s)
        return task.dead

    def stop(self, timeout_s: float) -> list[str]:
        """Stop every task, last started first; returns the names of those that did not end within *timeout_s*."""
        until = self._clock.monotonic() + timeout_s
        stuck = []
        for name in reversed(list(self._tasks)):
            task = self._tasks.pop(name)
            # Even with nothing left, a task gets one switch to hear that it is over.
            task.kill(block=True, timeout=max(0.001, until - self._clock.monotonic()))
            if not task.dead:
                stuck.append(name)
        if stuck:
            logger.error("task.stuck", extra={"tasks": ",".join(stuck)})
        return stuck


def probe_lag(sample: Callable[[LoopSample], None], interval_s: float = LAG_INTERVAL_S) -> None:
    """Measure for ever how late the loop wakes this greenlet; run it under a Supervisor."""
    at, cpu = time.monotonic(), time.process_time()
    while True:
        gevent.sleep(interval_s)
        now, cpu_now = time.monotonic(), time.process_time()
        elapsed = now - at
        sample(LoopSample(max(0.0, elapsed - interval_s) * 1000, elapsed * 1000, (cpu_now - cpu) * 1000))
        at, cpu = now, cpu_now
