"""The gateway behind the guard: how to reach it, and how long to leave it alone after it could not be reached.

Knows nothing of what is said. Invariant: a gateway that is down is tried by one caller at a time, at growing and
jittered intervals; the others wait for that one's outcome, within their patience.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from gw.errors import UpstreamError
from gw.hub import sleep
from gw.net.dial import DialOptions, Headers, Opened, Refused, Target, open_stream, open_websocket
from gw.ports import Clock

logger = logging.getLogger(__name__)

FIRST_S: Final = 0.1
MOST_S: Final = 4.0
JITTER: Final = 0.5  # of a pause, taken off at random, so that many do not come back at once
PATIENCE_S: Final = 3.0  # a new connection waits this long for a gateway that restarts
POLL_S: Final = 0.05
KNOCK_S: Final = 1.0  # how long a start waits for an answer
WATCH_S: Final = 5.0
DO: Final = "start it, or correct upstream.url; it is tried again by itself"

T = TypeVar("T")


class Backoff:
    """Pauses that double up to a bound, each shortened at random."""

    def __init__(
        self, first_s: float = FIRST_S, most_s: float = MOST_S, chance: Callable[[], float] = random.random
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._chance = chance
        self._next_s = first_s

    def pause_s(self) -> float:
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, self._most_s)
        return pause_s * (1 - JITTER * self._chance())

    def reset(self) -> None:
        self._next_s = self._first_s


class Upstream:
    """Opens connections; `is_up` says how the last attempt went."""

    def __init__(self, target: Target, options: DialOptions, clock: Clock, backoff: Backoff | None = None) -> None:
        self.target = target
        self.options = options
        self.is_up = True
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._not_before = 0.0  # monotonic; while it is down
        self._trying = False

    def websocket(self, headers: Headers, resource: str) -> Opened:
        """Raises UpstreamError: `Refused` when there was an answer."""
        options = replace(self.options, headers=headers)
        return self._attempt(lambda: open_websocket(self.target._replace(resource=resource), options))

    def stream(self) -> Any:
        """A connected socket for one HTTP request. Raises UpstreamError."""
        options = self.options
        return self._attempt(lambda: open_stream(self.target, options.tls_ca, options.connect_timeout_s))

    def knock(self) -> bool:
        """Is anybody there? For nobody's request."""
        try:
            self._try(lambda: open_stream(self.target, self.options.tls_ca, KNOCK_S)).close()
        except UpstreamError:
            return False
        return True

    def watch(self) -> None:
        """For ever: knock while it is away, so that log and `status` tell when it is back though nobody connects."""
        while True:
            sleep(WATCH_S)
            if not (self.is_up or self._trying):
                self.knock()

    def _attempt(self, connect: Callable[[], T]) -> T:
        give_up = self._clock.monotonic() + PATIENCE_S
        while True:
            self._wait_for_turn(give_up)
            try:
                return self._try(connect)
            except Refused:
                raise
            except UpstreamError:
                if self._clock.monotonic() >= give_up:
                    raise

    def _wait_for_turn(self, give_up: float) -> None:
        """While it is down, only one may knock, and not before the pause is over."""
        while not self.is_up and (self._trying or self._clock.monotonic() < self._not_before):
            if self._clock.monotonic() >= give_up:
                raise UpstreamError(f"{self.target} is not there")
            sleep(POLL_S)

    def _try(self, connect: Callable[[], T]) -> T:
        self._trying = True
        try:
            opened = connect()
        except Refused:
            self._note(is_up=True)
            raise
        except UpstreamError as error:
            self._note(is_up=False, why=str(error))
            raise
        finally:
            self._trying = False
        self._note(is_up=True)
        return opened

    def _note(self, *, is_up: bool, why: str = "") -> None:
        if is_up:
            self._backoff.reset()
        else:
            self._not_before = self._clock.monotonic() + self._backoff.pause_s()
        if is_up != self.is_up:
            self.is_up = is_up
            logger.warning("upstream.back" if is_up else "upstream.lost", extra={"why": why, "fix": DO} if why else {})
