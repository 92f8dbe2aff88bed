"""Masks of RFC 6455 section 5.3: XOR of a payload with four repeated bytes, with the UTF-8 check on the way.

Knows nothing of frames. Invariant: the bytes of a mask apply in memory order, whatever the machine's byte order.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from utf8 cimport UTF8_ACCEPT, utf8_scan


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
