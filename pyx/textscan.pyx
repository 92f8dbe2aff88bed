"""One pass over a text that finds the spans where something may be disguised: encoded runs, floods, spaced letters.

Knows nothing of policies, views or how a span is decoded.
Invariant: linear in the length of the text, bounded in what it returns, and total: any str is accepted.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_KIND
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from classes cimport (
    BIT, BLANK, CLASS, CONTROL, DIGIT, FAR, LOWER, OTHER, UPPER, WORD, class_of, take_letters,
)

# What a run may be (gw.defender.text.runs decodes them).
BASE64, HEX, UNITS, BINARY, DECIMAL, PERCENT, ESCAPES, SPACED, FLOOD, HYPHENS = range(10)

cdef enum:
    _BASE64, _HEX, _UNITS, _BINARY, _DECIMAL, _PERCENT, _ESCAPES, _SPACED, _FLOOD, _HYPHENS

cdef enum:
    RELEASE_GIL_CHARACTERS = 4096  # about 10 us: getting the lock back from a busy thread takes far longer
    MAX_RUNS = 256  # per text; past it only the number dropped is known
    MIN_BASE64 = 24  # characters: 18 bytes
    MIN_HEX = 16  # digits without separators
    MIN_UNITS = 8  # hex pairs or decimal codes with separators
    MIN_BINARY = 6  # octets written as eight binary digits
    MIN_PERCENT = 3  # escapes inside one blank-separated token
    MIN_ESCAPES = 4
    MIN_SPACED = 5  # single letters
    MIN_CHAR_FLOOD = 16  # the same character in a row
    MIN_TOKEN_FLOOD = 8  # the same token (or group of up to four) in a row
    PERIODS = 4  # a power of two
    MAX_GAP = 3  # separators between the units of one run
    MAX_LEET = 16  # characters of a word; longer ones are identifiers

ctypedef fused Char:
    uint8_t
    uint16_t
    uint32_t

cdef struct Run:
    int kind
    Py_ssize_t start, end

cdef struct Found:
    Run run[MAX_RUNS]
    int count
    int dropped
    Py_ssize_t ascii_letters
    Py_ssize_t other_letters
    Py_ssize_t leet_words
    Py_ssize_t controls

cdef struct Units:
    # Short words in a row, all of one kind, at most MAX_GAP separators apart.
    int kind
    Py_ssize_t count
    Py_ssize_t start, end

cdef struct Coded:
    # Words joined by one of + / - _: what base64 and bare hex look like.
    Py_ssize_t start, end
    int classes
    bint joined

cdef struct Compound:
    # Words of letters joined by hyphens.
    Py_ssize_t start, end
    Py_ssize_t first_size, letters
    int pieces

cdef struct Token:
    Py_ssize_t start, end
    int percents, escapes
    bint wordy

cdef struct Flood:
    # The last four blank-separated tokens, and for each period how many tokens equal the one that long before.
    Py_ssize_t start[PERIODS]
    Py_ssize_t size[PERIODS]
    uint64_t sign[PERIODS]  # of each: length, first and last character; 0 for what is no word
    Py_ssize_t seen
    Py_ssize_t since[PERIODS]
    Py_ssize_t repeats[PERIODS]
    bint repeating
    Py_ssize_t reported_end


cdef inline void _add(Found* found, int kind, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    if found.count == MAX_RUNS:
        found.dropped += 1
        return
    found.run[found.count].kind = kind
    found.run[found.count].start = start
    found.run[found.count].end = end
    found.count += 1


cdef inline void _end_units(Units* units, Found* found) noexcept nogil:
    cdef int least = MIN_UNITS
    if units.kind == _SPACED:
        least = MIN_SPACED
    elif units.kind == _BINARY:
        least = MIN_BINARY
    if units.count >= least:
        _add(found, units.kind, units.start, units.end)
    units.count = 0


cdef inline bint _is_hex(uint32_t c) noexcept nogil:
    return c < 128 and CLASS[c] & WORD and not CLASS[c] & FAR and c | 32 != c'x'


cdef inline int _unit_kind(const Char* text, Py_ssize_t start, Py_ssize_t size, int classes) noexcept nogil:
    """What kind of unit a word could be, or -1; most words are ruled out by their length and classes."""
    cdef Py_ssize_t k
    if size > 8 or (size > 1 and classes & (FAR | OTHER)):
        return -1
    if size == 1:
        return _SPACED if classes & (UPPER | LOWER | OTHER) else -1
    if size == 8:
        return _BINARY if classes == BIT else -1
    if size > 4:
        return -1
    if size == 3 and not classes & (UPPER | LOWER):
        return _DECIMAL
    if size > 2:  # x49 and 0x49 are what is left of \\x49 and 0x49
        if text[start + size - 3] | 32 != c'x' or (size == 4 and text[start] != c'0'):
            return -1
    for k in range(start + size - 2, start + size):
        if not _is_hex(text[k]):
            return -1
    return _UNITS


cdef inline void _take_unit(
    Units* units, int kind, bint numeric, Py_ssize_t start, Py_ssize_t end, Found* found
) noexcept nogil:
    if units.count and start - units.end <= MAX_GAP:
        if kind == _UNITS and units.kind == _DECIMAL and numeric:
            kind = _DECIMAL  # two digits are both a hex pair and a code
        elif kind == _DECIMAL and units.kind == _UNITS and units.count < 4:
            units.kind = _DECIMAL  # the first pairs did not tell
        if kind == units.kind:
            units.count += 1
            units.end = end
            return
    _end_units(units, found)
    units.kind = kind
    units.count = 1
    units.start = start
    units.end = end


cdef inline void _end_coded(const Char* text, Coded* coded, Found* found) noexcept nogil:
    if coded.end - coded.start >= MIN_HEX and not coded.classes & OTHER:
        _add_coded(text, coded, found)


cdef void _add_coded(const Char* text, Coded* coded, Found* found) noexcept nogil:
    cdef Py_ssize_t k, size = coded.end - coded.start
    if not coded.joined and size % 2 == 0 and coded.classes & (BIT | DIGIT):
        for k in range(coded.start, coded.end):
            if not _is_hex(text[k]):
                break
        else:
            _add(found, _HEX, coded.start, coded.end)
            return
    if size >= MIN_BASE64 and coded.classes & UPPER and coded.classes & (LOWER | DIGIT):
        _add(found, _BASE64, coded.start, coded.end)


cdef inline bint _is_leet(const Char* text, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    """At least two letters, and a digit that stands for one: before a letter."""
    cdef Py_ssize_t k
    cdef int letters = 0, digits = 0
    cdef bint stands = False
    for k in range(start, end):
        if text[k] < 128 and CLASS[text[k]] & (UPPER | LOWER):
            letters += 1
            stands |= digits > 0
        else:
            digits += 1
    return stands and letters >= 2


cdef inline void _end_flood(Flood* flood, int index, Py_ssize_t end, Found* found) noexcept nogil:
    cdef Py_ssize_t repeats = flood.repeats[index]
    flood.repeats[index] = 0
    if repeats >= (MIN_TOKEN_FLOOD - 1) * (index + 1) and flood.since[index] >= flood.reported_end:
        _add(found, _FLOOD, flood.since[index], end)
        flood.reported_end = end


cdef void _compare(const Char* text, Flood* flood, Token* token, Py_ssize_t size, Found* found) noexcept nogil:
    """Count for each period how many tokens equal the one so long before; the shortest that repeats is reported."""
    cdef int index, slot, last = (flood.seen - 1) & (PERIODS - 1)
    flood.repeating = False
    for index in range(PERIODS):
        slot = (flood.seen - index - 1) & (PERIODS - 1)
        if (
            token.wordy and flood.seen > index and flood.size[slot] == size
            and memcmp(text + flood.start[slot], text + token.start, size * sizeof(Char)) == 0
        ):
            if flood.repeats[index] == 0:
                flood.since[index] = token.start
            flood.repeats[index] += 1
            flood.repeating = True
        elif flood.repeats[index]:
            _end_flood(flood, index, flood.start[last] + flood.size[last], found)


cdef inline void _take_token(const Char* text, Flood* flood, Token* token, Found* found) noexcept nogil:
    cdef Py_ssize_t size = token.end - token.start
    cdef uint64_t sign = <uint64_t> size << 42 | <uint64_t> text[token.start] << 21 | text[token.end - 1]
    cdef int slot = flood.seen & (PERIODS - 1)
    if token.percents >= MIN_PERCENT:
        _add(found, _PERCENT, token.start, token.end)
    if token.escapes >= MIN_ESCAPES:
        _add(found, _ESCAPES, token.start, token.end)
    if not token.wordy:
        sign = 0
    if flood.repeating or (
        sign and (
            (sign == flood.sign[0]) | (sign == flood.sign[1]) | (sign == flood.sign[2]) | (sign == flood.sign[3])
        )
    ):
        _compare(text, flood, token, size, found)
    flood.start[slot] = token.start
    flood.size[slot] = size
    flood.sign[slot] = sign
    flood.seen += 1


cdef inline void _take_word(
    const Char* text, Py_ssize_t start, Py_ssize_t end, int classes, Units* units, Found* found
) noexcept nogil:
    if end - start > 1 and classes & FAR and not classes & (BIT | DIGIT | OTHER):  # no unit of anything, as most
        if units.count:
            _end_units(units, found)
        found.ascii_letters += end - start
    else:
        _take_odd_word(text, start, end, classes, units, found)


cdef void _take_odd_word(
    const Char* text, Py_ssize_t start, Py_ssize_t end, int classes, Units* units, Found* found
) noexcept nogil:
    cdef Py_ssize_t size = end - start, k
    cdef bint numeric = not classes & (UPPER | LOWER | OTHER)
    cdef int kind = _unit_kind(text, start, size, classes)
    if kind >= 0:
        _take_unit(units, kind, numeric, start, end, found)
    elif units.count:
        _end_units(units, found)
    if not classes & (BIT | DIGIT | OTHER):
        found.ascii_letters += size
    elif not numeric:
        for k in range(start, end):
            if text[k] >= 128:
                found.other_letters += 1
            elif CLASS[text[k]] & (UPPER | LOWER):
                found.ascii_letters += 1
        if classes & (BIT | DIGIT) and 3 <= size <= MAX_LEET and _is_leet(text, start, end):
            found.leet_words += 1


cdef inline void _find_char_floods(const Char* text, Py_ssize_t start, Py_ssize_t end, Found* found) noexcept nogil:
    cdef Py_ssize_t k, first = start
    for k in range(start + 1, end + 1):
        if k == end or text[k] != text[first]:
            if k - first >= MIN_CHAR_FLOOD:
                _add(found, _FLOOD, first + 1, k)
            first = k


cdef inline bint _joins(uint32_t c) noexcept nogil:
    return c == c'+' or c == c'/' or c == c'-' or c == c'_'


cdef inline void _take_coded(
    const Char* text, Py_ssize_t start, Py_ssize_t end, int classes, Coded* coded, Found* found
) noexcept nogil:
    if start > 0 and coded.end == start - 1 and _joins(text[start - 1]):
        coded.joined = True
        coded.classes |= classes
    else:
        _end_coded(text, coded, found)
        coded.joined = False
        coded.classes = classes
        coded.start = start
    coded.end = end


cdef inline void _end_compound(const Char* text, Compound* compound, Found* found) noexcept nogil:
    """Hyphens that take a word apart: three pieces or more, short ones; or one letter where no prefix has one."""
    cdef uint32_t first = text[compound.start] | 32
    cdef bint apart = compound.pieces >= 3 and compound.letters < 3 * compound.pieces
    if compound.first_size == 1 and not apart:
        apart = not (first == c'e' or first == c'x' or first == c't' or first == c'a')  # e-mail, x-ray, t-shirt, a-z
    if apart:
        _add(found, _HYPHENS, compound.start, compound.end)


cdef inline void _take_compound(
    const Char* text, Py_ssize_t start, Py_ssize_t end, bint letters, Compound* compound, Found* found
) noexcept nogil:
    if compound.pieces and letters and compound.end == start - 1 and text[start - 1] == c'-':
        compound.pieces += 1
    else:
        if compound.pieces > 1:
            _end_compound(text, compound, found)
        compound.pieces = letters
        compound.letters = 0
        compound.start = start
        compound.first_size = end - start
    compound.letters += end - start
    compound.end = end


@cython.boundscheck(False)
@cython.wraparound(False)
cdef void _survey(const Char* text, Py_ssize_t size, Found* found) noexcept nogil:
    cdef Py_ssize_t i = 0, start
    cdef int classes, klass
    cdef Units units
    cdef Coded coded
    cdef Compound compound
    cdef Flood flood
    cdef Token token
    memset(&units, 0, sizeof(units))
    memset(&coded, 0, sizeof(coded))
    memset(&compound, 0, sizeof(compound))
    memset(&flood, 0, sizeof(flood))
    memset(&token, 0, sizeof(token))
    coded.end = token.start = -1
    while i < size:
        start = i
        klass = class_of(text[i])
        if klass & BLANK:
            if token.start >= 0:
                token.end = i
                _take_token(text, &flood, &token, found)
                token.start = -1
            i += 1
            continue
        if token.start < 0:
            token.start = i
            token.percents = token.escapes = 0
            token.wordy = False
        if klass & WORD:
            classes = 0
            if Char is uint8_t and size - i > 16:
                # Most words end among the next sixteen, and no branch predictor knows where.
                i += take_letters(text + i, &classes)
                klass = class_of(text[i])
            while klass & WORD:
                classes |= klass
                i += 1
                if i == size:
                    break
                klass = class_of(text[i])
            token.wordy = True
            _take_word(text, start, i, classes, &units, found)
            _take_coded(text, start, i, classes, &coded, found)
            _take_compound(text, start, i, not classes & (BIT | DIGIT), &compound, found)
            if i - start >= MIN_CHAR_FLOOD:
                _find_char_floods(text, start, i, found)
            continue
        if text[i] >= 128:
            token.wordy = True
            while i + 1 < size and text[i + 1] == text[i]:
                i += 1
            if i - start + 1 >= MIN_CHAR_FLOOD:
                _add(found, _FLOOD, start + 1, i + 1)
        else:
            found.controls += (klass & CONTROL) != 0
            token.percents += text[i] == c'%'
            token.escapes += text[i] == c'\\' or text[i] == c'&'
        i += 1
    if token.start >= 0:
        token.end = size
        _take_token(text, &flood, &token, found)
    _end_units(&units, found)
    _end_coded(text, &coded, found)
    if compound.pieces > 1:
        _end_compound(text, &compound, found)
    for klass in range(PERIODS):
        _end_flood(&flood, klass, size, found)


cdef void _survey_kind(int kind, const void* data, Py_ssize_t size, Found* found) noexcept nogil:
    if kind == 1:
        _survey(<const uint8_t*> data, size, found)
    elif kind == 2:
        _survey(<const uint16_t*> data, size, found)
    else:
        _survey(<const uint32_t*> data, size, found)


def survey(str text not None):
    """Return (ascii letters, other letters, leet words, control characters, runs dropped, runs).

    A run is (kind, start, end) in characters; at most 256 come back. Runs of different kinds may overlap, and a
    run is only a candidate: whether it decodes to anything is for the caller to see.
    """
    cdef Found* found = <Found*> PyMem_Malloc(sizeof(Found))
    cdef int kind = PyUnicode_KIND(text)
    cdef const void* data = PyUnicode_DATA(text)
    cdef Py_ssize_t size = len(text)
    cdef int i
    if found == NULL:
        raise MemoryError()
    try:
        memset(found, 0, sizeof(Found))
        if size < RELEASE_GIL_CHARACTERS:
            _survey_kind(kind, data, size, found)
        else:
            with nogil:
                _survey_kind(kind, data, size, found)
        runs = [(found.run[i].kind, found.run[i].start, found.run[i].end) for i in range(found.count)]
        return (
            found.ascii_letters, found.other_letters, found.leet_words, found.controls, found.dropped, runs,
        )
    finally:
        PyMem_Free(found)
