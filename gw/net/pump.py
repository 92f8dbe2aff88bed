"""One WebSocket connection after the 101: joins a stream of frames to a Peer and looks after everything that is rare.

Knows nothing of JSON, methods or HTTP. Invariant: one read per wake-up and a bounded number of messages per turn, so a
chatty peer never holds the hub; what is queued for a peer is bounded in bytes; the Peer hears `closed` exactly once,
and then nothing here refers to it any more.

Everything runs on the hub inside libev callbacks; there is no greenlet per connection. What every message passes is
compiled (`_native.wsstream.Stream`, which calls back for the rest).
"""

import logging
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

import gevent

from gw import limits
from gw._native.wsframe import PING, PONG, Decoder, encode, encode_close, parse_close
from gw._native.wsstream import Flusher, Outbox
from gw.net.transport import Event, Transport
from gw.ports import Peer

logger = logging.getLogger(__name__)

READ, WRITE = 1, 2  # libev's event bits
CHOKE_BYTES = 256 * 1024  # with this much unsent, what the peer asks next is not read yet
LOST = 1006  # RFC 6455 section 7.1.5: the stream ended without a close frame


class State(Enum):
    OPEN = "open"
    CLOSING = "closing"  # our close frame is queued or sent; only the peer's is still of interest
    CLOSED = "closed"


class PumpLimits(NamedTuple):
    message_bytes: int = limits.PREAUTH_MESSAGE_BYTES
    fragments: int = limits.MAX_FRAGMENTS
    buffered_bytes: int = limits.MAX_BUFFERED_BYTES
    close_grace_s: float = limits.CLOSE_GRACE_S
    say_why: bool = True  # in the close frame of a violation; upstream sends the code alone


def make_flusher() -> Flusher:
    """One for all connections of a server."""
    return Flusher(gevent.get_hub().loop.run_callback)


class Gone:
    """The owner of a stream that is closed: whatever still happens in the turn that closed it is of no interest."""

    def control(self, opcode: int, payload: bytes) -> None: ...

    def paused(self, events: list[Event]) -> None: ...

    def crashed(self, error: Exception) -> None: ...

    def lost(self) -> None: ...

    def overflowed(self) -> None: ...

    def settle(self) -> None: ...

    def settle_writing(self, left: int) -> None: ...


GONE = Gone()


