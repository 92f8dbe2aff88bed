"""UTF-8 as RFC 3629 defines it, as inline helpers for the other compiled modules.

Knows nothing of Python objects; everything here runs without the GIL. Invariant: overlong forms, surrogates and code
points past U+10FFFF are refused at the first byte that makes them certain, so a stream can be rejected early.

A state is a small integer that survives between pieces of one text: UTF8_ACCEPT between characters, UTF8_REJECT for
ever after the first wrong byte, anything else in the middle of a character.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    UTF8_ACCEPT = 0
    UTF8_NEED_1 = 1  # continuation bytes still to come, any of 80..BF
    UTF8_NEED_2 = 2
    UTF8_NEED_3 = 3
    UTF8_AFTER_E0 = 4  # A0..BF, or the form is overlong
    UTF8_AFTER_ED = 5  # 80..9F, or it is a surrogate
    UTF8_AFTER_F0 = 6  # 90..BF, or the form is overlong
    UTF8_AFTER_F4 = 7  # 80..8F, or it is past U+10FFFF
    UTF8_REJECT = 8


cdef inline uint8_t utf8_step(uint8_t state, uint8_t byte) noexcept nogil:
    """The state after one more byte."""
    if state == UTF8_ACCEPT:
        if byte < 0x80:
            return UTF8_ACCEPT
        if byte < 0xC2:
            return UTF8_REJECT  # a continuation byte, or C0/C1 which are always overlong
        if byte < 0xE0:
            return UTF8_NEED_1
        if byte < 0xF0:
            return UTF8_AFTER_E0 if byte == 0xE0 else UTF8_AFTER_ED if byte == 0xED else UTF8_NEED_2
        if byte < 0xF5:
            return UTF8_AFTER_F0 if byte == 0xF0 else UTF8_AFTER_F4 if byte == 0xF4 else UTF8_NEED_3
        return UTF8_REJECT
    if byte < 0x80 or byte > 0xBF:
        return UTF8_REJECT
    if state <= UTF8_NEED_3:
        return state - 1
    if state == UTF8_AFTER_E0:
        return UTF8_NEED_1 if byte >= 0xA0 else UTF8_REJECT
    if state == UTF8_AFTER_ED:
        return UTF8_NEED_1 if byte < 0xA0 else UTF8_REJECT
    if state == UTF8_AFTER_F0:
        return UTF8_NEED_2 if byte >= 0x90 else UTF8_REJECT
    if state == UTF8_AFTER_F4:
        return UTF8_NEED_2 if byte < 0x90 else UTF8_REJECT
    return UTF8_REJECT


cdef inline bint utf8_is_tail(uint8_t byte) noexcept nogil:
    return (byte & 0xC0) == 0x80


cdef inline uint8_t utf8_scan(uint8_t state, const uint8_t *data, Py_ssize_t size) noexcept nogil:
    """The state after *size* more bytes; whole words of ASCII and whole common characters go by at once."""
    cdef Py_ssize_t i = 0
    cdef uint64_t word
    cdef uint8_t lead
    while i < size:
        if state != UTF8_ACCEPT:
            if state == UTF8_REJECT:
                return UTF8_REJECT
            state = utf8_step(state, data[i])
            i += 1
            continue
        while i + 8 <= size:
            memcpy(&word, data + i, 8)
            if word & <uint64_t>0x8080808080808080:
                break
            i += 8
        # The characters around the first non-ASCII byte; script text stays here for long runs.
        while i < size:
            lead = data[i]
            if lead < 0x80:
                i += 1
                if i + 8 <= size and data[i] < 0x80:
                    break  # back to whole words
            elif 0xC2 <= lead < 0xE0 and i + 1 < size and utf8_is_tail(data[i + 1]):
                i += 2
            elif (
                0xE1 <= lead < 0xF0 and lead != 0xED and i + 2 < size
                and utf8_is_tail(data[i + 1]) and utf8_is_tail(data[i + 2])
            ):
                i += 3
            else:
                state = utf8_step(state, lead)  # rare leads, wrong bytes, and characters cut by the end
                i += 1
                break
    return state


cdef inline bint utf8_is_valid(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    """Whether *data* is one complete UTF-8 text."""
    return utf8_scan(UTF8_ACCEPT, data, size) == UTF8_ACCEPT
