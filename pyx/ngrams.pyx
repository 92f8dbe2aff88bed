"""A linear model over hashed n-grams of a text: four characters, one word, two words.

Knows nothing of what the weights mean, of thresholds or of files. Invariant: scoring is one pass without the GIL,
exact integer sums, and reads only inside the weight table it was given.
"""

cimport cython
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_KIND
from libc.math cimport sqrt
from libc.stdint cimport int8_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

cdef extern from "Python.h" nogil:
    int Py_UNICODE_ISALNUM(uint32_t ch)
    int Py_UNICODE_ISSPACE(uint32_t ch)
    uint32_t Py_UNICODE_TOLOWER(uint32_t ch)

cdef enum:
    BITS = 16  # of a feature's index
    BUCKETS = 1 << BITS
    HEADS = 2  # weights of one bucket, side by side: one cache line serves both
    MAX_TOP = 16
    RELEASE_GIL_CHARACTERS = 2048  # about 12 us: getting the lock back from a busy thread takes far longer

# Multipliers of multiply-shift hashing; any odd numbers with mixed bits do, and these never change again.
cdef uint64_t GRAM = 0x9E3779B97F4A7C15ULL
cdef uint64_t WORD = 0xD6E8FEB86659FD93ULL
cdef uint64_t PAIR = 0xA0761D6478BD642FULL
cdef uint64_t STEP = 0x100000001B3ULL

ctypedef fused Char:
    uint8_t
    uint16_t
    uint32_t

# ASCII to what is hashed: lower case, digits alike, blanks alike; the high bit marks letters and digits.
cdef enum:
    IN_WORD = 128
    DIGIT = 48 | 128
    BREAK = 3  # stands for "the word before" after a mark that ends a sentence or begins a quotation

cdef uint8_t PLAIN[128]
cdef uint8_t BREAKS[128]


cdef void _fill_tables() noexcept:
    cdef int c
    for c in range(128):
        BREAKS[c] = 0
    for c in b".!?:;\"<>[]{}|#\n":
        BREAKS[c] = 1
    for c in range(128):
        PLAIN[c] = c
        if c'A' <= c <= c'Z' or c'a' <= c <= c'z':
            PLAIN[c] = (c | 32) | IN_WORD
        elif c'0' <= c <= c'9':
            PLAIN[c] = DIGIT
        elif c < 33 or c == 127:
            PLAIN[c] = c' '


_fill_tables()

cdef struct State:
    uint64_t gram  # the last four characters, twelve bits each
    uint64_t word  # hash of the word being read, 0 outside words
    uint64_t previous  # hash of the word before it
    Py_ssize_t word_start
    uint32_t last


cdef inline uint32_t _plain(uint32_t c) noexcept nogil:
    """At most twelve bits; above 127 only beyond ASCII or with the mark of a word."""
    if c < 128:
        return PLAIN[c]
    c = (128 + Py_UNICODE_TOLOWER(c) % 1919) << 1
    return c


cdef inline bint _is_stop(uint32_t c) noexcept nogil:
    """Quotation marks and ends of sentences beyond ASCII."""
    return (
        c == 0x2018 or 0x201A <= c <= 0x201F or c == 0xAB or c == 0xBB or c == 0x3002 or c == 0x300C
        or c == 0xFF01 or c == 0xFF1A or c == 0xFF1F or c == 0x060C or c == 0x061B or c == 0x061F or c == 0x06D4
        or c == 0x0964 or c == 0x2028
    )


cdef inline bint _in_word(uint32_t c, uint32_t plain) noexcept nogil:
    if c < 128:
        return (plain & IN_WORD) != 0
    # Vowel signs of Hebrew, Arabic, Indic and other scripts are no letters to Unicode, but part of words.
    return Py_UNICODE_ISALNUM(c) != 0 or (0x0591 <= c <= 0x1AFF and not Py_UNICODE_ISSPACE(c) and not _is_stop(c))


cdef inline bint _counts(State* state, uint32_t plain) noexcept nogil:
    """Whether the four characters that end here say anything: not so in rulers, tables of numbers and indentation."""
    return (plain > IN_WORD and plain != DIGIT) or (state.last > IN_WORD and state.last != DIGIT)


