"""Strict JSON envelope scanner: one pass over one message says what frame it is and where its body lies.

Knows nothing of methods, parameters or who is connected, and builds no values of the body.

Invariant: a message that passes is read the same by every JSON parser. Duplicate keys (after unescaping, at every
depth), text that is not strict UTF-8, lone surrogates, NaN and Infinity, byte-order marks, integers beyond 2^53,
floats that overflow, trailing data and deep nesting are refused; the work is linear in the size of the message.

Three outcomes: an Envelope; BadFrameError (JSON, but no acceptable frame: answer INVALID_REQUEST); NotJsonError.
"""

import os

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from ascii cimport hex_value, is_space, plain_run, put_utf8, utf8_sequence
from keyset cimport ALL_DIFFERENT, NO_MEMORY, KeySet, keyset_add, keyset_close, keyset_free, keyset_init
from number cimport FLOAT_RANGE, INTEGER_RANGE, TOO_LONG, Number, read_number

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

# Positions in REASONS.
cdef enum:
    EMPTY, BOM, UTF8, CONTROL, ESCAPE, SYNTAX, TRUNCATED, TRAILING
    DUPLICATE, SURROGATE, BIG_INTEGER, BIG_FLOAT, LONG_NUMBER, DEPTH
    NOT_OBJECT, BAD_TYPE, BAD_ID, BAD_METHOD, BAD_EVENT, BAD_OK, BAD_SEQ
    NONE

cdef enum:
    TYPE, ID, METHOD, EVENT, OK, SEQ, PARAMS, PAYLOAD, ERROR, TRACEPARENT
    EXPECTED_PROFILE, STATE_VERSION, RECIPIENT_PROFILE, OTHER, FIELDS

cdef enum:  # top-level keys of each kind, one bit a field
    OF_REQUEST = 1 << TYPE | 1 << ID | 1 << METHOD | 1 << PARAMS | 1 << TRACEPARENT | 1 << EXPECTED_PROFILE
    OF_RESPONSE = 1 << TYPE | 1 << ID | 1 << OK | 1 << PAYLOAD | 1 << ERROR
    OF_EVENT = 1 << TYPE | 1 << EVENT | 1 << PAYLOAD | 1 << SEQ | 1 << STATE_VERSION | 1 << RECIPIENT_PROFILE

cdef enum:
    RELEASE_GIL_BYTES = 32768


cdef struct Text:
    const uint8_t *data  # into the message, or into the arena when it had escapes
    size_t size
    size_t at  # offset of the opening quote
    bint lone  # holds a lone surrogate

cdef struct Value:
    int count  # how often its key was seen
    size_t start  # span in the message
    size_t end
    Text text  # of a string
    Number number  # of a number

cdef struct Scan:
    const uint8_t *base
    const uint8_t *p
    const uint8_t *end
    size_t top  # where the top-level value starts
    int max_depth
    bint out_of_memory
    int fault  # Code that ended the scan, or NONE
    size_t fault_at
    int doubt  # first Code that makes the message ambiguous, or NONE; the scan goes on, to find the id
    size_t doubt_at
    uint8_t *arena  # unescaped text; never longer than the message
    size_t arena_used
    KeySet keys
    Value fields[FIELDS]

# Keeps the time of the duplicate check linear against an attacker who chooses the keys.
cdef uint64_t secret[2]
memcpy(secret, PyBytes_AS_STRING(os.urandom(16)), 16)


cdef bint fail(Scan *s, int code, const uint8_t *at) noexcept nogil:
    s.fault = code
    s.fault_at = at - s.base
    return False


cdef bint out_of_memory(Scan *s) noexcept nogil:
    s.out_of_memory = True
    return False


cdef void note(Scan *s, int code, size_t at) noexcept nogil:
    if s.doubt == NONE:
        s.doubt = code
        s.doubt_at = at


cdef inline void skip_space(Scan *s) noexcept nogil:
    while s.p < s.end and is_space(s.p[0]):
        s.p += 1


cdef bint expect(Scan *s, uint8_t wanted) noexcept nogil:
    """Step over white space and one byte, which must be *wanted*."""
    skip_space(s)
    if s.p == s.end:
        return fail(s, TRUNCATED, s.p)
    if s.p[0] != wanted:
        return fail(s, SYNTAX, s.p)
    s.p += 1
    return True


# --- strings --------------------------------------------------------------------------------------------------


# What stands behind the backslash -> what it means (RFC 8259 section 7).
cdef uint8_t short_escapes[256]
memset(short_escapes, 0, 256)
for letter, meaning in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    short_escapes[letter] = meaning


