"""Matches as byte offsets, turned into character offsets once, at the end.

Invariant: offsets come from UTF-8 text and stand at the start of a character.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t
from libcpp.vector cimport vector

cdef struct Found:
    uint32_t pattern
    uint32_t start
    uint32_t end


cdef inline int add_found(vector[Found] *found, uint32_t pattern, size_t start, size_t end) except -1 nogil:
    cdef Found match
    match.pattern, match.start, match.end = pattern, <uint32_t>start, <uint32_t>end
    found.push_back(match)
    return 0


cdef inline int to_characters(const uint8_t *text, size_t size, vector[Found] *found) except -1:
    """Turn byte offsets into character offsets: a count every 64 bytes, the rest from there."""
    cdef vector[uint32_t] counts
    cdef uint32_t count = 0
    cdef size_t i
    if found.empty():
        return 0
    for i in range(size):
        if i % 64 == 0:
            counts.push_back(count)
        count += (text[i] & 0xC0) != 0x80
    counts.push_back(count)
    for i in range(found.size()):
        found[0][i].start = characters_before(text, found[0][i].start, &counts)
        found[0][i].end = characters_before(text, found[0][i].end, &counts)
    return 0


cdef inline uint32_t characters_before(const uint8_t *text, uint32_t offset, const vector[uint32_t] *counts) noexcept:
    cdef uint32_t i, count = counts[0][offset // 64]
    for i in range(offset - offset % 64, offset):
        count += (text[i] & 0xC0) != 0x80
    return count
