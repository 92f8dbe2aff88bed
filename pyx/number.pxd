"""JSON numbers: their grammar, and whether every reader gets the same value from them.

Knows nothing of frames. Invariant: a number with no doubt is an integer of at most 2^53 in size or a finite double.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint64_t

from ascii cimport is_digit

cdef enum:
    # The longest exact decimal form of a double has 1,077 characters; slower readers take quadratic time past that.
    LONGEST_NUMBER = 1100

cdef enum Doubt:
    EXACT
    INTEGER_RANGE  # beyond 2^53: JavaScript rounds it
    FLOAT_RANGE  # infinite as a double
    TOO_LONG

cdef struct Number:
    size_t size  # 0: not a number by the grammar
    size_t good  # how many bytes were fine when it is not
    Doubt doubt
    bint integer  # without fraction and exponent
    bint negative
    uint64_t value  # of an exact integer, without sign


cdef inline size_t digits(const uint8_t *p, const uint8_t *end) noexcept nogil:
    cdef const uint8_t *start = p
    while p < end and is_digit(p[0]):
        p += 1
    return p - start


cdef inline bint overflows(const uint8_t *p, size_t whole, size_t fraction, int64_t exponent) noexcept nogil:
    """Whether *whole* digits at *p* and *fraction* more behind the point, times 10^exponent, are too much for a double.

    The limit is 1.7976931348623158e308: the largest double starts ...57, and from ...58 on a reader may say infinity.
    """
    cdef size_t i, seen = 0, count = whole + fraction
    cdef int64_t magnitude = 0
    cdef uint64_t leading = 0
    cdef uint8_t digit
    for i in range(count):
        digit = p[i if i < whole else i + 1] - 0x30
        if seen == 0:
            if digit == 0:
                continue
            magnitude = <int64_t>whole - 1 - <int64_t>i + exponent
            if magnitude != 308:
                return magnitude > 308
        leading = leading * 10 + digit
        seen += 1
        if seen == 17:
            break
    while 0 < seen < 17:
        leading *= 10
        seen += 1
    return leading >= <uint64_t>17976931348623158ULL


cdef inline Number read_number(const uint8_t *p, const uint8_t *end) noexcept nogil:
    """Read the number at *p*, by RFC 8259 section 6."""
    cdef Number n
    cdef const uint8_t *start = p
    cdef const uint8_t *mantissa
    cdef size_t whole, fraction = 0, places, i
    cdef int64_t exponent = 0
    cdef bint down = False
    n.size = 0
    n.doubt = EXACT
    n.integer = True
    n.value = 0
    n.negative = p < end and p[0] == 0x2D
    p += n.negative
    mantissa = p
    whole = digits(p, end)
    if whole > 1 and p[0] == 0x30:
        whole = 1  # the digit after a leading zero is where it goes wrong
    p += whole
    n.good = p - start
    if whole == 0 or (p < end and is_digit(p[0])):
        return n
    if p < end and p[0] == 0x2E:
        n.integer = False
        p += 1
        fraction = digits(p, end)
        p += fraction
        n.good = p - start
        if fraction == 0:
            return n
    if p < end and p[0] | 0x20 == 0x65:
        n.integer = False
        p += 1
        if p < end and (p[0] == 0x2B or p[0] == 0x2D):
            down = p[0] == 0x2D
            p += 1
        places = digits(p, end)
        for i in range(places):
            if exponent < 100000:  # far past what LONGEST_NUMBER digits can make up for
                exponent = exponent * 10 + (p[i] - 0x30)
        p += places
        n.good = p - start
        if places == 0:
            return n
    n.size = p - start
    if n.size > LONGEST_NUMBER:
        n.doubt = TOO_LONG
    elif n.integer:
        if whole > 16:
            n.doubt = INTEGER_RANGE
        else:
            for i in range(whole):
                n.value = n.value * 10 + (mantissa[i] - 0x30)
            if n.value > <uint64_t>1 << 53:
                n.doubt = INTEGER_RANGE
    elif exponent != 0 or whole > 308:
        if overflows(mantissa, whole, fraction, -exponent if down else exponent):
            n.doubt = FLOAT_RANGE
    return n
