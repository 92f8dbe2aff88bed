"""One WebSocket connection after the 101: moves bytes between a descriptor and a Peer.

Knows nothing of JSON, methods or HTTP. Invariant: one read per wake-up and a bounded number of messages per turn, so a
chatty peer never holds the hub; what is queued for a peer is bounded in bytes; the Peer hears `closed` exactly once,
and then nothing here refers to it any more.

Everything runs on the hub inside libev callbacks; there is no greenlet per connection.
"""

import logging
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

import gevent

from gw import limits
from gw._native.wsframe import CLOSE, PING, PONG, TEXT, Decoder, Outbox, encode_close, parse_close
from gw.net.transport import Event, Transport
from gw.ports import Peer

logger = logging.getLogger(__name__)

READ, WRITE = 1, 2  # libev's event bits
MESSAGES_PER_TURN = 64
CHOKE_BYTES = 256 * 1024  # with this much unsent, what the peer asks next is not read yet
LOST = 1006  # RFC 6455 section 7.1.5: the stream ended without a close frame


class State(Enum):
    OPEN = "open"
    CLOSING = "closing"  # our close frame is queued or sent; only the peer's is still of interest
    CLOSED = "closed"


# A global is found faster than a member of an Enum, and every message asks.
OPEN, CLOSING, CLOSED = State.OPEN, State.CLOSING, State.CLOSED


class PumpLimits(NamedTuple):
    message_bytes: int = limits.PREAUTH_MESSAGE_BYTES
    fragments: int = limits.MAX_FRAGMENTS
    buffered_bytes: int = limits.MAX_BUFFERED_BYTES
    close_grace_s: float = limits.CLOSE_GRACE_S


class Flusher:
    """Flushes, once per turn of the loop, every connection that was written to outside its own turn.

    A broadcast of several events so costs each connection one system call, and scheduling is paid once for all.
    """

    def __init__(self) -> None:
        self._loop = gevent.get_hub().loop
        self._waiting: list[Connection] = []

    def add(self, connection: "Connection") -> None:
        if not self._waiting:
            self._loop.run_callback(self._flush)
        self._waiting.append(connection)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            connection.flush()


def _unheard(data: bytes) -> bool:
    """Stands in for Peer.message while there is no Peer."""
    return True