cdef int read_unit(const uint8_t *p, const uint8_t *end) noexcept nogil:
    """Value of the escape \\uXXXX at *p*, or -1."""
    cdef int i, digit, unit = 0
    if end - p < 6 or p[0] != 0x5C or p[1] != 0x75:
        return -1
    for i in range(2, 6):
        digit = hex_value(p[i])
        if digit < 0:
            return -1
        unit = unit << 4 | digit
    return unit


cdef size_t read_escape(const uint8_t *p, const uint8_t *end, int *point) noexcept nogil:
    """Length of the escape at *p*, 0 when it is none; *point* becomes its code point, a surrogate when it is alone."""
    cdef int low
    if end - p < 2:
        return 0
    if p[1] == 0x75:
        point[0] = read_unit(p, end)
        if point[0] < 0:
            return 0
        if 0xD800 <= point[0] <= 0xDBFF:
            low = read_unit(p + 6, end)
            if 0xDC00 <= low <= 0xDFFF:
                point[0] = 0x10000 + ((point[0] - 0xD800) << 10) + (low - 0xDC00)
                return 12
        return 6
    point[0] = short_escapes[p[1]]
    return 2 if point[0] else 0


cdef bint unescape(Scan *s, Text *text) noexcept nogil:
    """Move a checked text into the arena without its escapes."""
    cdef const uint8_t *p = text.data
    cdef const uint8_t *end = p + text.size
    cdef uint8_t *out
    cdef int point = 0
    if s.arena == NULL:
        s.arena = <uint8_t *>malloc(s.end - s.base)
        if s.arena == NULL:
            return out_of_memory(s)
    text.data = out = s.arena + s.arena_used
    while p < end:
        if p[0] == 0x5C:
            p += read_escape(p, end, &point)
            out += put_utf8(out, 0xFFFD if 0xD800 <= point <= 0xDFFF else point)
        else:
            out[0] = p[0]
            out += 1
            p += 1
    text.size = out - text.data
    s.arena_used += text.size
    return True


cdef bint scan_text(Scan *s, Text *text) noexcept nogil:
    """Step over the string at s.p and check it; into *text*, unless NULL, goes what it says."""
    cdef const uint8_t *p = s.p + 1
    cdef const uint8_t *start = p
    cdef size_t size
    cdef int point = 0
    cdef bint escaped = False, lone = False
    while True:
        p += plain_run(p, s.end - p)
        if p == s.end:
            return fail(s, TRUNCATED, p)
        if p[0] == 0x22:
            break
        if p[0] == 0x5C:
            size = read_escape(p, s.end, &point)
            if size == 0:
                return fail(s, ESCAPE, p)
            if 0xD800 <= point <= 0xDFFF:
                note(s, SURROGATE, p - s.base)
                lone = True
            escaped = True
            p += size
        elif p[0] < 0x20:
            return fail(s, CONTROL, p)
        else:
            while p < s.end and p[0] > 0x7F:
                size = utf8_sequence(p, s.end - p)
                if size == 0:
                    return fail(s, UTF8, p)
                p += size
    if text != NULL:
        text.at = s.p - s.base
        text.data = start
        text.size = p - start
        text.lone = lone
        if escaped and not unescape(s, text):
            return False
    s.p = p + 1
    return True


cdef inline bint same(const Text *text, const char *word, size_t size) noexcept nogil:
    return text.size == size and memcmp(text.data, word, size) == 0


# --- values ---------------------------------------------------------------------------------------------------


cdef bint scan_number(Scan *s, Value *value) noexcept nogil:
    cdef Number number = read_number(s.p, s.end)
    cdef const uint8_t *bad = s.p + number.good
    if number.size == 0:
        return fail(s, TRUNCATED if bad == s.end else SYNTAX, bad)
    if number.doubt == INTEGER_RANGE:
        note(s, BIG_INTEGER, s.p - s.base)
    elif number.doubt == FLOAT_RANGE:
        note(s, BIG_FLOAT, s.p - s.base)
    elif number.doubt == TOO_LONG:
        note(s, LONG_NUMBER, s.p - s.base)
    if value != NULL:
        value.number = number
    s.p += number.size
    return True


