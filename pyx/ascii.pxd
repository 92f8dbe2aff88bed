"""Inline helpers over bytes: what a JSON string may hold as it stands, hexadecimal digits, strict UTF-8 sequences.

Knows nothing of frames. Invariant: no helper reads at or past the end it was given.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint64_t

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>
    #if defined(__SSE2__)
    #include <emmintrin.h>

    /* Marks quotes, backslashes, bytes below 0x20 and above 0x7f; as signed bytes the last two are "less than 0x20". */
    static inline __m128i gw_special16(const uint8_t *p) {
        const __m128i v = _mm_loadu_si128((const __m128i *)p);
        const __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x22)), slash = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x5c));
        return _mm_or_si128(_mm_or_si128(quote, slash), _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));
    }
    #endif

    static inline int gw_special(uint8_t c) { return c < 0x20 || c == 0x22 || c == 0x5c || c > 0x7f; }

    /* Nonzero when any of eight bytes is special (Mycroft's zero-byte test; exact as a yes-or-no answer). */
    static inline uint64_t gw_special8(const uint8_t *p) {
        const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
        uint64_t v, quote, slash;
        memcpy(&v, p, 8);
        quote = v ^ (ones * 0x22);
        slash = v ^ (ones * 0x5c);
        return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((v - ones * 0x20) & ~v) | v) & high;
    }

    /* How many leading bytes stand for themselves inside a JSON string. */
    static inline size_t gw_plain_run(const uint8_t *p, size_t n) {
        size_t i = 0;
    #if defined(__SSE2__)
        for (; n - i >= 32; i += 32) {
            const unsigned hit = (unsigned)_mm_movemask_epi8(gw_special16(p + i))
                                 | (unsigned)_mm_movemask_epi8(gw_special16(p + i + 16)) << 16;
            if (hit) return i + (size_t)__builtin_ctz(hit);
        }
    #endif
        while (n - i >= 8 && !gw_special8(p + i)) i += 8;
        while (i < n && !gw_special(p[i])) i++;
        return i;
    }
    """
    size_t plain_run "gw_plain_run"(const uint8_t *p, size_t n) noexcept nogil


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return 0x30 <= c <= 0x39


cdef inline bint is_space(uint8_t c) noexcept nogil:
    """JSON's four (RFC 8259 section 2), not C's isspace."""
    return c == 0x20 or c == 0x0A or c == 0x0D or c == 0x09


cdef inline int hex_value(uint8_t c) noexcept nogil:
    """0..15, or -1."""
    if is_digit(c):
        return c - 0x30
    c |= 0x20
    return c - 0x61 + 10 if 0x61 <= c <= 0x66 else -1


cdef inline bint is_lower_hex(const uint8_t *p, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if hex_value(p[i]) < 0 or 0x41 <= p[i] <= 0x46:
            return False
    return True


cdef inline uint8_t short_escape(uint8_t letter) noexcept nogil:
    """What JSON means by a backslash and this, 0 for nothing (RFC 8259 section 7)."""
    if letter == 0x6E:
        return 0x0A
    if letter == 0x22 or letter == 0x5C or letter == 0x2F:
        return letter
    if letter == 0x74:
        return 0x09
    if letter == 0x72:
        return 0x0D
    if letter == 0x62:
        return 0x08
    return 0x0C if letter == 0x66 else 0


cdef inline bint is_tail(uint8_t c) noexcept nogil:
    return (c & 0xC0) == 0x80


cdef inline size_t utf8_sequence(const uint8_t *p, size_t n) noexcept nogil:
    """Length of the well-formed sequence of 2 to 4 bytes at *p*, 0 when there is none (Unicode table 3-7)."""
    cdef uint8_t lead = p[0]
    if lead < 0xC2:
        return 0
    if lead < 0xE0:
        return 2 if n >= 2 and is_tail(p[1]) else 0
    if lead < 0xF0:
        if n < 3 or not is_tail(p[1]) or not is_tail(p[2]):
            return 0
        if lead == 0xE0 and p[1] < 0xA0 or lead == 0xED and p[1] > 0x9F:  # overlong; surrogates
            return 0
        return 3
    if lead > 0xF4 or n < 4 or not is_tail(p[1]) or not is_tail(p[2]) or not is_tail(p[3]):
        return 0
    if lead == 0xF0 and p[1] < 0x90 or lead == 0xF4 and p[1] > 0x8F:  # overlong; past U+10FFFF
        return 0
    return 4


cdef inline size_t put_utf8(uint8_t *out, unsigned int point) noexcept nogil:
    """Write one code point (never a surrogate) and return how many bytes it took."""
    if point < 0x80:
        out[0] = <uint8_t>point
        return 1
    if point < 0x800:
        out[0] = <uint8_t>(0xC0 | point >> 6)
        out[1] = <uint8_t>(0x80 | point & 0x3F)
        return 2
    if point < 0x10000:
        out[0] = <uint8_t>(0xE0 | point >> 12)
        out[1] = <uint8_t>(0x80 | point >> 6 & 0x3F)
        out[2] = <uint8_t>(0x80 | point & 0x3F)
        return 3
    out[0] = <uint8_t>(0xF0 | point >> 18)
    out[1] = <uint8_t>(0x80 | point >> 12 & 0x3F)
    out[2] = <uint8_t>(0x80 | point >> 6 & 0x3F)
    out[3] = <uint8_t>(0x80 | point & 0x3F)
    return 4
