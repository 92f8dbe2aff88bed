"""Maps a text to its plain form, character by character, and keeps the way back to the original positions.

Knows nothing of Unicode's data: what a character stands for is asked from `describe` once and remembered.
Invariant: total and linear; pieces cover every output character in order.
"""

cimport cython
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawRealloc
from cpython.unicode cimport PyUnicode_DATA, PyUnicode_FromKindAndData, PyUnicode_KIND
from libc.stdint cimport uint32_t
from libc.string cimport memset

cdef extern from "Python.h" nogil:
    uint32_t PyUnicode_READ(int kind, const void* data, Py_ssize_t index)
    int Py_UNICODE_ISALPHA(uint32_t ch)
    int PyUnicode_4BYTE_KIND

# What a character is, as the `describe` callable of a Folder says; a closed set, counted per text.
PLAIN, HIDDEN, BIDI, TAG, STYLED, MARK, LOOKALIKE, TYPOGRAPHY = range(8)

cdef enum:
    _PLAIN = 0
    _HIDDEN
    _BIDI
    _TAG
    _STYLED
    _MARK
    _LOOKALIKE
    _TYPOGRAPHY
    KINDS
    KNOWN = 1 << 31
    MANY = 1 << 30  # more than one replacement character; the low bits index the pool
    LOW = (1 << 21) - 1
    TABLE = 0x20000  # basic and supplementary multilingual planes
    HIGH_FROM = 0xE0000  # tags and variation selectors
    HIGH = 0x200
    MAX_EXPANSION = 18  # longest compatibility decomposition (U+FDFA)
    MIN_LOOKALIKE_WORD = 4
    PENDING = 1 << 30  # on a lookalike until its word has ended

cdef struct Piece:
    uint32_t at  # first character of the output it covers
    uint32_t start  # the range of the input it stands for
    uint32_t end

cdef struct FoldState:
    Py_ssize_t i  # next input character
    Py_ssize_t out_size
    Py_ssize_t out_room
    Py_ssize_t piece_count
    Py_ssize_t piece_room
    Py_ssize_t word  # output index where the current word began, -1 outside words
    Py_ssize_t counts[KINDS]
    Py_ssize_t hidden_in_words
    Py_ssize_t mixed_words
    Py_ssize_t changed  # characters that now read otherwise; typography left out
    Py_ssize_t pending_hidden  # hidden characters since the last visible one
    bint before_is_word
    bint has_latin
    bint has_other
    bint has_lookalike
    bint latin_text
    bint open_piece


@cython.final
cdef class Folder:
    """Maps characters by a table that `describe` fills on demand; safe to share, it only ever learns.

    `describe(character)` returns (replacement, kind). LOOKALIKE replacements are one ASCII letter and are used
    only in words that also hold Latin letters, or that consist of lookalikes in a mostly Latin text.
    """

    cdef uint32_t* _table
    cdef uint32_t* _pool
    cdef Py_ssize_t _pool_size
    cdef Py_ssize_t _pool_room
    cdef object _describe

    def __cinit__(self, describe):
        self._describe = describe
        self._pool = NULL
        self._pool_size = self._pool_room = 0
        self._table = <uint32_t*> PyMem_RawCalloc(TABLE + HIGH, sizeof(uint32_t))  # pages are touched only when used
        if self._table == NULL:
            raise MemoryError()

    def __dealloc__(self):
        PyMem_RawFree(self._table)
        PyMem_RawFree(self._pool)

    cdef int _learn(self, uint32_t c) except -1:
        cdef str replacement
        cdef int kind
        cdef uint32_t entry
        cdef Py_ssize_t k
        replacement, kind = self._describe(chr(c))
        if not 0 <= kind < KINDS or len(replacement) > MAX_EXPANSION:
            raise ValueError(f"describe() gave kind {kind}, {len(replacement)} characters for U+{<int> c:04X}")
        if len(replacement) == 1:
            entry = <uint32_t> ord(replacement)
        else:
            if self._pool_size + len(replacement) + 1 > self._pool_room:
                self._grow_pool()
            entry = MANY | <uint32_t> self._pool_size
            self._pool[self._pool_size] = <uint32_t> len(replacement)
            for k in range(len(replacement)):
                self._pool[self._pool_size + 1 + k] = <uint32_t> ord(replacement[k])
            self._pool_size += len(replacement) + 1
        self._table[_slot(c)] = KNOWN | entry | ((<uint32_t> kind) << 21)
        return 0

    cdef int _grow_pool(self) except -1:
        cdef Py_ssize_t room = 2 * self._pool_room + 256
        cdef uint32_t* pool = <uint32_t*> PyMem_RawRealloc(self._pool, room * sizeof(uint32_t))
        if pool == NULL:
            raise MemoryError()
        self._pool = pool
        self._pool_room = room
        return 0

    def fold(self, str text not None, bint latin_text):
        """Return (folded text, pieces, counts, hidden in words, mixed words, characters changed).

        `pieces` are packed uint32 triples (at, start, end): output from `at` to the next piece stands for input
        start..end. `counts` has one number for each kind of character; quotes and dashes that only became plain do not
        count as changed. Raises what `describe` raises.
        """
        cdef FoldState state
        cdef Py_UCS4* out = NULL
        cdef Piece* pieces = NULL
        cdef int kind = PyUnicode_KIND(text)
        cdef const void* data = PyUnicode_DATA(text)
        cdef Py_ssize_t size = len(text)
        cdef int step, k
        memset(&state, 0, sizeof(state))
        state.word = -1
        state.latin_text = latin_text
        try:
            while True:
                with nogil:
                    step = _fold(kind, data, size, self._table, self._pool, &state, &out, &pieces)
                if step == FOLD_DONE:
                    break
                if step == FOLD_MEMORY:
                    raise MemoryError()
                self._learn(PyUnicode_READ(kind, data, state.i))
            folded = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, out, state.out_size)
            packed = (<char*> pieces)[: state.piece_count * sizeof(Piece)] if state.piece_count else b""
            counts = tuple([state.counts[k] for k in range(KINDS)])
        finally:
            PyMem_RawFree(out)
            PyMem_RawFree(pieces)
        return folded, packed, counts, state.hidden_in_words, state.mixed_words, state.changed