cdef bint scan_word(Scan *s, const char *word, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if s.p + i == s.end:
            return fail(s, TRUNCATED, s.end)
        if s.p[i] != <uint8_t>word[i]:
            return fail(s, SYNTAX, s.p + i)
    s.p += size
    return True


cdef bint scan_array(Scan *s, int depth) noexcept nogil:
    s.p += 1
    skip_space(s)
    if s.p < s.end and s.p[0] == 0x5D:
        s.p += 1
        return True
    while True:
        if not scan_value(s, depth, NULL):
            return False
        skip_space(s)
        if s.p < s.end and s.p[0] == 0x2C:
            s.p += 1
        else:
            return expect(s, 0x5D)


cdef bint close_object(Scan *s, size_t first) noexcept nogil:
    cdef size_t at = 0
    cdef Py_ssize_t repeated = keyset_close(&s.keys, first, &at)
    if repeated == NO_MEMORY:
        return out_of_memory(s)
    if repeated != ALL_DIFFERENT:
        note(s, DUPLICATE, at)
    return True


cdef bint scan_object(Scan *s, int depth) noexcept nogil:
    cdef size_t first = s.keys.count
    cdef Text text
    s.p += 1
    skip_space(s)
    if s.p < s.end and s.p[0] == 0x7D:
        s.p += 1
        return True
    while True:
        skip_space(s)
        if s.p == s.end:
            return fail(s, TRUNCATED, s.p)
        if s.p[0] != 0x22:
            return fail(s, SYNTAX, s.p)
        if not scan_text(s, &text) or not expect(s, 0x3A):
            return False
        if not keyset_add(&s.keys, text.data, text.size, text.at):
            return out_of_memory(s)
        if not scan_value(s, depth, field_of(s, &text) if depth == 1 else NULL):
            return False
        skip_space(s)
        if s.p < s.end and s.p[0] == 0x2C:
            s.p += 1
        else:
            return expect(s, 0x7D) and close_object(s, first)


cdef bint scan_value(Scan *s, int depth, Value *value) noexcept nogil:
    """Step over one value that stands inside *depth* containers; its facts go into *value* unless NULL."""
    cdef bint good
    cdef uint8_t first
    skip_space(s)
    if s.p == s.end:
        return fail(s, TRUNCATED, s.p)
    first = s.p[0]
    if value != NULL:
        value.count += 1
        value.start = s.p - s.base
    if first == 0x22:
        good = scan_text(s, NULL if value == NULL else &value.text)
    elif first == 0x7B or first == 0x5B:
        if depth == s.max_depth:
            return fail(s, DEPTH, s.p)
        good = scan_object(s, depth + 1) if first == 0x7B else scan_array(s, depth + 1)
    elif first == 0x74:
        good = scan_word(s, "true", 4)
    elif first == 0x66:
        good = scan_word(s, "false", 5)
    elif first == 0x6E:
        good = scan_word(s, "null", 4)
    else:
        good = scan_number(s, value)
    if value != NULL:
        value.end = s.p - s.base
    return good


cdef Value *field_of(Scan *s, const Text *key) noexcept nogil:
    """The field a top-level key names."""
    cdef int field = OTHER
    if same(key, "type", 4):
        field = TYPE
    elif same(key, "id", 2):
        field = ID
    elif same(key, "method", 6):
        field = METHOD
    elif same(key, "event", 5):
        field = EVENT
    elif same(key, "ok", 2):
        field = OK
    elif same(key, "seq", 3):
        field = SEQ
    elif same(key, "params", 6):
        field = PARAMS
    elif same(key, "payload", 7):
        field = PAYLOAD
    elif same(key, "error", 5):
        field = ERROR
    elif same(key, "traceparent", 11):
        field = TRACEPARENT
    elif same(key, "expectedProfileId", 17):
        field = EXPECTED_PROFILE
    elif same(key, "stateVersion", 12):
        field = STATE_VERSION
    elif same(key, "recipientProfileId", 18):
        field = RECIPIENT_PROFILE
    return &s.fields[field]


cdef bint scan_message(Scan *s) noexcept nogil:
    if s.p == s.end:
        return fail(s, EMPTY, s.p)
    if s.end - s.p >= 3 and memcmp(s.p, b"\xef\xbb\xbf", 3) == 0:
        return fail(s, BOM, s.p)
    skip_space(s)
    s.top = s.p - s.base
    if not scan_value(s, 0, NULL):
        return False
    skip_space(s)
    return s.p == s.end or fail(s, TRAILING, s.p)


# --- from scan to envelope ------------------------------------------------------------------------------------


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


cdef bint is_lower_hex(const uint8_t *p, int size) noexcept:
    cdef int i
    for i in range(size):
        if hex_value(p[i]) < 0 or 0x41 <= p[i] <= 0x46:
            return False
    return True


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
    s.base = s.p = <const uint8_t *>PyBytes_AS_STRING(data)
    s.end = s.base + PyBytes_GET_SIZE(data)
    s.max_depth = max_depth
    s.out_of_memory = False
    s.fault = s.doubt = NONE
    s.arena = NULL
    s.arena_used = s.top = 0
    keyset_init(&s.keys, secret)
    memset(s.fields, 0, sizeof(s.fields))
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
        free(s.arena)
        keyset_free(&s.keys)


def frame_id(bytes data not None, *, int max_depth):
    """Return the id an answer to this message would carry, None when it has none; never raises an EnvelopeError."""
    try:
        return scan(data, max_depth=max_depth).id
    except BadFrameError as error:
        return error.id
    except NotJsonError:
        return None
