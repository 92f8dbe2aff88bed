"""Heartbeats: from time to time an agent is asked whether anything needs attention, with what has been left for it.

Knows errands, not clocks on the wall. Invariant: a heartbeat never waits behind a run; events left for one that
did not begin wait for the next, unless the policy blocked them; they are bounded per session, and answers that say
nothing go nowhere.

Source: openclaw/ROUTING.md section 11.
"""

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Final

from gw.errors import Blocked, GwError
from gw.methods.errands import Errand, Errands
from gw.ports import Clock, Json

logger = logging.getLogger(__name__)

PROMPT: Final = "Look whether anything needs attention now. If nothing does, answer NO_REPLY."
MOST_EVENTS: Final = 100  # left for one session
LEAST_BETWEEN_MS: Final = 30_000  # wake-ups of one session


class Heartbeats:
    """`every` maps agents to milliseconds; an agent that is not in it has no cadence. `tell` hears of each one."""

    def __init__(
        self,
        errands: Errands,
        clock: Clock,
        every: Mapping[str, int],
        main_key: Callable[[str], str],
        tell: Callable[[Json], object] = lambda last: None,
    ) -> None:
        self._errands = errands
        self._clock = clock
        self._every = dict(every)
        self._main_key = main_key
        self._tell = tell
        self._left: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=MOST_EVENTS))
        self._last_ms: dict[str, int] = {}
        self._wanted: dict[str, None] = {}  # sessions to be asked as soon as may be
        self._began_ms = clock.now_ms()
        self.last: Json = None  # what `last-heartbeat` answers
        self.enabled = True

    def leave(self, key: str, text: str) -> None:
        """Leave an event for a session's next heartbeat."""
        self._left[key].append(text)

    def has_cadence(self, agent: str) -> bool:
        return self.enabled and bool(self._every.get(agent))

    def want(self, key: str) -> None:
        """Ask a session as soon as it is free, cadence or not."""
        self._wanted[key] = None

    def beat(self) -> None:
        """Start what is due; called about once a second."""
        now = self._clock.now_ms()
        for key in [key for key in self._wanted if self.wake(key)]:
            self._wanted.pop(key, None)
        for agent, every in self._every.items():
            key = self._main_key(agent)
            if self.enabled and every and now - self._last_ms.get(key, self._began_ms) >= every:
                self.wake(key)

    def wake(self, key: str) -> bool:
        """Ask one session now; False while its last time was a moment ago, or when it is busy or stopped."""
        now = self._clock.now_ms()
        if now - self._last_ms.get(key, -LEAST_BETWEEN_MS) < LEAST_BETWEEN_MS:
            return False
        self._last_ms[key] = now
        events = list(self._left.pop(key, ()))
        text = "\n\n".join((*events, PROMPT)) if events else PROMPT
        run_id, target = f"heartbeat:{key}:{now}", self._errands.last_target(key)
        try:
            answer = self._errands.start(
                Errand("heartbeat", "heartbeat", key, run_id, text, deliver=target, heartbeat=True)
            )
        except GwError as error:
            logger.warning("heartbeat.failed", extra={"error": type(error).__name__})
            answer = {"status": "error"}
            if isinstance(error, Blocked):
                events = []  # or one of them would stop every heartbeat from now on
        started = bool(answer["status"] == "started")
        if not started:  # it will be asked again; what was left for it stays
            self._left[key].extendleft(reversed(events))
        self.last = {"ts": now, "status": "sent" if started else "skipped", "sessionKey": key}
        self._tell(self.last)
        return started
