"""Strict JSON envelope scanner: one pass over one message says what frame it is and where its body lies.

Knows nothing of methods, parameters or who is connected, and builds no values of the body.

Invariant: a message that passes is read the same by every JSON parser. Duplicate keys (after unescaping, at every
depth), text that is not strict UTF-8, lone surrogates, NaN and Infinity, byte-order marks, integers beyond 2^53,
floats that overflow, trailing data and deep nesting are refused; the work is linear in the size of the message.

Three outcomes: an Envelope; BadFrameError (JSON, but no acceptable frame: answer INVALID_REQUEST); NotJsonError.
"""

import os
from json.encoder import encode_basestring

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

from ascii cimport is_lower_hex
from jsonscan cimport (
    DEPTH, NONE, Scan, Text, Value, same, scan_free, scan_init, scan_message,
)
from simd cimport has_wide

# Bits of Envelope.flags.
RESP_WORD = 1  # `type` was "resp", an older spelling of "res"
UNKNOWN_KEYS = 2  # top-level keys outside the protocol's list for this kind
BAD_TRACEPARENT = 4  # there was one, not as W3C Trace Context says: to be ignored

DEEPEST = 1024  # bound of max_depth: one level costs about 200 bytes of stack


class EnvelopeError(ValueError):
    """A refused message: `code` is one of the keys of REASONS, `offset` a byte position."""

    def __init__(self, str code, Py_ssize_t offset):
        super().__init__(f"{REASONS[code]} at byte {offset}")
        self.code = code
        self.offset = offset


class NotJsonError(EnvelopeError):
    """Not JSON by RFC 8259; upstream ignores it after hello-ok and closes 1000 before."""


class BadFrameError(EnvelopeError):
    """JSON, but ambiguous or not a frame; `id` is the frame's own id when it has exactly one usable."""

    def __init__(self, str code, Py_ssize_t offset, str frame):
        super().__init__(code, offset)
        self.id = frame


REASONS = {
    # not JSON
    "empty": "empty message",
    "bom": "byte-order mark",
    "utf8": "invalid UTF-8",
    "control": "control character in a string",
    "escape": "invalid escape",
    "syntax": "not JSON",
    "truncated": "message ends too early",
    "trailing": "data after the end of the message",
    # JSON that two parsers read differently
    "duplicate-key": "duplicate key",
    "lone-surrogate": "escape of a lone surrogate",
    "integer-range": "integer beyond 2^53",
    "float-range": "number too large for a double",
    "number-long": "number with too many digits",
    "depth": "nesting too deep",
    # JSON that is no frame
    "not-object": "the message must be an object",
    "type": "type must be req, res or event",
    "id": "id must be a non-empty string",
    "method": "method must be a non-empty string",
    "event": "event must be a non-empty string",
    "ok": "ok must be true or false",
    "seq": "seq must be an integer not below zero",
}
cdef tuple CODES = tuple(REASONS)

# Positions in REASONS behind those of jsonscan.
cdef enum:
    NOT_OBJECT = NONE
    BAD_TYPE, BAD_ID, BAD_METHOD, BAD_EVENT, BAD_OK, BAD_SEQ

# Top-level keys, in the order of NAMES.
cdef enum:
    TYPE, ID, METHOD, EVENT, OK, SEQ, PARAMS, PAYLOAD, ERROR, TRACEPARENT
    EXPECTED_PROFILE, STATE_VERSION, RECIPIENT_PROFILE, OTHER, FIELDS

cdef const char *NAMES[FIELDS]
NAMES[:] = [
    "type", "id", "method", "event", "ok", "seq", "params", "payload", "error", "traceparent",
    "expectedProfileId", "stateVersion", "recipientProfileId", NULL,
]

cdef enum:  # top-level keys of each kind, one bit a field
    OF_REQUEST = 1 << TYPE | 1 << ID | 1 << METHOD | 1 << PARAMS | 1 << TRACEPARENT | 1 << EXPECTED_PROFILE
    OF_RESPONSE = 1 << TYPE | 1 << ID | 1 << OK | 1 << PAYLOAD | 1 << ERROR
    OF_EVENT = 1 << TYPE | 1 << EVENT | 1 << PAYLOAD | 1 << SEQ | 1 << STATE_VERSION | 1 << RECIPIENT_PROFILE

cdef enum:
    RELEASE_GIL_BYTES = 32768

# Keeps the time of the duplicate check linear against an attacker who chooses the keys.
cdef uint64_t secret[2]
memcpy(secret, PyBytes_AS_STRING(os.urandom(16)), 16)

