"""SipHash-1-3, the keyed hash CPython uses for strings, for tables whose keys an attacker chooses.

Invariant: without the 128-bit key nobody can build colliding inputs, so a table over it stays linear.
Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef struct SipState:
    uint64_t v0, v1, v2, v3


cdef inline uint64_t rotl(uint64_t x, int bits) noexcept nogil:
    return x << bits | x >> (64 - bits)


cdef inline void sip_round(SipState *s) noexcept nogil:
    s.v0 += s.v1
    s.v2 += s.v3
    s.v1 = rotl(s.v1, 13) ^ s.v0
    s.v3 = rotl(s.v3, 16) ^ s.v2
    s.v0 = rotl(s.v0, 32) + s.v3
    s.v2 += s.v1
    s.v1 = rotl(s.v1, 17) ^ s.v2
    s.v3 = rotl(s.v3, 21) ^ s.v0
    s.v2 = rotl(s.v2, 32)


cdef inline uint64_t siphash13(uint64_t k0, uint64_t k1, const uint8_t *data, size_t size) noexcept nogil:
    cdef SipState s
    cdef uint64_t word
    cdef size_t left = size
    s.v0 = k0 ^ <uint64_t>0x736F6D6570736575ULL
    s.v1 = k1 ^ <uint64_t>0x646F72616E646F6DULL
    s.v2 = k0 ^ <uint64_t>0x6C7967656E657261ULL
    s.v3 = k1 ^ <uint64_t>0x7465646279746573ULL
    while left >= 8:
        memcpy(&word, data, 8)
        s.v3 ^= word
        sip_round(&s)
        s.v0 ^= word
        data += 8
        left -= 8
    word = 0
    memcpy(&word, data, left)
    word |= <uint64_t>(size & 0xFF) << 56
    s.v3 ^= word
    sip_round(&s)
    s.v0 ^= word
    s.v2 ^= 0xFF
    sip_round(&s)
    sip_round(&s)
    sip_round(&s)
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
