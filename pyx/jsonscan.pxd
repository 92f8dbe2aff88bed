"""A strict pass over one JSON text: grammar, ambiguity, and where the fields of the outermost object stand.

Knows nothing of frames; builds no values. Invariant: linear time; memory only for keys and for text with escapes.

A *fault* ends the scan: the text is not JSON. A *doubt* does not: it is JSON that two parsers read differently.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset, strlen

from ascii cimport hex_value, is_space, plain_run, put_utf8, short_escape, utf8_sequence
from keyset cimport ALL_DIFFERENT, NO_MEMORY, KeySet, keyset_add, keyset_close, keyset_free, keyset_init
from simd cimport text_blocks, utf8_blocks
from number cimport FLOAT_RANGE, INTEGER_RANGE, TOO_LONG, Number, read_number

cdef enum:
    # Faults, then doubts.
    EMPTY, BOM, UTF8, CONTROL, ESCAPE, SYNTAX, TRUNCATED, TRAILING
    DUPLICATE, SURROGATE, BIG_INTEGER, BIG_FLOAT, LONG_NUMBER, DEPTH
    NONE

cdef enum:
    MOST_FIELDS = 16
    SHORT_TEXT = 32  # most strings end here; the wide kernels pay off behind it

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
    bint wide  # the whole message is known to be UTF-8, and the wide kernels may be used
    const char **names  # of the fields, NULL behind the last
    Value fields[MOST_FIELDS]
    size_t top  # where the outermost value starts
    int max_depth
    bint out_of_memory
    int fault  # NONE while there is none
    size_t fault_at
    int doubt  # the first
    size_t doubt_at
    uint8_t *arena  # unescaped text; never longer than the message
    size_t arena_used
    KeySet keys


cdef inline void scan_init(
    Scan *s, const uint8_t *data, size_t size, int max_depth, const char **names, const uint64_t *secret,
    bint may_use_wide
) noexcept nogil:
    """*names*: at most MOST_FIELDS - 1; *secret* keeps the check for repeated keys linear."""
    s.base = s.p = data
    s.end = data + size
    s.wide = may_use_wide and size >= 64 and utf8_blocks(data, size)
    s.names = names
    memset(s.fields, 0, sizeof(s.fields))
    s.max_depth = max_depth
    s.out_of_memory = False
    s.fault = s.doubt = NONE
    s.arena = NULL
    s.arena_used = s.top = 0
    keyset_init(&s.keys, secret)


cdef inline void scan_free(Scan *s) noexcept nogil:
    free(s.arena)
    keyset_free(&s.keys)


cdef inline bint fail(Scan *s, int code, const uint8_t *at) noexcept nogil:
    s.fault = code
    s.fault_at = at - s.base
    return False


cdef inline bint out_of_memory(Scan *s) noexcept nogil:
    s.out_of_memory = True
    return False


cdef inline void note(Scan *s, int code, size_t at) noexcept nogil:
    if s.doubt == NONE:
        s.doubt = code
        s.doubt_at = at


cdef inline void skip_space(Scan *s) noexcept nogil:
    while s.p < s.end and is_space(s.p[0]):
        s.p += 1


cdef inline bint expect(Scan *s, uint8_t wanted) noexcept nogil:
    """Step over white space and one byte, which must be *wanted*."""
    skip_space(s)
    if s.p == s.end:
        return fail(s, TRUNCATED, s.p)
    if s.p[0] != wanted:
        return fail(s, SYNTAX, s.p)
    s.p += 1
    return True


# --- strings --------------------------------------------------------------------------------------------------


cdef inline int read_unit(const uint8_t *p, const uint8_t *end) noexcept nogil:
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


cdef inline size_t read_escape(const uint8_t *p, const uint8_t *end, int *point) noexcept nogil:
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
    point[0] = short_escape(p[1])
    return 2 if point[0] else 0


cdef inline bint unescape(Scan *s, Text *text) noexcept nogil:
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


cdef inline bint scan_text(Scan *s, Text *text) noexcept nogil:
    """Step over the string at s.p and check it; into *text*, unless NULL, goes what it says."""
    cdef const uint8_t *p = s.p + 1
    cdef const uint8_t *start = p
    cdef size_t size, left
    cdef int point = 0, escaped = False
    cdef bint lone = False
    while True:
        left = s.end - p
        p += plain_run(p, SHORT_TEXT if s.wide and left > SHORT_TEXT else left)
        if p < s.end and p[0] != 0x22 and s.wide:
            p += text_blocks(p, s.end - p, &escaped)
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
                # A wide kernel may have stopped inside a character; that this is UTF-8 is known then.
                size = 1 if s.wide else utf8_sequence(p, s.end - p)
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


cdef inline bint scan_number(Scan *s, Value *value) noexcept nogil:
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


cdef inline bint scan_word(Scan *s, const char *word, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if s.p + i == s.end:
            return fail(s, TRUNCATED, s.end)
        if s.p[i] != <uint8_t>word[i]:
            return fail(s, SYNTAX, s.p + i)
    s.p += size
    return True


cdef inline bint scan_array(Scan *s, int depth) noexcept nogil:
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


cdef inline bint close_object(Scan *s, size_t first) noexcept nogil:
    cdef size_t at = 0
    cdef Py_ssize_t repeated = keyset_close(&s.keys, first, &at)
    if repeated == NO_MEMORY:
        return out_of_memory(s)
    if repeated != ALL_DIFFERENT:
        note(s, DUPLICATE, at)
    return True


cdef inline bint scan_object(Scan *s, int depth) noexcept nogil:
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


cdef inline bint scan_value(Scan *s, int depth, Value *value) noexcept nogil:
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


cdef inline Value *field_of(Scan *s, const Text *key) noexcept nogil:
    """The field a top-level key names; the last one is for all unknown keys."""
    cdef size_t i = 0
    while s.names[i] != NULL and not same(key, s.names[i], strlen(s.names[i])):
        i += 1
    return &s.fields[i]


cdef inline bint scan_message(Scan *s) noexcept nogil:
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
