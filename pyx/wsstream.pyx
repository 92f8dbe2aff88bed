# cython: boundscheck=False, wraparound=False
# (Only C pointers are indexed here; each index is compared with its length where it is made.)
"""What every message of a connection passes: from a readable descriptor to the peer, and back into the kernel.

Knows nothing of JSON, of connections' lives or of gevent. Invariant: nothing here waits; what the kernel does not take
is kept in order and counted, and what is rare goes to an owner.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from cpython.list cimport PyList_GET_ITEM
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from framing cimport (
    MAX_HEADER, MAX_SEQ, OP_CLOSE, OP_TEXT, RELEASE_BYTES, event_frame, event_size, plain_frame, put_event, put_header,
    size_of,
)

cdef extern from "<sys/uio.h>" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
    int MSG_DONTWAIT
    int MSG_NOSIGNAL
    ssize_t send(int fd, const void *data, size_t size, int flags)
    ssize_t sendmsg(int fd, const msghdr *message, int flags)

cdef enum:
    MAX_SEGMENTS = 64  # frames joined into one system call
    FLUSH_MOST = 1024 * 1024  # written per flush, so that one download does not hold the hub
    SEPARATE_BYTES = 16 * 1024  # a larger payload is queued beside its header instead of copied behind it
    EVENT_BYTES = 16 * 1024  # a larger event is not built in EVENT_SCRATCH

# Where a lone event's frame is built for the moment of its writing: a broadcast to thousands stays in the cache.
cdef uint8_t EVENT_STORE[EVENT_BYTES]
cdef uint8_t *EVENT_SCRATCH = EVENT_STORE  # the compiler cannot know that `push_event` bounds what is written there


@cython.final
cdef class Outbox:
    """Frames that wait for the kernel, in order; `size` is their bytes."""

    cdef readonly Py_ssize_t size
    cdef bytes lone  # the one frame that waits, untouched, when nothing else does (nearly always): no list is needed
    cdef bytes event  # or the one broadcast event, as its shared body and ...
    cdef uint64_t number  # ... its number on this connection
    cdef list segments  # bytes; the first `gone` of them are written, and `offset` bytes of the next
    cdef Py_ssize_t gone
    cdef Py_ssize_t offset
    cdef Py_ssize_t dropped  # segments that `segments` no longer holds; position + dropped names a segment for ever
    cdef set payloads  # names of segments that continue the frame of the segment before them; None when there is none
    cdef object encode

    def __init__(self, encode=None):
        """*encode(opcode, payload)* makes a client's frames, which are masked (RFC 6455 section 5.1)."""
        self.segments = []
        self.encode = encode

    cpdef push(self, bytes frame):
        """Queue a complete frame."""
        cdef Py_ssize_t size = size_of(frame)
        if self.size == 0:
            self.lone = frame
        else:
            self.spread()
            self.segments.append(frame)
        self.size += size

    cpdef push_event(self, bytes body, uint64_t seq):
        """Queue a broadcast event, given as JSON without its closing brace, with its number."""
        cdef Py_ssize_t size = size_of(body)
        if self.size or size > EVENT_BYTES - MAX_HEADER - MAX_SEQ:
            self.push(event_frame(body, seq))
            return
        self.event = body
        self.number = seq
        self.size = event_size(body, seq)

    cdef int spread(self) except -1:
        """Move what waits alone to where several wait."""
        if self.lone is not None:
            self.segments.append(self.lone)
            self.lone = None
        elif self.event is not None:
            self.segments.append(event_frame(self.event, self.number))
            self.event = None
        return 0

    cdef bint send_lone(self, int fd) except -1:
        """Try to write what waits alone, whole, in the cheapest way; whether that has emptied the queue."""
        cdef ssize_t sent
        if self.lone is not None and self.size < RELEASE_BYTES:
            sent = send(fd, PyBytes_AS_STRING(self.lone), self.size, MSG_DONTWAIT | MSG_NOSIGNAL)
        elif self.event is not None:
            put_event(EVENT_SCRATCH, self.event, self.number)
            sent = send(fd, EVENT_SCRATCH, self.size, MSG_DONTWAIT | MSG_NOSIGNAL)
        else:
            return False
        if sent == self.size:
            self.lone = self.event = None
            self.size = 0
            return True
        if sent > 0:
            self.drop(sent)
        return False

    cpdef push_message(self, int opcode, bytes payload):
        """Queue *payload* as one frame; a large one is kept, not copied, unless it must be masked."""
        cdef uint8_t head[MAX_HEADER]
        cdef Py_ssize_t size = size_of(payload)
        if self.encode is not None:
            self.push(self.encode(opcode, payload))
            return
        if size < SEPARATE_BYTES:
            self.push(plain_frame(<uint8_t>opcode, payload, True))
            return
        self.push(PyBytes_FromStringAndSize(<char *>head, put_header(head, <uint8_t>opcode, size, True, False)))
        self.spread()
        if self.payloads is None:
            self.payloads = set()
        self.payloads.add(self.dropped + len(self.segments))
        self.push(payload)

    cpdef Py_ssize_t flush(self, int fd) except -1:
        """Hand frames to the kernel and return how many bytes still wait.

        Raises OSError as send(2) does, apart from "try again". Stops after a share, so a caller that gets a rest
        waits until *fd* is writable in any case.
        """
        cdef ssize_t sent
        cdef Py_ssize_t budget = FLUSH_MOST
        if self.send_lone(fd):
            return 0
        self.spread()
        while self.size and budget > 0:
            sent = self.write_some(fd)
            if sent < 0:
                if errno == EINTR:
                    continue
                if errno == EAGAIN:
                    break
                PyErr_SetFromErrno(OSError)
            budget -= sent
            self.drop(sent)
        return self.size

    cdef ssize_t write_some(self, int fd) noexcept:
        """One send(2) or sendmsg(2) over the waiting segments; errno is set when it returns -1."""
        cdef iovec pieces[MAX_SEGMENTS]
        cdef msghdr message
        cdef Py_ssize_t count = len(self.segments) - self.gone
        cdef Py_ssize_t i
        cdef Py_ssize_t total = 0
        cdef object segment
        cdef ssize_t sent
        if count > MAX_SEGMENTS:
            count = MAX_SEGMENTS
        for i in range(count):
            segment = <object>PyList_GET_ITEM(self.segments, self.gone + i)
            pieces[i].iov_base = PyBytes_AS_STRING(segment)
            pieces[i].iov_len = PyBytes_GET_SIZE(segment)
            total += PyBytes_GET_SIZE(segment)
        pieces[0].iov_base = <char *>pieces[0].iov_base + self.offset
        pieces[0].iov_len -= self.offset
        memset(&message, 0, sizeof(message))
        message.msg_iov = pieces
        message.msg_iovlen = count
        if total < RELEASE_BYTES:
            return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
        with nogil:  # the list keeps the segments; only the owner's thread changes it
            sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
        return sent

    def peek(self, Py_ssize_t most):
        """Return up to about *most* waiting bytes as one object, for a TLS layer; follow with `drop`."""
        cdef list taken = []
        cdef Py_ssize_t i = self.gone
        self.spread()
        cdef Py_ssize_t total = 0
        while i < len(self.segments) and total < most:
            segment = self.segments[i]
            if i == self.gone and self.offset:
                segment = segment[self.offset:self.offset + most]
            elif len(segment) > most:
                segment = segment[:most]
            taken.append(segment)
            total += len(segment)
            if total >= most:
                break
            i += 1
        return taken[0] if len(taken) == 1 else b"".join(taken)

    cpdef drop(self, Py_ssize_t count):
        """Forget the first *count* waiting bytes: they are written."""
        cdef Py_ssize_t left
        self.spread()
        self.size -= count
        while count:
            left = PyBytes_GET_SIZE(<object>PyList_GET_ITEM(self.segments, self.gone)) - self.offset
            if count < left:
                self.offset += count
                break
            count -= left
            self.segments[self.gone] = b""
            self.gone += 1
            self.offset = 0
        if self.size == 0 or self.gone > 1024:
            del self.segments[:self.gone]
            self.dropped += self.gone
            self.gone = 0
            if self.payloads is not None:
                self.payloads = {name for name in self.payloads if name >= self.dropped} or None

    def drop_unsent(self):
        """Forget every frame that has not begun to leave, so that the next one pushed follows a frame's end."""
        cdef Py_ssize_t keep = self.gone
        cdef Py_ssize_t name = self.dropped + self.gone
        cdef set payloads = self.payloads or set()
        self.spread()
        if self.offset or name in payloads:
            keep += 1
            if name + 1 in payloads:
                keep += 1
        for segment in self.segments[keep:]:
            self.size -= len(segment)
        del self.segments[keep:]
        self.payloads = {name for name in payloads if name < self.dropped + keep} or None

    cpdef clear(self):
        """Forget everything that waits."""
        self.drop(self.size)