# The tests switch the wide kernels off to hold both ways to the same results.
cdef bint WIDE = has_wide() and os.environ.get("CLAWGATE_NO_SIMD", "") != "1"


@cython.final
@cython.freelist(64)
@cython.no_gc
cdef class Envelope:
    """Facts of one acceptable frame. Spans are byte offsets into the message; start == end means absent."""

    cdef readonly str kind  # "req" | "res" | "event"
    cdef readonly str id  # of a req or res
    cdef readonly str name  # method of a req, event of an event
    cdef readonly object ok  # bool, of a res
    cdef readonly object seq  # int, of an event that has one
    cdef readonly Py_ssize_t body_start  # params of a req, payload of a res or event
    cdef readonly Py_ssize_t body_end
    cdef readonly Py_ssize_t error_start  # of a res
    cdef readonly Py_ssize_t error_end
    cdef readonly str traceparent  # valid by W3C Trace Context, else None
    cdef readonly int flags

    def __repr__(self):
        return (f"Envelope(kind={self.kind!r}, id={self.id!r}, name={self.name!r}, ok={self.ok!r}, seq={self.seq!r}, "
                f"body={self.body_start}:{self.body_end}, error={self.error_start}:{self.error_end}, "
                f"traceparent={self.traceparent!r}, flags={self.flags})")


cdef str to_str(const Text *text):
    return PyUnicode_DecodeUTF8(<const char *>text.data, text.size, NULL)


cdef inline uint8_t first_byte(const Scan *s, const Value *value) noexcept:
    """Tells the type of a JSON value; 0 when it is absent."""
    return s.base[value.start] if value.count else 0


cdef bint is_name(const Scan *s, const Value *value) noexcept:
    return first_byte(s, value) == 0x22 and value.text.size > 0


cdef bint is_trace_id(const uint8_t *p, int size) noexcept:
    """Lower-case hexadecimal digits, not all of them zero."""
    return is_lower_hex(p, size) and memcmp(p, b"00000000000000000000000000000000", size) != 0


cdef bint is_traceparent(const Scan *s, const Value *value) noexcept:
    """version "-" trace-id "-" parent-id "-" trace-flags (W3C Trace Context section 3.2)."""
    cdef const uint8_t *p = value.text.data
    cdef size_t size = value.text.size
    if first_byte(s, value) != 0x22 or size < 55 or p[2] != 0x2D or p[35] != 0x2D or p[52] != 0x2D:
        return False
    if not is_lower_hex(p, 2) or memcmp(p, b"ff", 2) == 0:
        return False
    if size > 55 and (memcmp(p, b"00", 2) == 0 or p[55] != 0x2D):  # only later versions may say more
        return False
    return is_trace_id(p + 3, 32) and is_trace_id(p + 36, 16) and is_lower_hex(p + 53, 2)


cdef str usable_id(const Scan *s):
    """The frame's id, also of a frame that is refused: None unless there is exactly one, a plain non-empty string."""
    cdef const Value *value = &s.fields[ID]
    if value.count != 1 or not is_name(s, value) or value.text.lone or value.end == 0:
        return None
    return to_str(&value.text)


cdef bad(const Scan *s, int field, int code):
    return BadFrameError(CODES[code], s.fields[field].start, usable_id(s))


cdef int unknown_keys(const Scan *s, int known) noexcept:
    cdef int field
    for field in range(FIELDS):
        if s.fields[field].count and not known >> field & 1:
            return 2  # UNKNOWN_KEYS
    return 0


cdef Envelope request(const Scan *s, Envelope e):
    if not is_name(s, &s.fields[ID]):
        raise bad(s, ID, BAD_ID)
    if not is_name(s, &s.fields[METHOD]):
        raise bad(s, METHOD, BAD_METHOD)
    e.kind = "req"
    e.id = to_str(&s.fields[ID].text)
    e.name = to_str(&s.fields[METHOD].text)
    e.body_start = s.fields[PARAMS].start
    e.body_end = s.fields[PARAMS].end
    if is_traceparent(s, &s.fields[TRACEPARENT]):
        e.traceparent = to_str(&s.fields[TRACEPARENT].text)
    elif s.fields[TRACEPARENT].count:
        e.flags |= 4  # BAD_TRACEPARENT
    e.flags |= unknown_keys(s, OF_REQUEST)
    return e


cdef Envelope response(const Scan *s, Envelope e):
    cdef uint8_t ok = first_byte(s, &s.fields[OK])
    if not is_name(s, &s.fields[ID]):
        raise bad(s, ID, BAD_ID)
    if ok != 0x74 and ok != 0x66:
        raise bad(s, OK, BAD_OK)
    e.kind = "res"
    e.id = to_str(&s.fields[ID].text)
    e.ok = ok == 0x74
    e.body_start = s.fields[PAYLOAD].start
    e.body_end = s.fields[PAYLOAD].end
    e.error_start = s.fields[ERROR].start
    e.error_end = s.fields[ERROR].end
    e.flags |= unknown_keys(s, OF_RESPONSE)
    return e