cdef inline uint32_t _gram(State* state, uint32_t plain) noexcept nogil:
    state.gram = ((state.gram << 12) | plain) & 0xFFFFFFFFFFFFULL
    return <uint32_t> ((state.gram * GRAM) >> (64 - BITS))


cdef inline void _take_letter(State* state, uint32_t plain, Py_ssize_t at) noexcept nogil:
    if state.word == 0:
        state.word_start = at
        state.word = 1
    state.word = state.word * STEP + plain


cdef inline void _take_mark(State* state, uint32_t c) noexcept nogil:
    """A quote opens a quotation after anything but a letter; within a word it is an apostrophe."""
    cdef bint stops
    if c >= 128:
        stops = _is_stop(c)
    else:
        stops = BREAKS[c] != 0 or (c == c"'" and not state.last & IN_WORD)
    if stops:
        state.previous = BREAK


cdef inline int _end_word(State* state, uint32_t* index) noexcept nogil:
    """Put the features that the word completes into *index*: itself, and its pair with the word before."""
    cdef uint64_t key = state.word * WORD
    cdef int count = 1
    key ^= key >> 32
    index[0] = <uint32_t> ((key * GRAM) >> (64 - BITS))
    if state.previous:
        index[1] = <uint32_t> (((state.previous * 3 + key) * PAIR) >> (64 - BITS))
        count = 2
    state.previous = key | 1
    state.word = 0
    return count


cdef struct Best:
    int64_t total
    int64_t count
    Py_ssize_t start
    Py_ssize_t end
    double value


@cython.boundscheck(False)
@cython.wraparound(False)
cdef void _score(
    const Char* text, Py_ssize_t size, const int8_t* weights, Py_ssize_t half, double damping, Best* best
) noexcept nogil:
    """Windows are two neighbouring halves of *half* characters each, ended at the next end of a word."""
    cdef State state
    cdef uint32_t index[2]
    cdef int64_t total = 0, count = 0, total_before = 0, count_before = 0
    cdef Py_ssize_t i, start = 0, start_before = 0
    cdef int found
    cdef uint32_t c, plain
    cdef double value
    cdef bint first = True, ended
    memset(&state, 0, sizeof(state))
    state.last = 32
    for i in range(size + 1):
        c = text[i] if i < size else 32
        plain = _plain(c)
        ended = False
        if _in_word(c, plain):
            _take_letter(&state, plain, i)
        elif state.word:
            found = _end_word(&state, index)
            total += weights[HEADS * index[0]]
            if found == 2:
                total += weights[HEADS * index[1]]
            count += found
            ended = True
            _take_mark(&state, c)
        else:
            _take_mark(&state, c)
        if _counts(&state, plain):
            total += weights[HEADS * _gram(&state, plain)]
            count += 1
        elif plain != 32 or state.last != 32:
            _gram(&state, plain)
        state.last = plain
        if i == size or (ended and i - start >= half):
            value = (total + total_before) / sqrt(count + count_before + damping)
            if first or value > best.value:
                best.value = value
                best.total = total + total_before
                best.count = count + count_before
                best.start = start_before
                best.end = i
            first = False
            total_before, count_before, start_before = total, count, start
            total = count = 0
            start = i


cdef inline uint32_t _read(int kind, const void* data, Py_ssize_t size, Py_ssize_t i) noexcept nogil:
    if i >= size:
        return 32  # a blank ends the last word
    if kind == 1:
        return (<const uint8_t*> data)[i]
    return (<const uint16_t*> data)[i] if kind == 2 else (<const uint32_t*> data)[i]


def features(str text not None):
    """Return (indexes, positions) as packed uint32: every feature, and the character that completed it.

    For training; `Model.score` sums exactly these.
    """
    cdef int kind = PyUnicode_KIND(text)
    cdef const void* data = PyUnicode_DATA(text)
    cdef Py_ssize_t size = len(text), i, n = 0
    cdef uint32_t* indexes = <uint32_t*> PyMem_Malloc(3 * (size + 1) * sizeof(uint32_t))
    cdef uint32_t* positions = <uint32_t*> PyMem_Malloc(3 * (size + 1) * sizeof(uint32_t))
    cdef State state
    cdef int found, k
    cdef uint32_t c, plain
    memset(&state, 0, sizeof(state))
    state.last = 32
    try:
        if indexes == NULL or positions == NULL:
            raise MemoryError()
        for i in range(size + 1):
            c = _read(kind, data, size, i)
            plain = _plain(c)
            found = 0
            if _in_word(c, plain):
                _take_letter(&state, plain, i)
            elif state.word:
                found = _end_word(&state, indexes + n)
                _take_mark(&state, c)
            else:
                _take_mark(&state, c)
            if _counts(&state, plain):
                indexes[n + found] = _gram(&state, plain)
                found += 1
            elif plain != 32 or state.last != 32:
                _gram(&state, plain)
            state.last = plain
            for k in range(found):
                positions[n + k] = <uint32_t> i
            n += found
        return (<char*> indexes)[: n * sizeof(uint32_t)], (<char*> positions)[: n * sizeof(uint32_t)]
    finally:
        PyMem_Free(indexes)
        PyMem_Free(positions)


