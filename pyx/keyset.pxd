"""Duplicate keys of JSON objects: one stack holds the keys of every open object, checked when an object ends.

Knows nothing of JSON's grammar; a key is the bytes it says after unescaping. Invariant: checking costs time linear in
the number of keys, whatever they are: few are compared each with each, many go through a table with a keyed hash.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from siphash cimport siphash13

cdef enum:
    INLINE_KEYS = 32  # keys open at once before the heap is asked
    PAIRWISE_KEYS = 16  # of one object, compared each with each up to here

cdef enum:
    ALL_DIFFERENT = -1
    NO_MEMORY = -2

cdef struct Key:
    uint64_t head  # first eight bytes, zero padded: most keys differ here
    const uint8_t *data  # must stay where it is until the object is closed
    size_t size
    size_t at  # the caller's: where the key stands

cdef struct KeySet:
    uint64_t secret[2]
    Key *keys
    size_t count
    size_t room
    Key inline_keys[INLINE_KEYS]
    uint32_t *slots  # hash table, kept from one large object to the next
    size_t slot_room


cdef inline void keyset_init(KeySet *s, const uint64_t *secret) noexcept nogil:
    memcpy(s.secret, secret, sizeof(s.secret))
    s.keys = s.inline_keys
    s.count = 0
    s.room = INLINE_KEYS
    s.slots = NULL
    s.slot_room = 0


cdef inline void keyset_free(KeySet *s) noexcept nogil:
    if s.keys != s.inline_keys:
        free(s.keys)
    free(s.slots)


cdef inline bint grow(KeySet *s) noexcept nogil:
    cdef Key *keys = <Key *>malloc(2 * s.room * sizeof(Key))
    if keys == NULL:
        return False
    memcpy(keys, s.keys, s.count * sizeof(Key))
    if s.keys != s.inline_keys:
        free(s.keys)
    s.keys = keys
    s.room *= 2
    return True


cdef inline bint keyset_add(KeySet *s, const uint8_t *data, size_t size, size_t at) noexcept nogil:
    """Put one key of the innermost object on the stack. False: out of memory."""
    cdef Key *key
    if s.count == s.room and not grow(s):
        return False
    key = &s.keys[s.count]
    key.head = 0
    memcpy(&key.head, data, size if size < 8 else 8)
    key.data = data
    key.size = size
    key.at = at
    s.count += 1
    return True


cdef inline bint equal(const Key *a, const Key *b) noexcept nogil:
    return a.head == b.head and a.size == b.size and memcmp(a.data, b.data, a.size) == 0


cdef inline Py_ssize_t check_few(const Key *keys, size_t count) noexcept nogil:
    cdef size_t i, j
    for i in range(1, count):
        for j in range(i):
            if equal(&keys[i], &keys[j]):
                return i
    return ALL_DIFFERENT


cdef inline bint reserve(KeySet *s, size_t room) noexcept nogil:
    if room > s.slot_room:
        free(s.slots)
        s.slot_room = 0
        s.slots = <uint32_t *>malloc(room * sizeof(uint32_t))
        if s.slots == NULL:
            return False
        s.slot_room = room
    memset(s.slots, 0, room * sizeof(uint32_t))
    return True


cdef inline Py_ssize_t check_many(KeySet *s, const Key *keys, size_t count) noexcept nogil:
    """Open addressing, at most half full; without the secret nobody can aim many keys at one slot."""
    cdef size_t room = 64, i, slot
    cdef uint32_t other
    while room < 2 * count:
        room *= 2
    if count >= <uint32_t>-1 or not reserve(s, room):
        return NO_MEMORY
    for i in range(count):
        slot = siphash13(s.secret[0], s.secret[1], keys[i].data, keys[i].size) & (room - 1)
        while s.slots[slot] != 0:
            other = s.slots[slot] - 1
            if equal(&keys[i], &keys[other]):
                return i
            slot = (slot + 1) & (room - 1)
        s.slots[slot] = <uint32_t>(i + 1)
    return ALL_DIFFERENT


cdef inline Py_ssize_t keyset_close(KeySet *s, size_t first, size_t *at) noexcept nogil:
    """Check and forget the keys from *first* on, those of the object that ends here.

    Returns ALL_DIFFERENT, NO_MEMORY, or the index of the first key that repeats one; its place then goes to *at*.
    """
    cdef const Key *keys = s.keys + first
    cdef size_t count = s.count - first
    cdef Py_ssize_t found = check_few(keys, count) if count <= PAIRWISE_KEYS else check_many(s, keys, count)
    s.count = first
    if found >= 0:
        at[0] = keys[found].at
    return found