cdef Envelope event(const Scan *s, Envelope e):
    cdef const Value *seq = &s.fields[SEQ]
    if not is_name(s, &s.fields[EVENT]):
        raise bad(s, EVENT, BAD_EVENT)
    if seq.count:
        if not seq.number.integer or seq.number.negative and seq.number.value > 0:
            raise bad(s, SEQ, BAD_SEQ)
        e.seq = seq.number.value
    e.kind = "event"
    e.name = to_str(&s.fields[EVENT].text)
    e.body_start = s.fields[PAYLOAD].start
    e.body_end = s.fields[PAYLOAD].end
    e.flags |= unknown_keys(s, OF_EVENT)
    return e


cdef Envelope conclude(const Scan *s):
    cdef const Text *kind = &s.fields[TYPE].text
    cdef Envelope e = Envelope.__new__(Envelope)
    if s.base[s.top] != 0x7B:
        raise BadFrameError("not-object", s.top, None)
    if first_byte(s, &s.fields[TYPE]) == 0x22:
        if same(kind, "req", 3):
            return request(s, e)
        if same(kind, "res", 3):
            return response(s, e)
        if same(kind, "resp", 4):
            e.flags = 1  # RESP_WORD
            return response(s, e)
        if same(kind, "event", 5):
            return event(s, e)
    raise bad(s, TYPE, BAD_TYPE)


def scan(bytes data not None, *, int max_depth):
    """Return the Envelope of one message, at most *max_depth* containers deep, or raise an EnvelopeError."""
    cdef Scan s
    if not 1 <= max_depth <= DEEPEST:
        raise ValueError(f"max_depth must be from 1 to {DEEPEST}")
    scan_init(&s, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), max_depth, NAMES, secret, WIDE)
    try:
        if s.end - s.p < RELEASE_GIL_BYTES:
            scan_message(&s)
        else:
            with nogil:
                scan_message(&s)
        if s.out_of_memory:
            raise MemoryError
        if s.fault == DEPTH:
            raise BadFrameError("depth", s.fault_at, usable_id(&s))
        if s.fault != NONE:
            raise NotJsonError(CODES[s.fault], s.fault_at)
        if s.doubt != NONE:
            raise BadFrameError(CODES[s.doubt], s.doubt_at, usable_id(&s))
        return conclude(&s)
    finally:
        scan_free(&s)


def frame_id(bytes data not None, *, int max_depth):
    """Return the id an answer to this message would carry, None when it has none; never raises an EnvelopeError."""
    try:
        return scan(data, max_depth=max_depth).id
    except BadFrameError as error:
        return error.id
    except NotJsonError:
        return None


cdef bint needs_escape(const uint8_t *text, Py_ssize_t size) noexcept nogil:
    """Whether a JSON string cannot hold these UTF-8 bytes as they are."""
    cdef Py_ssize_t i
    for i in range(size):
        if text[i] < 0x20 or text[i] == 0x22 or text[i] == 0x5C:
            return True
    return False


def answer(str request_id not None, payload not None):
    """Return the frame `{"type":"res","id":...,"ok":true,"payload":...}` around an encoded payload."""
    if not isinstance(payload, bytes):  # a class derived from it will do
        raise TypeError("the payload must be bytes")
    cdef bytes quoted = request_id.encode("utf-8", "replace")
    cdef Py_ssize_t size = PyBytes_GET_SIZE(payload)
    cdef Py_ssize_t id_size
    cdef bytes frame
    cdef char *to
    if needs_escape(<const uint8_t *>PyBytes_AS_STRING(quoted), PyBytes_GET_SIZE(quoted)):
        quoted = encode_basestring(request_id).encode("utf-8", "replace")[1:-1]
    id_size = PyBytes_GET_SIZE(quoted)
    frame = PyBytes_FromStringAndSize(NULL, 20 + id_size + 22 + size + 1)
    to = PyBytes_AS_STRING(frame)
    memcpy(to, b'{"type":"res","id":"', 20)
    to += 20
    memcpy(to, PyBytes_AS_STRING(quoted), id_size)
    to += id_size
    memcpy(to, b'","ok":true,"payload":', 22)
    to += 22
    memcpy(to, PyBytes_AS_STRING(payload), size)
    to[size] = 125  # }
    return frame