@cython.final
cdef class Flusher:
    """Flushes, once per turn of the loop, every stream that was written to outside its own turn.

    A burst of events so costs each connection one system call, and asking the loop is paid once for all of them.
    """

    cdef object call_soon
    cdef list waiting

    def __init__(self, call_soon):
        """*call_soon(function)* has the loop call *function* before it sleeps."""
        self.call_soon = call_soon
        self.waiting = []

    cdef add(self, Stream stream):
        if not self.waiting:
            self.call_soon(self.flush)
        self.waiting.append(stream)

    def flush(self):
        cdef list waiting = self.waiting
        cdef Stream stream
        self.waiting = []
        for stream in waiting:
            stream.is_queued = False
            try:
                stream.flush()
            except Exception as error:  # a fault in one must not keep the others' bytes here
                stream.owner.crashed(error)


@cython.final
cdef class Stream:
    """A descriptor with its decoder and its outbox: what happens to every message, and nothing that is rare.

    A turn reads once, gives each complete message to `message`, and writes the answers together. What is rare goes to
    `owner`: `control(opcode, payload)`, `paused(events)` when `message` returned False, `crashed(error)` when it
    raised, `lost()` at the end of the stream, `overflowed()` when more waits than the budget, `settle()` after a turn
    and `settle_writing(left)` after a write that left the owner something to do. As long as `is_calm`, that is only a
    violation, unread input or unwritten bytes.
    """

    cdef readonly object decoder
    cdef readonly Outbox outbox
    cdef public object message
    cdef public object owner
    cdef public bint is_open  # messages are handed out, and what is sent is queued
    cdef public bint is_calm
    cdef public bint heard  # something came since this was last set to False
    cdef public Stream beside  # a relay's other end: what this one's turns send there leaves at their ends
    cdef readonly int opcode  # of the message that is being handled
    cdef readonly bint in_turn
    cdef bint is_queued  # in the flusher's list
    cdef bint has_hurried  # something left at once in this turn
    cdef uint64_t seq  # of the last broadcast event; counts from 1
    cdef int fd
    cdef Flusher flusher
    cdef object receive
    cdef object flush_with
    cdef Py_ssize_t budget

    def __init__(
        self, int fd, decoder, Outbox outbox not None, Flusher flusher not None, Py_ssize_t budget, receive,
        flush_with=None,
    ):
        """*receive()* reads and decodes; *flush_with()* writes in place of the descriptor (TLS); *budget* in bytes."""
        self.fd = fd
        self.decoder = decoder
        self.outbox = outbox
        self.flusher = flusher
        self.budget = budget
        self.receive = receive
        self.flush_with = flush_with
        self.opcode = OP_TEXT

    def send(self, bytes payload not None):
        """Queue one text message."""
        if self.is_open:
            self.outbox.push_message(OP_TEXT, payload)
            self.flush_later()

    def send_frame(self, bytes frame not None):
        """Queue an encoded frame."""
        if self.is_open:
            self.outbox.push(frame)
            self.flush_later()

    def send_event(self, bytes body not None):
        """Queue the broadcast event *body* (JSON without its closing brace) with this connection's next number."""
        if self.is_open:
            self.seq += 1
            self.outbox.push_event(body, self.seq)
            self.flush_later()

    cpdef flush_later(self):
        """Have what was pushed leave at the end of this turn, or of the loop's."""
        if self.outbox.size > self.budget:
            self.owner.overflowed()
        elif not self.in_turn and not self.is_queued:
            self.is_queued = True
            self.flusher.add(self)

    def flush_now(self):
        """Have what was pushed leave at once when it is the first of its turn and the kernel takes it whole.

        Else as by `flush_later`: a system call for each message of many would cost more than it gains.
        """
        if self.has_hurried or not self.is_calm or self.flush_with is not None or not self.outbox.send_lone(self.fd):
            self.flush_later()
        else:
            self.has_hurried = self.in_turn

    def turn(self):
        """What to do when the descriptor is readable."""
        cdef list events
        self.heard = True
        try:
            events = self.receive()
        except OSError:
            events = None
        if events is None:
            self.owner.lost()
            return
        self.take(events)

    cpdef take(self, list events):
        """Hand out decoded events, then write what was sent meanwhile."""
        cdef Stream beside = self.beside
        self.in_turn = True
        if beside is not None:
            beside.in_turn = True
        self.hand_out(events)
        self.in_turn = self.has_hurried = False
        if beside is not None:
            beside.in_turn = beside.has_hurried = False
            beside.flush()
        if not self.is_calm or self.decoder.needs_care:
            self.owner.settle()
        self.flush()

    cdef int hand_out(self, list events) except -1:
        cdef Py_ssize_t i
        cdef tuple event
        cdef int opcode
        try:
            for i in range(len(events)):
                event = <tuple>PyList_GET_ITEM(events, i)
                opcode = event[0]
                if opcode >= OP_CLOSE:
                    self.owner.control(opcode, event[1])
                elif self.is_open:
                    self.opcode = opcode
                    if not self.message(event[1]):
                        self.owner.paused(events[i + 1:])
                        break
        except Exception as error:
            self.owner.crashed(error)
        return 0

    cpdef flush(self):
        """Write what waits."""
        cdef Py_ssize_t left
        if self.is_calm and not self.outbox.size:
            return
        try:
            left = self.outbox.flush(self.fd) if self.flush_with is None else self.flush_with()
        except OSError:
            self.owner.lost()
            return
        if left or not self.is_calm:
            self.owner.settle_writing(left)
