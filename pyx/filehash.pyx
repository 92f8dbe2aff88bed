"""SHA-256 without the GIL: of bytes, of one descriptor, or of many paths with what is already known of them.

Knows nothing of what is protected or why. Invariant: a path is opened without following a link at its end and checked
to be the same file that was looked at, so a swap between look and read shows as an error, never as a good hash.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr
from posix.unistd cimport close, read, readlink

from sha256 cimport Sha256State, sha256_begin, sha256_feed, sha256_finish, sha256_use_wide

cdef extern from "sys/stat.h" nogil:
    struct timespec:
        int64_t tv_sec
        int64_t tv_nsec
    struct stat_t "stat":
        uint64_t st_dev
        uint64_t st_ino
        uint32_t st_mode
        uint32_t st_uid
        uint32_t st_gid
        int64_t st_size
        timespec st_mtim
        timespec st_ctim
    int c_lstat "lstat"(const char *path, stat_t *found)
    int c_fstat "fstat"(int fd, stat_t *found)
    uint32_t S_IFMT, S_IFREG, S_IFLNK

cdef extern from "errno.h" nogil:
    int ECANCELED, ESTALE

cdef extern from "fcntl.h" nogil:
    int c_open "open"(const char *path, int flags)
    int O_RDONLY, O_NOFOLLOW, O_CLOEXEC, O_NONBLOCK

cdef enum:
    CHUNK = 256 * 1024
    LINK_BYTES = 4096
    RELEASE_GIL_BYTES = 16 * 1024  # about 10 us

FILE = 0  # a regular file; digest of its content
LINK = 1  # a symbolic link; digest of its target
OTHER = 2  # a folder, device, socket, ...; no digest


def use_wide(bint wanted):
    """Whether the processor's own instructions are in use from now on; for tests of both ways."""
    return sha256_use_wide(wanted)


use_wide(True)


@cython.final
cdef class sha256:
    """The digest of bytes, used like hashlib's of the same name, which would load all of OpenSSL."""

    cdef Sha256State hash

    def __cinit__(self, bytes data not None=b""):
        sha256_begin(&self.hash)
        self.update(data)

    def update(self, bytes data not None):
        cdef const uint8_t *first = <const uint8_t *> PyBytes_AS_STRING(data)
        cdef size_t size = PyBytes_GET_SIZE(data)
        if size < RELEASE_GIL_BYTES:
            sha256_feed(&self.hash, first, size)
        else:
            with nogil:
                sha256_feed(&self.hash, first, size)

    def digest(self):
        cdef uint8_t[32] digest
        sha256_finish(&self.hash, digest)
        return <bytes> digest[:32]

    def hexdigest(self):
        return self.digest().hex()


@cython.final
cdef class Cancel:
    """A flag another thread may raise; a running sweep looks at it for every chunk."""

    cdef volatile int raised

    def cancel(self):
        self.raised = 1

    @property
    def is_cancelled(self):
        return self.raised != 0


cdef struct Facts:
    int error  # an errno, 0 when all is known
    int kind
    int unchanged
    uint32_t mode, uid, gid
    uint64_t dev, ino
    int64_t size, mtime_ns, ctime_ns
    uint8_t digest[32]


cdef int update_from(int fd, Sha256State *hash, uint8_t *buffer, volatile int *cancelled) noexcept nogil:
    """Feed the whole of *fd* to the digest; an errno, 0 when done."""
    cdef Py_ssize_t count
    while True:
        if cancelled[0]:
            return ECANCELED
        count = read(fd, buffer, CHUNK)
        if count == 0:
            return 0
        if count < 0:
            if errno == EINTR:
                continue
            return errno
        sha256_feed(hash, buffer, <size_t> count)


cdef int hash_content(const char *path, Facts *facts, Sha256State *hash, uint8_t *buffer,
                      volatile int *cancelled) noexcept nogil:
    cdef stat_t opened
    cdef int error
    # O_NONBLOCK: a named pipe put in the file's place must not stop the sweep.
    cdef int fd = c_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    if fd < 0:
        return errno
    if c_fstat(fd, &opened) != 0:
        error = errno
    elif opened.st_ino != facts.ino or opened.st_dev != facts.dev:
        error = ESTALE
    else:
        error = update_from(fd, hash, buffer, cancelled)
    close(fd)
    return error