class Connection:
    """A ports.Link, and the owner of its stream."""

    __slots__ = (
        "_choked",
        "_close_after",
        "_close_grace_s",
        "_full",
        "_half",
        "_held",
        "_is_client",
        "_loop",
        "_most",
        "_on_closed",
        "_on_room",
        "_paused",
        "_peer",
        "_pinged",
        "_reader",
        "_reading",
        "_say_why",
        "_state",
        "_status",
        "_timers",
        "_transport",
        "_turn",
        "_writer",
        "send",
        "send_event",
        "send_frame",
        "stream",
    )

    def __init__(
        self,
        transport: Transport,
        flusher: Flusher,
        pump_limits: PumpLimits,
        on_closed: "Callable[[Connection], None]",
        *,
        is_client: bool = False,
    ) -> None:
        """`is_client`: we dialled. Frames leave masked, so there are no prepared ones and no broadcasts to send."""
        self._is_client = is_client
        self._transport = transport
        self._most = pump_limits.buffered_bytes
        self._close_grace_s = pump_limits.close_grace_s
        self._say_why = pump_limits.say_why
        self._on_closed = on_closed
        self._loop = gevent.get_hub().loop
        decoder = Decoder(
            max_message_bytes=pump_limits.message_bytes, max_fragments=pump_limits.fragments, client=is_client
        )
        outbox = Outbox(partial(encode, masked=True)) if is_client else Outbox()
        self.stream = transport.stream(decoder, outbox, flusher, self._most)
        self.stream.owner = self
        self.stream.is_open = True
        self.send = self.stream.send
        self.send_frame = self.stream.send_frame
        self.send_event = self.stream.send_event
        self._peer: Peer | None = None
        self._state = State.OPEN
        self._status = (LOST, "")  # what the Peer will be told
        self._held: list[Event] = []  # decoded, but the Peer asked to pause
        self._paused = False
        self._choked = False
        self._full = False  # too much waits here
        self._on_room: Callable[[], object] | None = None
        self._close_after = False  # the peer's close frame is here: close once ours is out
        self._half = False  # our side of the stream is ended
        self._pinged = False
        self._timers: set[Any] = set()
        self._reader: Any = self._loop.io(transport.fd, READ)
        self._reading = False
        self._writer: Any = None
        self._turn: Any = None

    # --- ports.Link (the three ways to send are the stream's) -----------------------------------------------------

    @property
    def buffered_bytes(self) -> int:
        return self.stream.outbox.size

    def close(self, code: int, reason: str = "") -> None:
        if self._state is State.OPEN:
            self._begin_close(code, reason)

    def send_as(self, opcode: int, payload: bytes) -> None:
        """`send` for a message that need not be text; what came as `stream.opcode` leaves as such."""
        if self.stream.is_open:
            self.stream.outbox.push_message(opcode, payload)
            self.stream.flush_later()

    def send_now(self, opcode: int, payload: bytes) -> None:
        """`send_as` for what has waited already: the end of the turn, with what else comes in it, would be too late."""
        if self.stream.is_open:
            self.stream.outbox.push_message(opcode, payload)
            self.stream.flush_now()

    def has_room(self) -> bool:
        """Whether little enough waits here to take more; the kernel is asked first."""
        if self.stream.outbox.size > CHOKE_BYTES:
            self.stream.flush()
        return self.stream.outbox.size <= CHOKE_BYTES

    def watch_room(self, tell: Callable[[], object]) -> None:
        """For what is sent here on behalf of others: they slow down by `has_room`, and *tell* them when there is some.

        Without it, what this peer asks next is not read while too much waits for it.
        """
        self._on_room = tell

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._take_turn_soon()

    def limit_messages(self, most_bytes: int) -> None:
        self.stream.decoder.max_message_bytes = most_bytes

    def call_later(self, seconds: float, function: Callable[[], object]) -> Callable[[], None]:
        timer = self._loop.timer(seconds)

        def cancel() -> None:
            self._timers.discard(timer)
            timer.stop()
            timer.close()

        def fire() -> None:
            cancel()
            self._guard(function)

        if self._state is State.CLOSED:
            timer.close()
            return lambda: None
        self._timers.add(timer)
        timer.start(fire)
        return cancel

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self, make_peer: Callable[[], Peer], early: bytes) -> None:
        """Begin with *early*, the bytes that came right behind the upgrade request."""

        def open_peer() -> None:
            self._peer = make_peer()
            self.stream.message = self._peer.message
            self._peer.opened()

        self._guard(open_peer)
        self.stream.take(self.stream.decoder.feed(early, limits.MESSAGES_PER_TURN))

    def tick(self) -> None:
        """Called at a steady interval: ping a peer that was silent for one."""
        if self.stream.heard:
            self._pinged = False
        elif self._state is State.OPEN and not self._pinged:
            self._pinged = True
            self.stream.outbox.push_message(PING, b"")
            self.stream.flush_later()
            self.call_later(limits.PONG_TIMEOUT_S, self._expect_life)
        self.stream.heard = False

    def _expect_life(self) -> None:
        if self._pinged and not self.stream.heard:
            self.close(1011, "keepalive ping timeout")

    def abort(self) -> None:
        """Close at once, without a word to the other side."""
        self.lost()

    # --- what the stream leaves to its owner: reading -----------------------------------------------------------

    def control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            if self._state is State.OPEN:
                self.stream.outbox.push_message(PONG, payload)
        elif opcode != PONG:
            self._close_after = True
            if self._state is State.OPEN:
                code, reason = parse_close(payload)
                self._begin_close(code, "")
                self._status = (code, reason)

    def paused(self, events: list[Event]) -> None:
        self._paused = True
        self._held = events
        self.stream.is_calm = False

    def crashed(self, error: Exception) -> None:
        """A fault of ours in one connection must not reach the loop."""
        logger.error("peer.crashed", exc_info=error)
        self.close(1011, "internal error")

    def settle(self) -> None:
        """A turn left a violation, or input that is already here, or the Peer or the kernel wants a pause."""
        failure = self.stream.decoder.failure
        if failure is not None and not self._held:
            code, reason = failure
            self.close(code, reason if self._say_why else "")
        self._settle_reading()

    def _settle_reading(self) -> None:
        """Read exactly when somebody wants what would be read; come back soon for what is here already."""
        if self._state is State.CLOSED:
            return
        wanted = self._state is State.CLOSING or not (self._paused or self._choked)
        ahead = wanted and self._state is State.OPEN and (bool(self._held) or self.stream.decoder.has_more)
        if ahead:
            self._take_turn_soon()
        if (wanted and not ahead) != self._reading:
            self._reading = not self._reading
            if self._reading:
                self._reader.start(self.stream.turn)
            else:
                self._reader.stop()
        self._settle_calm()

    def _settle_calm(self) -> None:
        self.stream.is_calm = self._state is State.OPEN and self._reading and self._writer is None

    def _take_turn_soon(self) -> None:
        """Another turn after the others had theirs: a timer of zero runs behind every descriptor that is ready now."""
        if self._turn is None and self._state is not State.CLOSED:
            self._turn = self._loop.timer(0.0)
            self._turn.start(self._on_turn)

    def _on_turn(self) -> None:
        turn, self._turn = self._turn, None
        turn.stop()
        turn.close()
        if self._state is State.OPEN and (self._paused or self._choked):
            return
        if self.stream.decoder.has_more and not self._held:
            self.stream.turn()
        else:
            held, self._held = self._held, []
            self.stream.take(held)

    # --- writing ------------------------------------------------------------------------------------------------

    def overflowed(self) -> None:
        """More waits than may; but the kernel may not have been asked yet in this turn."""
        outbox = self.stream.outbox
        self.stream.flush()
        if outbox.size > self._most and self._state is State.OPEN:
            outbox.drop_unsent()
            self._begin_close(1008, "slow consumer")

    def settle_writing(self, left: int) -> None:
        """A write left bytes the kernel did not take, or a close frame is out."""
        if left and self._writer is None:
            self._writer = self._loop.io(self._transport.fd, WRITE)
            self._writer.start(self.stream.flush)
        elif not left and self._writer is not None:
            self._writer.stop()
            self._writer.close()
            self._writer = None
        if (left > CHOKE_BYTES) != self._full:
            self._full = not self._full
            self._settle_room()
        self._settle_calm()
        if left or self._state is State.OPEN:
            return
        if self._close_after:
            self.lost()
        elif self.stream.decoder.failure is not None and not self._half:
            self._half = True
            self._end_writing()

    def _settle_room(self) -> None:
        if self._on_room is None:
            self._choked = self._full
            self._settle_reading()
        elif not self._full:
            self._guard(self._on_room)

    def _end_writing(self) -> None:
        """The peer's close frame will not be understood any more; the end of its stream will."""
        try:
            self._transport.end_writing()
        except OSError:
            self.lost()

    # --- closing ------------------------------------------------------------------------------------------------

    def _begin_close(self, code: int, reason: str) -> None:
        """Queue our close frame and wait a moment: for the frame to leave, and for the peer to close its side.

        Until then input is read and thrown away, since closing on unread input would reset the connection and the
        close frame with it.
        """
        self._state = State.CLOSING
        self._status = (code, reason)
        self._held = []
        self.stream.is_open = False
        self.stream.outbox.push(encode_close(code, reason, self._is_client))
        self.call_later(self._close_grace_s, self.lost)
        self._settle_reading()
        self.stream.flush_later()

    def lost(self) -> None:
        """The stream is over: let go of everything that refers to us, so that buffers are freed now."""
        if self._state is State.CLOSED:
            return
        self._state = State.CLOSED
        stream = self.stream
        stream.is_open = False
        stream.is_calm = True
        stream.owner = GONE
        stream.message = stream.beside = None
        self._on_room = None
        watchers = [self._reader, self._writer, self._turn, *self._timers]
        self._timers.clear()
        self._reader = self._writer = self._turn = None
        for watcher in watchers:
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._transport.close()
        stream.outbox.clear()
        self._held = []
        peer, self._peer = self._peer, None
        if peer is not None:
            self._guard(lambda: peer.closed(*self._status))
        self._on_closed(self)

    def _guard(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001  (a boundary; `crashed` logs it)
            self.crashed(error)
