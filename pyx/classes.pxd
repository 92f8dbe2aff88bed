"""What a character may be part of, and the letters at the start of a text, sixteen bytes at a time.

Knows nothing of words. Invariant: no result depends on the processor.
"""

from libc.stdint cimport uint8_t, uint32_t

cdef extern from "Python.h" nogil:
    int Py_UNICODE_ISALNUM(uint32_t ch)
    int Py_UNICODE_ISSPACE(uint32_t ch)

cdef extern from *:
    """
    #include <stdint.h>
    #if defined(__SSE2__)
    #include <emmintrin.h>
    #endif

    enum {
        UPPER = 1, LOWER = 2,
        BIT = 4,  /* 0 and 1 */
        DIGIT = 8,  /* 2 to 9 */
        FAR = 16,  /* letters that no hexadecimal number has, not even as its mark: neither a to f nor x */
        OTHER = 32,  /* letters and digits beyond ASCII */
        WORD = UPPER | LOWER | BIT | DIGIT | OTHER,
        BLANK = 64, CONTROL = 128
    };
    static const uint8_t gw_classes[128] = {
        [0 ... 8] = CONTROL, [9 ... 13] = BLANK, [14 ... 31] = CONTROL, [' '] = BLANK, [127] = CONTROL,
        ['0' ... '1'] = BIT, ['2' ... '9'] = DIGIT,
        ['A' ... 'F'] = UPPER, ['G' ... 'W'] = UPPER | FAR, ['X'] = UPPER, ['Y' ... 'Z'] = UPPER | FAR,
        ['a' ... 'f'] = LOWER, ['g' ... 'w'] = LOWER | FAR, ['x'] = LOWER, ['y' ... 'z'] = LOWER | FAR
    };

    /* How many of the sixteen bytes at `p`, from the first on, are ASCII letters; and the classes they have. */
    static inline int gw_letters(const uint8_t *p, int *classes) {
    #if defined(__SSE2__)
        const __m128i v = _mm_loadu_si128((const __m128i *)p);
        const __m128i place = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
        const __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(place, _mm_set1_epi8(25)), place);
        const __m128i near = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(place, _mm_set1_epi8(5)), place),
                                          _mm_cmpeq_epi8(place, _mm_set1_epi8('x' - 'a')));
        const int count = __builtin_ctz(~(uint32_t)_mm_movemask_epi8(letter));
        const uint32_t those = ((uint32_t)1 << count) - 1;
        const uint32_t lower = (uint32_t)_mm_movemask_epi8(_mm_slli_epi16(v, 2)) & those;  /* bit 5 of each byte */
        const uint32_t far = ~(uint32_t)_mm_movemask_epi8(near) & those;
        *classes = (lower != those) * UPPER | (lower != 0) * LOWER | (far != 0) * FAR;
    #else
        int count = 0;
        for (*classes = 0; count < 16 && p[count] < 128 && gw_classes[p[count]] & (UPPER | LOWER); count++)
            *classes |= gw_classes[p[count]];
    #endif
        return count;
    }
    """
    cdef enum:
        UPPER, LOWER, BIT, DIGIT, FAR, OTHER, WORD, BLANK, CONTROL
    const uint8_t[128] CLASS "gw_classes"
    int take_letters "gw_letters"(const uint8_t *p, int *classes) noexcept nogil


cdef inline int class_of(uint32_t c) noexcept nogil:
    if c < 128:
        return CLASS[c]
    if Py_UNICODE_ISALNUM(c):
        return OTHER
    if Py_UNICODE_ISSPACE(c):
        return BLANK
    # Vowel signs of Hebrew, Arabic, Indic and other scripts are no letters to Unicode, but part of words.
    return OTHER if 0x0591 <= c <= 0x1AFF else 0