class Connection:
    """A ports.Link."""

    __slots__ = (
        "_batching",
        "_choked",
        "_close_after",
        "_close_grace_s",
        "_decoder",
        "_flusher",
        "_half",
        "_held",
        "_loop",
        "_message",
        "_most",
        "_on_closed",
        "_outbox",
        "_paused",
        "_peer",
        "_pinged",
        "_queued",
        "_quiet",
        "_reader",
        "_reading",
        "_receive",
        "_state",
        "_status",
        "_timers",
        "_transport",
        "_turn",
        "_writer",
        "opcode",
    )

    def __init__(
        self,
        transport: Transport,
        decoder: Decoder,
        outbox: Outbox,
        flusher: Flusher,
        pump_limits: PumpLimits,
        on_closed: "Callable[[Connection], None]",
    ) -> None:
        self._transport = transport
        self._receive: Any = transport.receive
        self._decoder = decoder
        self._outbox = outbox
        self._flusher = flusher
        self._most = pump_limits.buffered_bytes
        self._close_grace_s = pump_limits.close_grace_s
        self._on_closed = on_closed
        self._loop = gevent.get_hub().loop
        self._peer: Peer | None = None
        self._message: Callable[[bytes], bool] = _unheard
        self._state = OPEN
        self._status = (LOST, "")  # what the Peer will be told
        self.opcode = TEXT  # of the message that the Peer is handling
        self._held: list[Event] = []  # decoded, but the Peer asked to pause
        self._paused = False
        self._choked = False
        self._batching = False  # inside our own turn, which ends with a flush
        self._queued = False  # in the flusher's list
        self._close_after = False  # the peer's close frame is here: close once ours is out
        self._half = False  # our side of the stream is ended
        self._quiet = False  # nothing was heard since the last `tick`
        self._pinged = False
        self._timers: set[Any] = set()
        self._reader: Any = self._loop.io(transport.fd, READ)
        self._reading = False
        self._writer: Any = None
        self._turn: Any = None

    # --- ports.Link ---------------------------------------------------------------------------------------------

    @property
    def buffered_bytes(self) -> int:
        return self._outbox.size

    def send(self, payload: bytes) -> None:
        if self._state is OPEN:
            self._outbox.push_message(TEXT, payload)
            if not self._batching or self._outbox.size > self._most:
                self._pushed()

    def send_frame(self, frame: bytes) -> None:
        if self._state is OPEN:
            self._outbox.push(frame)
            if not self._batching or self._outbox.size > self._most:
                self._pushed()

    def close(self, code: int, reason: str = "") -> None:
        if self._state is OPEN:
            self._begin_close(code, reason)

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._take_turn_soon()

    def limit_messages(self, most_bytes: int) -> None:
        self._decoder.max_message_bytes = most_bytes

    def call_later(self, seconds: float, function: Callable[[], object]) -> Callable[[], None]:
        timer = self._loop.timer(seconds)

        def cancel() -> None:
            self._timers.discard(timer)
            timer.stop()
            timer.close()

        def fire() -> None:
            cancel()
            self._guard(function)

        if self._state is CLOSED:
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
            self._message = self._peer.message
            self._peer.opened()

        self._batching = True
        self._guard(open_peer)
        self._take(self._decoder.feed(early, MESSAGES_PER_TURN))
        self.flush()

    def tick(self) -> None:
        """Called at a steady interval: ping a peer that was silent for one."""
        if self._quiet and self._state is OPEN and not self._pinged:
            self._pinged = True
            self._outbox.push_message(PING, b"")
            self._pushed()
            self.call_later(limits.PONG_TIMEOUT_S, self._expect_life)
        self._quiet = True

    def _expect_life(self) -> None:
        if self._pinged:
            self.close(1011, "keepalive ping timeout")

    def abort(self) -> None:
        """Close at once, without a word to the other side."""
        if self._state is not CLOSED:
            self._finish()

    # --- reading ------------------------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        try:
            events = self._receive(MESSAGES_PER_TURN)
        except OSError:
            events = None
        if events is None:
            self._finish()
            return
        self._quiet = self._pinged = False
        self._take(events)
        self.flush()

    def _take(self, events: list[Event]) -> None:
        """Handle one turn's events; what is sent meanwhile leaves together afterwards."""
        self._batching = True
        message = self._message
        try:
            for i, (opcode, payload) in enumerate(events):
                if opcode >= CLOSE:
                    self._control(opcode, payload)
                elif self._state is OPEN:
                    self.opcode = opcode
                    if not message(payload):
                        self._paused = True
                        self._held = events[i + 1 :]
                        break
        except Exception:  # boundary: a fault of ours in one connection must not reach the loop
            logger.exception("peer.crashed")
            self.close(1011, "internal error")
        self._batching = False
        if self._decoder.needs_care or self._paused or not self._reading:
            self._settle()

    def _settle(self) -> None:
        """What a turn rarely leaves behind: a violation, more input that is already here, a Peer that wants a pause."""
        if self._decoder.failure is not None and not self._held:
            code, reason = self._decoder.failure
            self.close(code, reason)
        self._settle_reading()

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            if self._state is OPEN:
                self._outbox.push_message(PONG, payload)
        elif opcode == CLOSE:
            self._close_after = True
            if self._state is OPEN:
                code, reason = parse_close(payload)
                self._begin_close(code, "")
                self._status = (code, reason)

    def _settle_reading(self) -> None:
        """Read exactly when somebody wants what would be read; come back soon for what is here already."""
        if self._state is CLOSED:
            return
        wanted = self._state is CLOSING or not (self._paused or self._choked)
        ahead = wanted and self._state is OPEN and (bool(self._held) or self._decoder.has_more)
        if ahead:
            self._take_turn_soon()
        if (wanted and not ahead) != self._reading:
            self._reading = not self._reading
            if self._reading:
                self._reader.start(self._on_readable)
            else:
                self._reader.stop()

    def _take_turn_soon(self) -> None:
        """Another turn after the others had theirs: a timer of zero runs behind every descriptor that is ready now."""
        if self._turn is None and self._state is not CLOSED:
            self._turn = self._loop.timer(0.0)
            self._turn.start(self._on_turn)

    def _on_turn(self) -> None:
        turn, self._turn = self._turn, None
        turn.stop()
        turn.close()
        if self._state is OPEN and (self._paused or self._choked):
            return
        if self._held:
            held, self._held = self._held, []
            self._take(held)
            self.flush()
        elif self._decoder.has_more:
            self._on_readable()
        else:
            self._take([])

    # --- writing ------------------------------------------------------------------------------------------------

    def _pushed(self) -> None:
        """Something was queued outside our own turn, or more than may be."""
        if self._outbox.size > self._most:
            self.flush()  # the kernel may not have been asked yet in this turn
            if self._outbox.size > self._most and self._state is OPEN:
                self._outbox.drop_unsent()
                self._begin_close(1008, "slow consumer")
        elif not (self._batching or self._queued or self._writer is not None):
            self._queued = True
            self._flusher.add(self)

    def flush(self) -> None:
        self._queued = False
        if not self._outbox.size and not self._close_after:
            return
        try:
            left = self._transport.flush()
        except OSError:
            self._finish()
            return
        if left or self._writer is not None or self._state is not OPEN:
            self._settle_writing(left)

    def _settle_writing(self, left: int) -> None:
        """What a flush rarely leaves behind: bytes the kernel did not take yet, or a close frame that is out."""
        if self._state is CLOSED:
            return
        if left and self._writer is None:
            self._writer = self._loop.io(self._transport.fd, WRITE)
            self._writer.start(self.flush)
        elif not left and self._writer is not None:
            self._writer.stop()
            self._writer.close()
            self._writer = None
        if (left > CHOKE_BYTES) != self._choked:
            self._choked = not self._choked
            self._settle_reading()
        if left or self._state is OPEN:
            return
        if self._close_after:
            self._finish()
        elif self._decoder.failure is not None and not self._half:
            self._half = True
            self._end_writing()

    def _end_writing(self) -> None:
        """The peer's close frame will not be understood any more; the end of its stream will."""
        try:
            self._transport.end_writing()
        except OSError:
            self._finish()

    # --- closing ------------------------------------------------------------------------------------------------

    def _begin_close(self, code: int, reason: str) -> None:
        """Queue our close frame and wait a moment: for the frame to leave, and for the peer to close its side.

        Until then input is read and thrown away, since closing on unread input would reset the connection and the
        close frame with it.
        """
        self._state = CLOSING
        self._status = (code, reason)
        self._held.clear()
        self._outbox.push(encode_close(code, reason))
        self.call_later(self._close_grace_s, self.abort)
        self._settle_reading()
        if not self._batching and not self._queued:
            self._queued = True
            self._flusher.add(self)

    def _finish(self) -> None:
        """Let go of everything that refers to us, so that buffers are freed now and not at the next collection."""
        if self._state is CLOSED:
            return
        self._state = CLOSED
        watchers = [self._reader, self._writer, self._turn, *self._timers]
        self._timers.clear()
        self._reader = self._writer = self._turn = None
        for watcher in watchers:
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._receive = None
        self._transport.close()
        self._outbox.clear()
        self._held.clear()
        peer, self._peer, self._message = self._peer, None, _unheard
        if peer is not None:
            self._guard(lambda: peer.closed(*self._status))
        self._on_closed(self)

    def _guard(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception:  # boundary, as in _take
            logger.exception("peer.crashed")
            if self._state is OPEN:
                self._begin_close(1011, "internal error")
