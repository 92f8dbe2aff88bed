"""One account of a channel, running: receives, hands over, sends, and says how it is.

Knows no provider and no session: a driver says what to do, `wires` do it, `handle` takes the messages. Invariant: the
order of every way in is the same: read, on disk, acknowledged; a provider that fails is asked again with growing pauses
and one that refuses us for good is left alone, with the reason in `status`.
"""

import contextlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, cast

from gw.channels.base import (
    AccountConfig,
    Answer,
    Call,
    Capabilities,
    ChannelStopped,
    Dial,
    Driver,
    Hooked,
    HookRequest,
    Hooks,
    Http,
    Inbound,
    Outbound,
    Polls,
    Receipt,
    SendLater,
    SendRefused,
    Sockets,
)
from gw.channels.cursor import Cursor
from gw.channels.ingress import Ingress
from gw.channels.journal import Journal
from gw.channels.outbox import Outbox
from gw.channels.pace import Pace
from gw.channels.sockets import converse
from gw.errors import Expired, GwError, Overloaded, StoreError, UpstreamError
from gw.ports import Clock, Json, Offload, Tasks

logger = logging.getLogger(__name__)

DIAL_S: Final = 20.0
COURTESY_S: Final = 5.0
REFUSALS_EVERY_S: Final = 60.0
POLL_LEAST_S: Final = 0.5
STOP_POLL_S: Final = 0.02
STEADY_S: Final = 30.0  # a socket that lasted so long was a good one


class Wires(NamedTuple):
    """What an account needs of the outside. `long_http` waits long without keeping others from `http`."""

    http: Http
    long_http: Http
    dial: Dial
    clock: Clock
    tasks: Tasks
    store: Offload
    sleep: Callable[[float], object]


