"""Frames of RFC 6455 as bytes objects: inline helpers shared by the codec (wsframe) and the queue (wsstream).

Knows nothing of sockets or connections. Section numbers are RFC 6455's.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    OP_CONTINUATION = 0x0
    OP_TEXT = 0x1
    OP_BINARY = 0x2
    OP_CLOSE = 0x8
    OP_PONG = 0xA

cdef enum:
    MAX_HEADER = 14  # two bytes, eight of length, four of mask
    MAX_SEQ = 28  # seven of name, twenty digits, a brace
    RELEASE_BYTES = 32 * 1024  # from here on it pays to give the GIL away


cdef inline Py_ssize_t size_of(bytes data) except -1:
    """Its length; TypeError for None, which C would take for bytes."""
    if data is None:
        raise TypeError("bytes expected, not None")
    return PyBytes_GET_SIZE(data)


cdef inline int put_header(uint8_t *to, uint8_t opcode, uint64_t size, bint fin, bint masked) noexcept nogil:
    """Write a header without its mask in the shortest form (section 5.2); return its length, at most 10."""
    cdef uint8_t bit = 0x80 if masked else 0
    cdef int i
    to[0] = (0x80 if fin else 0) | opcode
    if size < 126:
        to[1] = bit | <uint8_t>size
        return 2
    if size < 65536:
        to[1] = bit | 126
        to[2] = <uint8_t>(size >> 8)
        to[3] = <uint8_t>size
        return 4
    to[1] = bit | 127
    for i in range(8):
        to[2 + i] = <uint8_t>(size >> (56 - 8 * i))
    return 10


cdef inline bytes plain_frame(uint8_t opcode, bytes payload, bint fin):
    """One unmasked frame."""
    cdef Py_ssize_t size = size_of(payload)
    cdef uint8_t head[MAX_HEADER]
    cdef int head_size = put_header(head, opcode, <uint64_t>size, fin, False)
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, head_size + size)
    cdef uint8_t *to = <uint8_t *>PyBytes_AS_STRING(frame)
    memcpy(to, head, head_size)
    memcpy(to + head_size, PyBytes_AS_STRING(payload), size)
    return frame


cdef inline int put_seq(uint8_t *to, uint64_t seq) noexcept nogil:
    """Write `,"seq":N}`, what ends a broadcast event on one connection; return its length, at most 28."""
    cdef uint8_t digits[20]
    cdef int count = 0
    cdef int i
    while True:
        digits[count] = 48 + <uint8_t>(seq % 10)
        count += 1
        seq //= 10
        if seq == 0:
            break
    memcpy(to, b',"seq":', 7)
    for i in range(count):
        to[7 + i] = digits[count - 1 - i]
    to[7 + count] = 125  # }
    return 8 + count


cdef inline Py_ssize_t event_size(bytes body, uint64_t seq):
    """Length of the frame that `put_event` writes."""
    cdef uint8_t scratch[MAX_HEADER + MAX_SEQ]
    cdef Py_ssize_t size = PyBytes_GET_SIZE(body) + put_seq(scratch, seq)
    return put_header(scratch, OP_TEXT, <uint64_t>size, True, False) + size


cdef inline Py_ssize_t put_event(uint8_t *to, bytes body, uint64_t seq):
    """Write the text frame of an event, given as JSON without its closing brace; return its length."""
    cdef uint8_t tail[MAX_SEQ]
    cdef Py_ssize_t size = PyBytes_GET_SIZE(body)
    cdef int tail_size = put_seq(tail, seq)
    cdef int head_size = put_header(to, OP_TEXT, <uint64_t>(size + tail_size), True, False)
    memcpy(to + head_size, PyBytes_AS_STRING(body), size)
    memcpy(to + head_size + size, tail, tail_size)
    return head_size + size + tail_size


cdef inline bytes event_frame(bytes body, uint64_t seq):
    """The same as an object of its own: a broadcast's shared bytes with one connection's number."""
    cdef bytes frame
    size_of(body)
    frame = PyBytes_FromStringAndSize(NULL, event_size(body, seq))
    put_event(<uint8_t *>PyBytes_AS_STRING(frame), body, seq)
    return frame