cdef enum:
    FOLD_DONE = 0
    FOLD_UNKNOWN = 1
    FOLD_MEMORY = 2


cdef inline Py_ssize_t _slot(uint32_t c) noexcept nogil:
    """Index into the table, or -1 for characters that always stand for themselves."""
    if c < TABLE:
        return <Py_ssize_t> c
    if HIGH_FROM <= c < HIGH_FROM + HIGH:
        return TABLE + <Py_ssize_t> c - HIGH_FROM
    return -1


cdef inline bint _room(FoldState* state, Py_UCS4** out, Piece** pieces) noexcept nogil:
    """Make room for one more character's worth of output."""
    cdef Py_UCS4* more
    cdef Piece* more_pieces
    if state.out_size + MAX_EXPANSION > state.out_room:
        state.out_room = 2 * state.out_room + 1024
        more = <Py_UCS4*> PyMem_RawRealloc(out[0], state.out_room * sizeof(Py_UCS4))
        if more == NULL:
            return False
        out[0] = more
    if state.piece_count + 2 > state.piece_room:
        state.piece_room = 2 * state.piece_room + 64
        more_pieces = <Piece*> PyMem_RawRealloc(pieces[0], state.piece_room * sizeof(Piece))
        if more_pieces == NULL:
            return False
        pieces[0] = more_pieces
    return True


cdef inline void _piece(FoldState* state, Piece* pieces, bint literal) noexcept nogil:
    """Cover the input character at state.i: lengthen the open literal piece or begin a new one."""
    cdef Piece* piece
    if literal and state.open_piece:
        pieces[state.piece_count - 1].end = <uint32_t> state.i + 1
        return
    piece = &pieces[state.piece_count]
    piece.at = <uint32_t> state.out_size
    piece.start = <uint32_t> state.i
    piece.end = <uint32_t> state.i + 1
    state.piece_count += 1
    state.open_piece = literal


cdef void _end_word(FoldState* state, const uint32_t* table, Py_UCS4* out) noexcept nogil:
    cdef Py_ssize_t k, size = state.out_size - state.word
    cdef bint whole = state.latin_text and not state.has_other and size >= MIN_LOOKALIKE_WORD
    cdef bint mixed = state.has_lookalike and (state.has_latin or whole)
    cdef uint32_t c
    if state.has_lookalike:
        for k in range(state.word, state.out_size):
            if <uint32_t> out[k] & PENDING:
                c = <uint32_t> out[k] & LOW
                out[k] = <Py_UCS4> (table[c] & LOW if mixed else c)
        state.mixed_words += mixed
        state.changed += mixed
    state.word = -1
    state.has_latin = state.has_other = state.has_lookalike = False


cdef int _fold(
    int kind, const void* data, Py_ssize_t size, const uint32_t* table, const uint32_t* pool, FoldState* state,
    Py_UCS4** out, Piece** pieces,
) noexcept nogil:
    cdef uint32_t c
    cdef uint32_t entry
    cdef Py_ssize_t slot, k, count
    cdef const uint32_t* replacement
    cdef int what
    cdef bint in_word
    while state.i < size:
        if not _room(state, out, pieces):
            return FOLD_MEMORY
        c = PyUnicode_READ(kind, data, state.i)
        slot = _slot(c)
        entry = KNOWN | <uint32_t> c if slot < 0 else table[slot]
        if not entry & KNOWN:
            return FOLD_UNKNOWN
        what = (entry >> 21) & 7
        state.counts[what] += 1
        if entry & MANY:
            replacement = pool + (entry & LOW)
            count = replacement[0]
        else:
            count = 1
        if count == 0:
            state.changed += 1
            state.open_piece = False
            if what == _HIDDEN:
                state.pending_hidden += state.before_is_word
            state.i += 1
            continue
        _piece(state, pieces[0], count == 1)
        for k in range(count):
            out[0][state.out_size + k] = c if what == _LOOKALIKE else (
                <Py_UCS4> replacement[1 + k] if entry & MANY else <Py_UCS4> (entry & LOW)
            )
        state.changed += what != _TYPOGRAPHY and (count > 1 or out[0][state.out_size] != c)
        c = out[0][state.out_size]
        in_word = Py_UNICODE_ISALPHA(c) != 0
        if in_word:
            if state.pending_hidden and c < 128:
                state.hidden_in_words += state.pending_hidden
            if state.word < 0:
                state.word = state.out_size
            if what == _LOOKALIKE:
                state.has_lookalike = True
                out[0][state.out_size] = <Py_UCS4> (c | PENDING)
            elif c < 128:
                state.has_latin = True
            else:
                state.has_other = True
        elif state.word >= 0:
            _end_word(state, table, out[0])
        state.pending_hidden = 0
        state.before_is_word = in_word and c < 128
        state.out_size += count
        state.i += 1
    if state.word >= 0:
        _end_word(state, table, out[0])
    return FOLD_DONE