class Account:
    """base.ChannelAccount."""

    def __init__(
        self,
        driver: Driver,
        config: AccountConfig,
        folder: Path,
        wires: Wires,
        handle: Callable[[Inbound], object],
        wait_s: Callable[[Inbound], float] = lambda message: 0.0,
    ) -> None:
        """`folder` is this account's own; `wait_s` is `Ingress`'s. Call `load` before anything else."""
        self.config = config
        self._driver = driver
        self._wires = wires
        self._received_journal = Journal(folder / "received.jsonl", wires.store)
        self._sent_journal = Journal(folder / "sending.jsonl", wires.store)
        self._cursor = Cursor(folder / "cursor.json", wires.store)
        self._ingress = Ingress(self._received_journal, handle, wait_s, wires.clock, wires.tasks, wires.sleep)
        self._outbox = Outbox(
            driver,
            wires.http,
            self._sent_journal,
            wires.clock,
            wires.tasks,
            wires.sleep,
            config.options.get("textChunkLimit"),
        )
        self._state = "starting"
        self._reason = ""
        self._is_met = False
        self._counts = {"received": 0, "repeated": 0, "refused": 0, "sent": 0, "failed": 0}
        self._refusal_logged: float | None = None
        self._last_inbound_ms: int | None = None
        self._last_outbound_ms: int | None = None

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    def load(self) -> None:
        """Take over what the last process left, and go on with it: `handle` may be called from now on.

        Raises StoreError.
        """
        self._received_journal.load()
        self._sent_journal.load()
        self._cursor.load()
        self._ingress.resume()
        self._outbox.resume()

    def stop(self, seconds: float) -> None:
        """Begin nothing new, and wait for the calls whose answers say what must not be sent again."""
        self._ingress.stop()
        self._outbox.stop()
        until = self._wires.clock.monotonic() + seconds
        while self._outbox.asking and self._wires.clock.monotonic() < until:
            self._wires.sleep(STOP_POLL_S)

    # --- receiving --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Receive until killed; returns when there is nothing (more) to receive."""
        pace = Pace(self._wires.sleep)
        receive = {"poll": self._poll, "socket": self._socket}.get(self.config.transport)
        try:
            self._until_done(self._introduce, pace)
            self._set("running")
            while receive is not None:
                self._until_done(receive, pace)
        except ChannelStopped as stopped:
            self._set("stopped", str(stopped))
            logger.error("channels.stopped", extra={**self._facts(), "reason": str(stopped)})

    def _until_done(self, step: Callable[[Pace], object], pace: Pace) -> None:
        """Repeat a step that fails until it does not."""
        while True:
            try:
                step(pace)
            except (SendLater, SendRefused, UpstreamError, Expired, Overloaded, StoreError) as error:
                reason = getattr(error, "reason", "") or str(error)
                self._set("retrying", reason)
                logger.warning("channels.retrying", extra={**self._facts(), "reason": reason})
                pace.failed(getattr(error, "after_s", None))
            else:
                return

    def _introduce(self, pace: Pace) -> None:
        question = self._driver.hello()
        while question is not None:
            question = self._driver.met(self._exchange(self._wires.http, question))
        self._is_met = True

    def _poll(self, pace: Pace) -> None:
        driver = cast(Polls, self._driver)
        while True:
            cursor, began = self._cursor.value, self._wires.clock.monotonic()
            polled = driver.polled(self._exchange(self._wires.long_http, driver.poll(cursor)), cursor)
            self._take(polled.inbound, polled.calls)
            self._cursor.save(polled.cursor)
            pace.worked()
            self._set("running")
            left_s = began + POLL_LEAST_S - self._wires.clock.monotonic()
            if polled.cursor == cursor and left_s > 0:  # nothing new, said at once: no use in asking at once
                self._wires.sleep(left_s)

    def _socket(self, pace: Pace) -> None:
        driver = cast(Sockets, self._driver)
        where = driver.locate(self._cursor.value)
        url = where if isinstance(where, str) else driver.located(self._exchange(self._wires.http, where))
        socket = self._wires.dial(url, DIAL_S)
        talk = driver.converse(self._cursor.value, self._wires.clock.monotonic())
        began, pause_s = self._wires.clock.monotonic(), 0.0
        with contextlib.closing(converse(socket, talk, self._wires.clock)) as turns:
            for turn in turns:
                self._take(turn.inbound, turn.calls)
                self._cursor.save(talk.cursor, lazily=not (turn.inbound or turn.is_over))
                pause_s = turn.pause_s
                self._set("running" if not turn.is_over else "retrying")
        if self._wires.clock.monotonic() - began >= STEADY_S:
            pace.worked()  # what ends at once again and again must not be tried at once again and again
        pace.failed(None, least_s=pause_s)

    def _take(self, inbound: tuple[Inbound, ...], calls: tuple[Call, ...]) -> None:
        """On disk when this returns. Raises Overloaded, StoreError: the provider will tell it again."""
        if inbound:
            taken = self._ingress.take(inbound)
            self._counts["received"] += taken
            self._counts["repeated"] += len(inbound) - taken
            self._last_inbound_ms = self._wires.clock.now_ms()
        for call in calls:
            self._wires.tasks.spawn(self._attempt, call)

    def hook(self, request: HookRequest) -> Hooked:
        if self.config.transport != "webhook":
            return Hooked(404, reason="transport")
        if not self._is_met:  # without knowing who we are we would answer ourselves
            return Hooked(503, reason="starting")
        try:
            hooked = cast(Hooks, self._driver).hook(request, self._wires.clock.now_ms())
            self._take(hooked.inbound, hooked.calls)
        except (Overloaded, StoreError):
            return Hooked(503, reason="busy")
        if hooked.reason:
            self._refused(hooked.reason)
        return hooked

    def _refused(self, reason: str) -> None:
        """Strangers decide how many there are, so a minute of them is one line."""
        self._counts["refused"] += 1
        now = self._wires.clock.monotonic()
        if self._refusal_logged is None or now - self._refusal_logged >= REFUSALS_EVERY_S:
            self._refusal_logged = now
            logger.warning(
                "channels.hook_refused", extra={**self._facts(), "reason": reason, "refused": self._counts["refused"]}
            )

    # --- sending ----------------------------------------------------------------------------------------------

    def send(self, out: Outbound, done: Callable[[Receipt], object] | None = None) -> None:
        def finished(receipt: Receipt) -> None:
            self._counts["failed" if receipt.error else "sent"] += 1
            self._last_outbound_ms = self._wires.clock.now_ms()
            if done is not None:
                done(receipt)

        self._outbox.send(out, finished)

    def typing(self, chat_id: str, thread_id: str = "") -> None:
        try:
            call = self._driver.typing(chat_id, thread_id)
        except SendRefused:
            return
        if call is not None:
            self._attempt(call)

    def _attempt(self, call: Call) -> None:
        """A courtesy: no answer of it matters."""
        try:
            self._exchange(self._wires.http, call._replace(timeout_s=COURTESY_S))
        except GwError:
            logger.debug("channels.courtesy_failed", extra=self._facts())

    def _exchange(self, http: Http, call: Call) -> Answer:
        return Answer(*http.exchange(*call))

    # --- how it is --------------------------------------------------------------------------------------------

    def status(self) -> Mapping[str, Json]:
        return {
            "accountId": self.config.account,
            "transport": self.config.transport,
            "running": self._state == "running",
            "state": self._state,
            "lastError": self._reason or None,
            "lastInboundAt": self._last_inbound_ms,
            "lastOutboundAt": self._last_outbound_ms,
            "waiting": {"in": len(self._ingress), "out": len(self._outbox)},
            **self._counts,
        }

    def _set(self, state: str, reason: str = "") -> None:
        self._state, self._reason = state, reason

    def _facts(self) -> dict[str, str]:
        return {"channel": self.config.channel, "account": self.config.account}
