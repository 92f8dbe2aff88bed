# cython: boundscheck=False, wraparound=False
# (Only C pointers are indexed here; each index is compared with its length where it is made.)
"""RFC 6455 frames: an incremental decoder, an encoder, and the queue of frames that wait for the kernel.

Knows nothing of JSON, connections or gevent; a socket is only a descriptor that must be non-blocking. Invariant: a
limit is checked before memory is taken for what it limits, and a payload is copied once: from the read scratch (or by
the kernel itself when it is large) into the bytes object that is handed out.

Extensions are never negotiated, so any RSV bit is an error. Section numbers below are RFC 6455's.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from cpython.list cimport PyList_GET_ITEM
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from os import urandom

from utf8 cimport UTF8_ACCEPT, UTF8_REJECT, utf8_is_valid, utf8_scan

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
    ssize_t recv(int fd, void *into, size_t size, int flags)
    ssize_t send(int fd, const void *data, size_t size, int flags)
    ssize_t sendmsg(int fd, const msghdr *message, int flags)

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

cdef enum:
    OP_CONTINUATION = 0x0
    OP_TEXT = 0x1
    OP_BINARY = 0x2
    OP_CLOSE = 0x8
    OP_PONG = 0xA
    NO_OPCODE = 0xFF

cdef enum:
    MAX_HEADER = 14  # two bytes, eight of length, four of mask
    SCRATCH_BYTES = 128 * 1024  # one read; a 64 KiB frame with its header fits
    DIRECT_BYTES = 32 * 1024  # a rest this large is read straight into its message, without the GIL
    DIRECT_MOST = 512 * 1024  # of one such read, so that one upload does not hold the hub
    FRAGMENT_BYTES = 64  # past max_fragments, the average a fragment has to bring (Autobahn 9.3.1 sends 64)
    MAX_SEGMENTS = 64  # frames joined into one system call
    FLUSH_MOST = 1024 * 1024  # written per flush, for the same reason as DIRECT_MOST
    RELEASE_BYTES = 32 * 1024  # from here on it pays to give the GIL away
    TURN_MESSAGES = 64  # handed out per turn, so that a chatty peer does not starve the others
    SEPARATE_BYTES = 16 * 1024  # a larger payload is queued beside its header instead of copied behind it

# One for all decoders: it is filled and emptied within one call that never gives the GIL away.
cdef uint8_t SCRATCH[SCRATCH_BYTES]


# --- pieces of bytes ------------------------------------------------------------------------------------------------

cdef inline uint32_t rotated(uint32_t mask, Py_ssize_t by) noexcept nogil:
    """The mask as it applies to a payload's bytes from offset *by* on; memory order, whatever the machine's."""
    cdef uint8_t source[4]
    cdef uint8_t turned[4]
    cdef int i
    cdef uint32_t result
    memcpy(source, &mask, 4)
    for i in range(4):
        turned[i] = source[(i + by) & 3]
    memcpy(&result, turned, 4)
    return result


cdef inline uint64_t copy_xor(uint8_t *to, const uint8_t *source, Py_ssize_t size, uint32_t mask) noexcept nogil:
    """Copy *size* bytes XORed with the repeated mask (section 5.3), in place too; return the OR of all words."""
    cdef uint64_t wide = <uint64_t>mask << 32 | mask
    cdef uint64_t seen = 0
    cdef uint64_t a, b, c, d
    cdef Py_ssize_t i = 0
    cdef uint8_t key[4]
    while i + 32 <= size:
        memcpy(&a, source + i, 8)
        memcpy(&b, source + i + 8, 8)
        memcpy(&c, source + i + 16, 8)
        memcpy(&d, source + i + 24, 8)
        a ^= wide
        b ^= wide
        c ^= wide
        d ^= wide
        memcpy(to + i, &a, 8)
        memcpy(to + i + 8, &b, 8)
        memcpy(to + i + 16, &c, 8)
        memcpy(to + i + 24, &d, 8)
        seen |= a | b | c | d
        i += 32
    while i + 8 <= size:
        memcpy(&a, source + i, 8)
        a ^= wide
        memcpy(to + i, &a, 8)
        seen |= a
        i += 8
    memcpy(key, &mask, 4)
    while i < size:
        to[i] = source[i] ^ key[i & 3]
        seen |= to[i]
        i += 1
    return seen


cdef inline uint8_t unmask(
    uint8_t *to, const uint8_t *source, Py_ssize_t size, uint32_t mask, bint is_text, uint8_t utf8
) noexcept nogil:
    """Copy unmasked and, for text, return the UTF-8 state after it; pure ASCII is never looked at twice."""
    cdef uint64_t seen = copy_xor(to, source, size, mask)
    if not is_text or (utf8 == UTF8_ACCEPT and not seen & <uint64_t>0x8080808080808080):
        return utf8
    return utf8_scan(utf8, to, size)


cdef inline int put_header(uint8_t *to, uint8_t opcode, uint64_t size, bint fin, bint masked) noexcept nogil:
    """Write a header without its mask in the shortest form (section 5.2); return its length, at most 10."""
    cdef uint8_t bit = 0x80 if masked else 0
    cdef int i
    to[0] = (0x80 if fin else 0) | opcode
    if size < 126:
        to[1] = bit | <uint8_t>size
        return 2
    if size < 65536:
        to[1] = bit | 126
        to[2] = <uint8_t>(size >> 8)
        to[3] = <uint8_t>size
        return 4
    to[1] = bit | 127
    for i in range(8):
        to[2 + i] = <uint8_t>(size >> (56 - 8 * i))
    return 10


cdef inline Py_ssize_t size_of(bytes data) except -1:
    """Its length; TypeError for None, which C would take for bytes."""
    if data is None:
        raise TypeError("bytes expected, not None")
    return PyBytes_GET_SIZE(data)


def is_valid_close_code(int code):
    """Whether a peer may send *code* in a close frame (section 7.4 and the IANA registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def parse_close(bytes payload not None):
    """Return (code, reason) of a close frame's payload that a Decoder has let pass; (1005, "") when it is empty."""
    if not payload:
        return 1005, ""
    return payload[0] << 8 | payload[1], payload[2:].decode()


# --- decoding -------------------------------------------------------------------------------------------------------

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

    cpdef list receive(self, int fd, Py_ssize_t most=64):
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


cpdef bytes encode(int opcode, bytes payload, bint fin=True, bint masked=False):
    """Return one frame; *masked* is for clients."""
    cdef Py_ssize_t size = size_of(payload)
    cdef uint8_t head[MAX_HEADER]
    cdef int head_size = put_header(head, <uint8_t>opcode, <uint64_t>size, fin, masked)
    cdef uint32_t mask
    cdef bytes frame
    cdef uint8_t *to
    if masked:
        mask = fresh_mask()
        memcpy(head + head_size, &mask, 4)
        head_size += 4
    frame = PyBytes_FromStringAndSize(NULL, head_size + size)
    to = <uint8_t *>PyBytes_AS_STRING(frame)
    memcpy(to, head, head_size)
    if masked:
        copy_xor(to + head_size, <const uint8_t *>PyBytes_AS_STRING(payload), size, mask)
    else:
        memcpy(to + head_size, PyBytes_AS_STRING(payload), size)
    return frame


def encode_close(int code, str reason not None="", bint masked=False):
    """Return a close frame; the reason is cut at 123 bytes, between characters. Code 1005 sends no code at all."""
    if code == 1005:
        return encode(OP_CLOSE, b"", True, masked)
    cdef bytes text = reason.encode()[:123].decode("utf-8", "ignore").encode()
    return encode(OP_CLOSE, bytes((code >> 8, code & 0xFF)) + text, True, masked)


cpdef bytes encode_event(bytes body, uint64_t seq):
    """Return the text frame of `body + ',"seq":N}'`: a broadcast's shared bytes with one connection's number.

    *body* is the event's JSON object without its closing brace. One allocation, one copy.
    """
    cdef Py_ssize_t size = size_of(body)
    cdef uint8_t head[MAX_HEADER]
    cdef uint8_t digits[20]
    cdef int count = 0
    cdef int head_size, i
    cdef bytes frame
    cdef uint8_t *to
    while True:
        digits[count] = 48 + <uint8_t>(seq % 10)
        count += 1
        seq //= 10
        if seq == 0:
            break
    head_size = put_header(head, OP_TEXT, <uint64_t>(size + 7 + count + 1), True, False)
    frame = PyBytes_FromStringAndSize(NULL, head_size + size + 7 + count + 1)
    to = <uint8_t *>PyBytes_AS_STRING(frame)
    memcpy(to, head, head_size)
    to += head_size
    memcpy(to, PyBytes_AS_STRING(body), size)
    to += size
    memcpy(to, b',"seq":', 7)
    to += 7
    for i in range(count):
        to[i] = digits[count - 1 - i]
    to[count] = 125  # }
    return frame


cdef class Outbox:
    """Frames that wait for the kernel, in order; `size` is their bytes."""

    cdef readonly Py_ssize_t size
    cdef list segments  # bytes; the first `gone` of them are written, and `offset` bytes of the next
    cdef Py_ssize_t gone
    cdef Py_ssize_t offset
    cdef Py_ssize_t dropped  # segments that `segments` no longer holds; position + dropped names a segment for ever
    cdef set payloads  # names of segments that continue the frame of the segment before them; None when there is none
    cdef bint client

    def __init__(self, *, bint client=False):
        self.segments = []
        self.client = client

    cpdef push(self, bytes frame):
        """Queue a complete frame."""
        self.size += size_of(frame)
        self.segments.append(frame)

    cpdef push_message(self, int opcode, bytes payload):
        """Queue *payload* as one frame; a large one is kept, not copied, unless it must be masked."""
        cdef uint8_t head[MAX_HEADER]
        cdef Py_ssize_t size = size_of(payload)
        if size < SEPARATE_BYTES or self.client:
            self.push(encode(opcode, payload, True, self.client))
            return
        self.push(PyBytes_FromStringAndSize(<char *>head, put_header(head, <uint8_t>opcode, size, True, False)))
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
        if count == 1:
            segment = <object>PyList_GET_ITEM(self.segments, self.gone)
            total = PyBytes_GET_SIZE(segment) - self.offset
            if total < RELEASE_BYTES:
                return send(fd, PyBytes_AS_STRING(segment) + self.offset, total, MSG_DONTWAIT | MSG_NOSIGNAL)
            total = 0
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


# --- both together --------------------------------------------------------------------------------------------------

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
            stream.flush()


cdef class Stream:
    """A descriptor with its decoder and its outbox: what happens to every message, and nothing that is rare.

    A turn reads once, gives each complete message to `message`, and writes the answers together. What is rare goes to
    `owner`: `control(opcode, payload)`, `paused(events)` when `message` returned False, `crashed(error)` when it
    raised, `lost()` at the end of the stream, `overflowed()` when more waits than the budget, `settle()` after a turn
    and `settle_writing(left)` after a write that left the owner something to do. As long as `is_calm`, that is only a
    violation, unread input or unwritten bytes.
    """

    cdef readonly Decoder decoder
    cdef readonly Outbox outbox
    cdef public object message
    cdef public object owner
    cdef public bint is_open  # messages are handed out, and what is sent is queued
    cdef public bint is_calm
    cdef public bint heard  # something came since this was last set to False
    cdef readonly int opcode  # of the message that is being handled
    cdef readonly bint in_turn
    cdef bint is_queued  # in the flusher's list
    cdef uint64_t seq  # of the last broadcast event; counts from 1
    cdef int fd
    cdef Flusher flusher
    cdef object receive_with
    cdef object flush_with
    cdef Py_ssize_t budget

    def __init__(
        self,
        int fd,
        Decoder decoder not None,
        Outbox outbox not None,
        Flusher flusher not None,
        Py_ssize_t budget,
        receive_with=None,
        flush_with=None,
    ):
        """*budget*: bytes that may wait; *receive_with(most)* and *flush_with()* stand in for the descriptor (TLS)."""
        self.fd = fd
        self.decoder = decoder
        self.outbox = outbox
        self.flusher = flusher
        self.budget = budget
        self.receive_with = receive_with
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
            self.outbox.push(encode_event(body, self.seq))
            self.flush_later()

    cpdef flush_later(self):
        """Have what was pushed leave at the end of this turn, or of the loop's."""
        if self.outbox.size > self.budget:
            self.owner.overflowed()
        elif not self.in_turn and not self.is_queued:
            self.is_queued = True
            self.flusher.add(self)

    def turn(self):
        """What to do when the descriptor is readable."""
        cdef list events
        self.heard = True
        try:
            if self.receive_with is None:
                events = self.decoder.receive(self.fd, TURN_MESSAGES)
            else:
                events = self.receive_with(TURN_MESSAGES)
        except OSError:
            events = None
        if events is None:
            self.owner.lost()
            return
        self.take(events)
        self.flush()

    cpdef take(self, list events):
        """Hand out decoded events; what is sent meanwhile waits for the `flush` that follows."""
        cdef Py_ssize_t i
        cdef tuple event
        cdef int opcode
        self.in_turn = True
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
        self.in_turn = False
        if not self.is_calm or self.decoder.rest is not None or self.decoder.failure is not None:
            self.owner.settle()

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
