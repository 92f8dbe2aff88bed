# cython: boundscheck=False, wraparound=False
# (Only C pointers are indexed here; each index is compared with its length where it is made.)
"""RFC 6455 frames: an incremental decoder, and an encoder for both roles.

Knows nothing of JSON, connections or gevent; a socket is only a descriptor that must be non-blocking. Invariant: a
limit is checked before memory is taken for what it limits, and a payload is copied once: from the read scratch (or by
the kernel itself when it is large) into the bytes object that is handed out.

Extensions are never negotiated, so any RSV bit is an error. Section numbers below are RFC 6455's.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from os import urandom

from framing cimport (
    MAX_HEADER, OP_BINARY, OP_CLOSE, OP_CONTINUATION, OP_PONG, OP_TEXT, RELEASE_BYTES, event_frame, plain_frame,
    put_header,
)
from masking cimport copy_xor, rotated, unmask
from utf8 cimport UTF8_ACCEPT, UTF8_REJECT, utf8_is_valid

cdef extern from "<sys/socket.h>" nogil:
    int MSG_DONTWAIT
    ssize_t recv(int fd, void *into, size_t size, int flags)

CONTINUATION = OP_CONTINUATION
TEXT = OP_TEXT
BINARY = OP_BINARY
CLOSE = OP_CLOSE
PING = 0x9
PONG = OP_PONG

cdef enum:
    NO_OPCODE = 0xFF
    SCRATCH_BYTES = 128 * 1024  # one read; a 64 KiB frame with its header fits
    DIRECT_BYTES = 32 * 1024  # a rest this large is read straight into its message, without the GIL
    DIRECT_MOST = 512 * 1024  # of one such read, so that one upload does not hold the hub
    FRAGMENT_BYTES = 64  # past max_fragments, the average a fragment has to bring (Autobahn 9.3.1 sends 64)

# One for all decoders: it is filled and emptied within one call that never gives the GIL away.
cdef uint8_t SCRATCH[SCRATCH_BYTES]


# --- close codes ----------------------------------------------------------------------------------------------------

def is_valid_close_code(int code):
    """Whether a peer may send *code* in a close frame (section 7.4 and the IANA registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def parse_close(bytes payload not None):
    """Return (code, reason) of a close frame's payload that a Decoder has let pass; (1005, "") when it is empty."""
    if not payload:
        return 1005, ""
    return payload[0] << 8 | payload[1], payload[2:].decode()


# --- decoding -------------------------------------------------------------------------------------------------------

@cython.final
cdef class Decoder:
    """Turns a byte stream into events `(opcode, payload)`: whole messages (TEXT, BINARY) and control frames.

    After a violation `failure` is `(close code, reason)`, the events before it have been handed out, and nothing more
    is read. After a close frame the rest of the stream is ignored (section 5.5.1).
    """

    cdef public Py_ssize_t max_message_bytes
    cdef readonly object failure
    cdef readonly bint is_closed
    cdef bint client
    cdef Py_ssize_t max_fragments
    # A header that came in pieces.
    cdef uint8_t head[MAX_HEADER]
    cdef int head_size
    # The frame whose payload is arriving; `target` points into `frame` or into `assembly`, which keep it alive.
    cdef bint in_frame
    cdef bint fin
    cdef uint8_t opcode
    cdef uint32_t mask
    cdef object frame
    cdef uint8_t *target
    cdef Py_ssize_t done
    cdef Py_ssize_t size
    # The message whose fragments are arriving.
    cdef uint8_t message_opcode
    cdef bytearray assembly
    cdef Py_ssize_t fragments
    cdef uint8_t utf8
    # Bytes that were read but belong to a later batch.
    cdef bytes rest
    cdef Py_ssize_t rest_at

    def __init__(self, *, Py_ssize_t max_message_bytes, Py_ssize_t max_fragments=4096, bint client=False):
        """*client*: we are the client, so frames from the peer must not be masked (section 5.1)."""
        self.max_message_bytes = max_message_bytes
        self.max_fragments = max_fragments
        self.client = client
        self.message_opcode = NO_OPCODE

    @property
    def needs_care(self):
        """Whether there is more to do than to wait for bytes: `has_more`, or a `failure`."""
        return self.rest is not None or self.failure is not None

    @property
    def has_more(self):
        """Whether bytes are already here that `receive` left for its next call."""
        return self.rest is not None

    def feed(self, data not None, Py_ssize_t most=-1):
        """Return the events that *data* completes; past *most* of them the remaining bytes wait for the next call."""
        cdef bytes piece = data if type(data) is bytes else bytes(data)
        if self.rest is not None:
            piece = self.rest[self.rest_at:] + piece
            self.rest = None
        return self.parse_held(piece, 0, most)

    def receive(self, int fd, Py_ssize_t most=64):
        """Read once from *fd*, which must be non-blocking, and return the events; None at the end of the stream.

        At most *most* events come back, so that one chatty peer cannot hold the caller; see `has_more`.
        Raises OSError as recv(2) does, apart from "try again", which is an empty list.
        """
        cdef ssize_t got
        cdef bytes held
        cdef list events
        cdef Py_ssize_t used
        if self.rest is not None:
            held = self.rest
            self.rest = None
            return self.parse_held(held, self.rest_at, most)
        if self.in_frame and self.size - self.done >= DIRECT_BYTES:
            return self.receive_direct(fd)
        while True:
            got = recv(fd, SCRATCH, SCRATCH_BYTES, MSG_DONTWAIT)
            if got >= 0 or errno != EINTR:
                break
        if got == 0:
            return None
        events = []
        if got < 0:
            if errno != EAGAIN:
                PyErr_SetFromErrno(OSError)
            return events
        used = self.parse(SCRATCH, got, most, False, events)
        if used < got and not self.is_closed and self.failure is None:
            self.rest = PyBytes_FromStringAndSize(<char *>SCRATCH + used, got - used)
            self.rest_at = 0
        return events

    cdef list parse_held(self, bytes piece, Py_ssize_t start, Py_ssize_t most):
        cdef list events = []
        cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(piece)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(piece)
        start += self.parse(data + start, size - start, most, True, events)
        if start < size and not self.is_closed and self.failure is None:
            self.rest = piece
            self.rest_at = start
        return events

    cdef list receive_direct(self, int fd):
        """Let the kernel write into the message itself, then unmask in place."""
        cdef uint8_t *into = self.target + self.done
        cdef Py_ssize_t want = min(self.size - self.done, <Py_ssize_t>DIRECT_MOST)
        cdef bint is_text = self.message_opcode == OP_TEXT
        cdef uint32_t mask = 0 if self.client else rotated(self.mask, self.done)
        cdef uint8_t utf8 = self.utf8
        cdef ssize_t got
        cdef list events = []
        with nogil:  # taking the GIL back leaves errno alone
            while True:
                got = recv(fd, into, want, MSG_DONTWAIT)
                if got >= 0 or errno != EINTR:
                    break
            if got > 0:
                utf8 = unmask(into, into, got, mask, is_text, utf8)
        if got == 0:
            return None
        if got < 0:
            if errno != EAGAIN:
                PyErr_SetFromErrno(OSError)
            return events
        self.utf8 = utf8
        self.done += got
        if utf8 == UTF8_REJECT:
            self.fail(1007, "invalid UTF-8")
        elif self.done == self.size:
            self.finish(events)
        return events

    cdef int fail(self, int code, str reason) except -1:
        """Note the violation and let go of what was being assembled."""
        self.failure = (code, reason)
        self.in_frame = False
        self.frame = None
        self.assembly = None
        return 0

    cdef Py_ssize_t parse(
        self, const uint8_t *data, Py_ssize_t size, Py_ssize_t most, bint may_release, list events
    ) except -1:
        """Consume *data* up to the end of the *most*-th event; return how many bytes were taken."""
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t taken
        while self.failure is None and not self.is_closed:
            if self.in_frame:
                taken = min(self.size - self.done, size - at)
                self.take(data + at, taken, may_release)
                at += taken
                if self.utf8 == UTF8_REJECT:
                    self.fail(1007, "invalid UTF-8")
                elif self.done == self.size:
                    self.finish(events)
                else:
                    break
                if most >= 0 and len(events) >= most:
                    break
                continue
            if at == size:
                break
            if self.head_size == 0:
                taken = self.header(data + at, size - at)
                if taken > 0:
                    at += taken
                    continue
                if taken < 0:
                    break
            # The header is cut by the end of the data (or was, last time): go on byte by byte.
            self.head[self.head_size] = data[at]
            self.head_size += 1
            at += 1
            if self.header(self.head, self.head_size) != 0:
                self.head_size = 0
        return at

    cdef int header(self, const uint8_t *data, Py_ssize_t available) except -2:
        """Read a header: its length, 0 when more bytes are needed, -1 after a violation. Section 5.2."""
        cdef uint8_t first = data[0]
        cdef uint8_t second
        cdef uint8_t opcode = first & 0x0F
        cdef bint masked
        cdef uint64_t length
        cdef int size = 2
        cdef int i
        if first & 0x70:
            self.fail(1002, "RSV bit set without an extension")
            return -1
        if (OP_BINARY < opcode < OP_CLOSE) or opcode > OP_PONG:
            self.fail(1002, "reserved opcode")
            return -1
        if available < 2:
            return 0
        second = data[1]
        masked = (second & 0x80) != 0
        length = second & 0x7F
        if masked == self.client:
            self.fail(1002, "masked frame from a server" if self.client else "frame is not masked")
            return -1
        if opcode >= OP_CLOSE:
            if length > 125:
                self.fail(1002, "control frame is longer than 125 bytes")
                return -1
            if not first & 0x80:
                self.fail(1002, "fragmented control frame")
                return -1
        if length == 126:
            size = 4
            if available < 4:
                return 0
            length = <uint64_t>data[2] << 8 | data[3]
            if length < 126:
                self.fail(1002, "length is not in its shortest form")
                return -1
        elif length == 127:
            size = 10
            if available < 10:
                return 0
            length = 0
            for i in range(2, 10):
                length = length << 8 | data[i]
            if length < 65536 or length >> 63:
                self.fail(1002, "length is not in its shortest form")
                return -1
        if masked:
            if available < size + 4:
                return 0
            memcpy(&self.mask, data + size, 4)
            size += 4
        self.fin = (first & 0x80) != 0
        self.opcode = opcode
        return size if self.begin(length) else -1

    cdef bint begin(self, uint64_t length) except *:
        """Check a frame against the message it belongs to, then take memory for its payload."""
        cdef Py_ssize_t before = 0
        if self.opcode >= OP_CLOSE:
            self.frame = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>length)
            self.target = <uint8_t *>PyBytes_AS_STRING(self.frame)
        else:
            if self.opcode == OP_CONTINUATION:
                if self.message_opcode == NO_OPCODE:
                    self.fail(1002, "continuation without a message")
                    return False
                before = len(self.assembly)
                self.fragments += 1
            elif self.message_opcode != NO_OPCODE:
                self.fail(1002, "new message inside a fragmented one")
                return False
            if length > <uint64_t>max(self.max_message_bytes - before, 0):
                self.fail(1009, "message is too big")
                return False
            if self.fragments > self.max_fragments + before // FRAGMENT_BYTES:
                self.fail(1008, "message has too many fragments")
                return False
            if self.opcode != OP_CONTINUATION:
                self.message_opcode = self.opcode
                self.utf8 = UTF8_ACCEPT
                self.fragments = 1
                if not self.fin:
                    self.assembly = bytearray()
            if self.assembly is None:
                self.frame = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>length)
                self.target = <uint8_t *>PyBytes_AS_STRING(self.frame)
            else:
                PyByteArray_Resize(self.assembly, before + <Py_ssize_t>length)
                self.target = <uint8_t *>PyByteArray_AS_STRING(self.assembly) + before
        self.size = <Py_ssize_t>length
        self.done = 0
        self.in_frame = True
        return True

    cdef int take(self, const uint8_t *data, Py_ssize_t size, bint may_release) except -1:
        """Move payload bytes to their place, unmasked and, for text, checked."""
        cdef uint8_t *to = self.target + self.done
        cdef bint is_text = self.opcode < OP_CLOSE and self.message_opcode == OP_TEXT
        cdef uint8_t utf8 = self.utf8
        cdef uint32_t mask = 0 if self.client else rotated(self.mask, self.done)
        if may_release and size >= RELEASE_BYTES:
            with nogil:
                utf8 = unmask(to, data, size, mask, is_text, utf8)
        else:
            utf8 = unmask(to, data, size, mask, is_text, utf8)
        self.utf8 = utf8
        self.done += size
        return 0

    cdef int finish(self, list events) except -1:
        """A frame is complete: hand out a control frame or, with its last frame, a message."""
        cdef object payload = self.frame
        self.in_frame = False
        self.frame = None
        if self.opcode >= OP_CLOSE:
            if self.opcode == OP_CLOSE and not self.accept_close(payload):
                return 0
            events.append((self.opcode, payload))
            return 0
        if not self.fin:
            return 0
        if self.message_opcode == OP_TEXT and self.utf8 != UTF8_ACCEPT:
            self.fail(1007, "invalid UTF-8")
            return 0
        if self.assembly is not None:
            payload = bytes(self.assembly)
            self.assembly = None
        events.append((self.message_opcode, payload))
        self.message_opcode = NO_OPCODE
        self.fragments = 0
        return 0

    cdef bint accept_close(self, bytes payload) except *:
        """Section 5.5.1: no payload, or a code and a UTF-8 reason."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(payload)
        cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(payload)
        if size == 1:
            self.fail(1002, "close frame with half a code")
            return False
        if size and not is_valid_close_code(data[0] << 8 | data[1]):
            self.fail(1002, "invalid close code")
            return False
        if size > 2 and not utf8_is_valid(data + 2, size - 2):
            self.fail(1007, "close reason is not UTF-8")
            return False
        self.is_closed = True
        return True


# --- encoding -------------------------------------------------------------------------------------------------------

cdef bytes MASK_POOL = b""
cdef Py_ssize_t MASK_AT = 0


cdef uint32_t fresh_mask() except? 0:
    """Four unpredictable bytes (section 5.3), drawn from the system in larger helpings."""
    global MASK_POOL, MASK_AT
    cdef uint32_t mask
    if MASK_AT + 4 > PyBytes_GET_SIZE(MASK_POOL):
        MASK_POOL = urandom(4096)
        MASK_AT = 0
    memcpy(&mask, PyBytes_AS_STRING(MASK_POOL) + MASK_AT, 4)
    MASK_AT += 4
    return mask


def encode(int opcode, bytes payload not None, bint fin=True, bint masked=False):
    """Return one frame; *masked* is for clients."""
    if not masked:
        return plain_frame(<uint8_t>opcode, payload, fin)
    cdef bytes frame
    cdef uint8_t head[MAX_HEADER]
    cdef int head_size
    cdef uint32_t mask
    cdef uint8_t *to
    head_size = put_header(head, <uint8_t>opcode, <uint64_t>PyBytes_GET_SIZE(payload), fin, True)
    mask = fresh_mask()
    memcpy(head + head_size, &mask, 4)
    head_size += 4
    frame = PyBytes_FromStringAndSize(NULL, head_size + PyBytes_GET_SIZE(payload))
    to = <uint8_t *>PyBytes_AS_STRING(frame)
    memcpy(to, head, head_size)
    copy_xor(to + head_size, <const uint8_t *>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), mask)
    return frame


def encode_close(int code, str reason not None="", bint masked=False):
    """Return a close frame; the reason is cut at 123 bytes, between characters. Code 1005 sends no code at all."""
    if code == 1005:
        return encode(OP_CLOSE, b"", True, masked)
    cdef bytes text = reason.encode()[:123].decode("utf-8", "ignore").encode()
    return encode(OP_CLOSE, bytes((code >> 8, code & 0xFF)) + text, True, masked)


def encode_event(bytes body not None, uint64_t seq):
    """Return the text frame of an event, its JSON given without the closing brace, with one connection's number."""
    return event_frame(body, seq)