cdef void look(const char *path, Facts *facts, const Facts *known, Sha256State *hash, uint8_t *buffer,
               volatile int *cancelled) noexcept nogil:
    cdef stat_t found
    cdef Py_ssize_t count
    if cancelled[0]:
        facts.error = ECANCELED
        return
    if c_lstat(path, &found) != 0:
        facts.error = errno
        return
    facts.mode = found.st_mode & 0o7777
    facts.uid, facts.gid = found.st_uid, found.st_gid
    facts.dev, facts.ino, facts.size = found.st_dev, found.st_ino, found.st_size
    facts.mtime_ns = found.st_mtim.tv_sec * 1_000_000_000 + found.st_mtim.tv_nsec
    facts.ctime_ns = found.st_ctim.tv_sec * 1_000_000_000 + found.st_ctim.tv_nsec
    if found.st_mode & S_IFMT == S_IFREG:
        facts.kind = 0
    elif found.st_mode & S_IFMT == S_IFLNK:
        facts.kind = 1
    else:
        facts.kind = 2
        return
    # The time of the last status change cannot be set by a program, so equal facts mean equal content.
    if (known != NULL and known.kind == facts.kind and known.size == facts.size
            and known.mtime_ns == facts.mtime_ns and known.ctime_ns == facts.ctime_ns
            and known.ino == facts.ino and known.dev == facts.dev):
        facts.unchanged = 1
        return
    sha256_begin(hash)
    if facts.kind == 1:
        count = readlink(path, <char *> buffer, LINK_BYTES)
        if count < 0:
            facts.error = errno
            return
        sha256_feed(hash, buffer, <size_t> count)
    else:
        facts.error = hash_content(path, facts, hash, buffer, cancelled)
        if facts.error:
            return
    sha256_finish(hash, facts.digest)


cdef object as_tuple(const Facts *facts, tuple before):
    if facts.unchanged:  # by status, so everything else is as it was
        return before if before[11] else before[:11] + (True,)
    digest = "" if facts.error or facts.kind == 2 else (<bytes> facts.digest[:32]).hex()
    return (facts.error, facts.kind, digest, facts.mode, facts.uid, facts.gid, facts.size, facts.mtime_ns,
            facts.ctime_ns, facts.dev, facts.ino, bool(facts.unchanged))


cdef int from_tuple(object row, Facts *facts) except -1:
    (error, facts.kind, digest, facts.mode, facts.uid, facts.gid, facts.size, facts.mtime_ns, facts.ctime_ns,
     facts.dev, facts.ino, _) = row
    if error or facts.kind == 2:
        facts.kind = -1  # nothing to compare with: read again
        return 0
    if len(digest) != 64:
        raise ValueError("not a SHA-256 digest")
    return 0


def sweep(list paths not None, list known=None, Cancel cancel=None):
    """Look at each of *paths* (bytes) and hash what changed; `known` holds the last row of each path, or None.

    Returns one row per path: (errno, kind, digest, mode, uid, gid, size, mtime_ns, ctime_ns, dev, ino, unchanged).
    After a cancel the rest has errno ECANCELED. The GIL is released for the whole of it.
    """
    cdef Py_ssize_t i, count = len(paths)
    if known is not None and len(known) != count:
        raise ValueError("known must have one entry per path")
    if count == 0:
        return []
    cdef Cancel flag = Cancel() if cancel is None else cancel
    cdef volatile int *cancelled = &flag.raised
    cdef Facts *facts = <Facts *> calloc(count, sizeof(Facts))
    cdef Facts *before = <Facts *> calloc(count, sizeof(Facts))
    cdef const char **names = <const char **> calloc(count, sizeof(char *))
    cdef const Facts **compare = <const Facts **> calloc(count, sizeof(Facts *))
    cdef uint8_t *buffer = <uint8_t *> malloc(CHUNK)
    cdef Sha256State hash
    try:
        if not (facts and before and names and compare and buffer):
            raise MemoryError
        held = list(paths)  # keeps the bytes alive while the GIL is away
        for i in range(count):
            if type(held[i]) is not bytes:
                raise TypeError("paths must be bytes")
            if memchr(PyBytes_AS_STRING(held[i]), 0, PyBytes_GET_SIZE(held[i])) != NULL:
                raise ValueError("a path holds a zero byte")  # C would look at what stands before it
            names[i] = PyBytes_AS_STRING(held[i])
            if known is not None and known[i] is not None:
                from_tuple(known[i], &before[i])
                compare[i] = &before[i]
        with nogil:
            for i in range(count):
                look(names[i], &facts[i], compare[i], &hash, buffer, cancelled)
        return [as_tuple(&facts[i], known[i] if facts[i].unchanged else None) for i in range(count)]
    finally:
        free(buffer)
        free(compare)
        free(names)
        free(before)
        free(facts)


def hash_fd(int fd, Cancel cancel=None):
    """The hex SHA-256 of what is left to read of an open descriptor. Raises OSError (ECANCELED when cancelled)."""
    cdef Cancel flag = Cancel() if cancel is None else cancel
    cdef volatile int *cancelled = &flag.raised
    cdef uint8_t[32] digest
    cdef int error = 0
    cdef uint8_t *buffer = <uint8_t *> malloc(CHUNK)
    cdef Sha256State hash
    try:
        if not buffer:
            raise MemoryError
        sha256_begin(&hash)
        with nogil:
            error = update_from(fd, &hash, buffer, cancelled)
            if not error:
                sha256_finish(&hash, digest)
        if error:
            raise OSError(error, "cannot hash")
        return (<bytes> digest[:32]).hex()
    finally:
        free(buffer)