cdef void _score_kind(
    int kind, const void* text, Py_ssize_t size, const int8_t* weights, Py_ssize_t half, double damping, Best* best
) noexcept nogil:
    if kind == 1:
        _score(<const uint8_t*> text, size, weights, half, damping, best)
    elif kind == 2:
        _score(<const uint16_t*> text, size, weights, half, damping, best)
    else:
        _score(<const uint32_t*> text, size, weights, half, damping, best)


@cython.final
cdef class Model:
    """Weights of two heads, interleaved: `2 * 65536` signed bytes."""

    cdef bytes _weights

    def __init__(self, bytes weights not None):
        if len(weights) != HEADS * BUCKETS:
            raise ValueError(f"{len(weights)} weights; {HEADS * BUCKETS} are needed")
        self._weights = weights

    def score(self, str text not None, int head, Py_ssize_t window, double damping):
        """Return (sum of weights, number of features, start, end) of the window where sum / sqrt(number + damping)
        is greatest. A window has about *window* characters; a shorter text is one window.
        """
        cdef int kind = PyUnicode_KIND(text)
        cdef const void* data = PyUnicode_DATA(text)
        cdef Py_ssize_t size = len(text), half = (window + 1) // 2
        cdef const int8_t* weights = <const int8_t*> <const char*> self._weights
        cdef Best best
        if not 0 <= head < HEADS or window < 2 or not damping > 0:
            raise ValueError("head is 0 or 1, window at least 2, damping above 0")
        if size <= window:
            half = size + 1
        memset(&best, 0, sizeof(best))
        if size < RELEASE_GIL_CHARACTERS:
            _score_kind(kind, data, size, weights + head, half, damping, &best)
        else:
            with nogil:
                _score_kind(kind, data, size, weights + head, half, damping, &best)
        return best.total, best.count, best.start, best.end

    def explain(self, str text not None, int head, Py_ssize_t start, Py_ssize_t end, int top):
        """Return up to *top* (start, end, weight) of the words in start..end that weigh most, strongest first.

        A word weighs what it completes: itself, its pair with the word before, and its characters in fours.
        """
        cdef const int8_t* weights = <const int8_t*> <const char*> self._weights
        cdef int kind = PyUnicode_KIND(text)
        cdef const void* data = PyUnicode_DATA(text)
        cdef Py_ssize_t size = len(text), i
        cdef int64_t weight = 0
        cdef int found
        cdef uint32_t c, plain
        cdef uint32_t index[2]
        cdef State state
        cdef list words = []
        if not 0 <= head < HEADS:
            raise ValueError("head is 0 or 1")
        memset(&state, 0, sizeof(state))
        state.last = 32
        for i in range(min(size, end) + 1):
            c = _read(kind, data, size, i)
            plain = _plain(c)
            if _in_word(c, plain):
                _take_letter(&state, plain, i)
            elif state.word:
                found = _end_word(&state, index)
                weight += weights[HEADS * index[0] + head]
                if found == 2:
                    weight += weights[HEADS * index[1] + head]
                if start <= i <= end and weight > 0:
                    words.append((state.word_start, i, weight))
                weight = 0
                _take_mark(&state, c)
            else:
                _take_mark(&state, c)
            if _counts(&state, plain):
                weight += weights[HEADS * _gram(&state, plain) + head]
            elif plain != 32 or state.last != 32:
                _gram(&state, plain)
            state.last = plain
        words.sort(key=_by_weight)
        return words[: min(top, MAX_TOP)]


def _by_weight(word):
    return -word[2], word[0]
