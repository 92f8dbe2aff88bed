# distutils: language = c++
"""Many patterns over one text: an automaton finds what they must contain, RE2 decides where they match.

Knows nothing of rules or verdicts. Invariant: the result is that of searching for every pattern by itself, leftmost
match first, and no text makes it cost more than a small multiple of an ordinary text of its size. An engine that fails
raises EngineError; it never says "no match".

Stage 1 reads the text once, whatever the patterns, and notes each place of each required word (gw._native.regex_shape).
Stage 2 drops every pattern whose words do not stand in order and near enough to each other. Stage 3 asks RE2 at the
places that are left, anchored, so that a counted gap like [^\\n]{0,200} never multiplies the states of a search.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.algorithm cimport sort
from libcpp.vector cimport vector

from automaton cimport Automaton, Marks, automaton_free, automaton_new, automaton_read
from re2 cimport Late, re2_match
from spans cimport Found, add_found, to_characters

from gw._native.casefold import cases

cdef enum:
    RELEASE_GIL_BYTES = 2048
    NARROW = 4  # places tried one by one; a search finds the first among more
    MOST_LOOSE = 256  # places to try with the loose pattern: it may lead astray at each of them
    PATIENCE = 16  # windows tried for a pattern of unlimited length, before one search over the rest
    MOST_MEM = 1 << 23  # RE2's own default

cdef uint32_t UNLIMITED = 0xFFFFFFFF

LEAST_MEM = 1 << 18  # bytes for the engine of one pattern, however many there are


class PatternError(ValueError):
    """A pattern that cannot be used: `index` is its place in the sequence given."""

    def __init__(self, Py_ssize_t index, str message):
        super().__init__(message)
        self.index = index


class EngineError(RuntimeError):
    """The engine could not finish. Whether anything matches is unknown: treat the text as suspicious."""


cdef struct Length:  # in characters, at most
    uint32_t chars  # UNLIMITED for any
    uint32_t runs  # of white space on top, each as long as the text's longest

cdef struct Link:
    uint32_t branch
    uint32_t order  # in its branch
    uint32_t first_word  # entries of PatternSet.link_words
    uint32_t word_count
    Length reach  # from the previous link's word

cdef struct Branch:
    uint32_t pattern
    uint32_t first_link
    uint32_t link_count
    uint32_t lead_least  # characters before the first link's word
    Length lead_most

cdef struct Engine:
    Late *exact
    Late *loose  # NULL where it would be the same; else it goes first, for the exact one is large
    uint32_t least  # length of a match in characters
    Length most
    uint32_t slack

cdef struct Window:  # where a match may start, both ends included
    uint32_t low
    uint32_t high


@cython.final
cdef class PatternSet:
    """Compiled patterns; the index of a match is the pattern's place in the sequence given. Threads may share it."""

    cdef vector[Engine] engines
    cdef Automaton *words
    cdef vector[uint32_t] use_start  # word -> its first entry in uses; one more at the end
    cdef vector[uint32_t] uses  # links that look for a word
    cdef vector[Link] links
    cdef vector[uint32_t] link_words
    cdef vector[Branch] branches
    cdef size_t most_spans

    def __init__(
        self, patterns, *, bint case_insensitive=False, Py_ssize_t max_mem=1 << 26, Py_ssize_t max_spans=256, known=None
    ):
        """Compile *patterns*; PatternError names the first unusable one.

        max_mem: bytes of engine state for all patterns together; max_spans: matches reported for one pattern;
        known: shapes of patterns that are known to compile (gw._native.prepared), which is then left until they are
        searched for.
        """
        if self.engines.size():
            raise TypeError("a PatternSet is compiled once")
        cdef list sources = list(patterns)
        cdef int64_t share = min(max(max_mem // (len(sources) or 1), LEAST_MEM), MOST_MEM)
        self.most_spans = max_spans
        cdef dict numbers = {}
        cdef list users = []
        for index, pattern in enumerate(sources):
            found = self.add_engine(index, pattern, case_insensitive, share, known)
            for branch in found.branches:
                self.add_branch(index, branch, numbers, users)
        self.words = automaton_new(list(numbers), cases())
        for word_users in users:
            self.use_start.push_back(self.uses.size())
            for link in word_users:
                self.uses.push_back(link)
        self.use_start.push_back(self.uses.size())

    def __dealloc__(self):
        automaton_free(self.words)
        for engine in self.engines:
            del engine.exact
            del engine.loose

    def __len__(self):
        return self.engines.size()

    cdef object add_engine(
        self, Py_ssize_t index, object pattern, bint case_insensitive, int64_t max_mem, object known
    ):
        """Add one pattern and return its shape."""
        if not isinstance(pattern, str):
            raise TypeError(f"pattern {index} is not text")
        found = None if case_insensitive or known is None else known.get(pattern)
        cdef bint is_known = found is not None
        if not is_known:
            from gw._native.regex_shape import shape  # late: a start that knows all its patterns does without
            found = shape(pattern)
        cdef Engine engine
        engine.exact = engine.loose = NULL
        engine.least = found.least
        engine.most = to_length(found.most)
        engine.slack = found.slack
        self.engines.push_back(engine)  # from here on __dealloc__ cleans up
        cdef Engine *kept = &self.engines.back()
        kept.exact = engine_of(index, found.exact, case_insensitive, max_mem)
        if not is_known:
            check_engine(index, kept.exact)
        if not found.branches:
            raise PatternError(index, NO_WORDS)
        if found.loose is not None:
            kept.loose = engine_of(index, found.loose, case_insensitive, max_mem)
            if not is_known:
                check_engine(index, kept.loose)
                del kept.exact  # with what was compiled to check it
                kept.exact = NULL
                kept.exact = engine_of(index, found.exact, case_insensitive, max_mem)
        return found

    cdef int add_branch(self, uint32_t pattern, object shape_branch, dict numbers, list users) except -1:
        cdef Branch branch
        cdef Link link
        branch.pattern = pattern
        branch.first_link = self.links.size()
        branch.link_count = len(shape_branch.links)
        branch.lead_least = shape_branch.lead_least
        branch.lead_most = to_length(shape_branch.lead_most)
        for order, (words, reach) in enumerate(shape_branch.links):
            link.branch = self.branches.size()
            link.order = order
            link.first_word = self.link_words.size()
            link.word_count = len(words)
            link.reach = to_length(reach)
            for word in words:
                number = numbers.setdefault(word, len(numbers))
                if number == len(users):
                    users.append([])
                users[number].append(self.links.size())
                self.link_words.push_back(number)
            self.links.push_back(link)
        self.branches.push_back(branch)
        return 0

    def scan(self, text not None):
        """Return (pattern, start, end) of every match, by pattern, then start; not overlapping for one pattern.

        Behind `max_spans` matches of one pattern comes one last span, over the rest of the text, where nobody looked.
        Spans count characters of a str and bytes of a bytes. Raises EngineError when the engine cannot finish.
        """
        cdef Py_ssize_t size = 0
        cdef const char *data
        cdef vector[Found] found
        if isinstance(text, str):
            try:
                data = PyUnicode_AsUTF8AndSize(text, &size)
                source = text
            except UnicodeEncodeError:  # a lone surrogate; RE2 takes its three bytes as one character
                source = text.encode("utf-8", "surrogatepass")
                data, size = PyBytes_AS_STRING(source), PyBytes_GET_SIZE(source)
        else:
            source = text
            data, size = PyBytes_AS_STRING(<bytes?>text), PyBytes_GET_SIZE(text)
        if size >= 1 << 31:
            raise EngineError("text too long")
        try:
            if size < RELEASE_GIL_BYTES:
                self.search(data, size, &found)
            else:
                with nogil:
                    self.search(data, size, &found)
        except MemoryError:
            raise EngineError("out of memory") from None
        if isinstance(text, str) and size != len(text):
            to_characters(<const uint8_t *>data, size, &found)
        return [(match.pattern, match.start, match.end) for match in found]

    cdef int search(self, const char *text, size_t size, vector[Found] *found) except -1 nogil:
        cdef Marks marks
        cdef vector[uint32_t] complete
        cdef vector[Window] windows
        cdef vector[uint32_t] here, after  # kept from branch to branch, for their memory
        cdef size_t i = 0
        cdef uint32_t pattern
        automaton_read(self.words, <const uint8_t *>text, size, &marks)
        self.complete_branches(&marks, &complete)
        if complete.size():
            marks.longest_space = longest_space(<const uint8_t *>text, size)
        while i < complete.size():
            pattern = self.branches[complete[i]].pattern
            windows.clear()
            while i < complete.size() and self.branches[complete[i]].pattern == pattern:
                self.add_windows(&self.branches[complete[i]], &marks, &here, &after, &windows)
                i += 1
            if windows.size():
                sort(windows.begin(), windows.end(), is_before)
                self.search_windows(pattern, text, size, &marks, &windows, found)
        return 0

    cdef int complete_branches(self, Marks *marks, vector[uint32_t] *complete) except -1 nogil:
        """Branches with a hit for every link, in the order of their patterns."""
        cdef vector[uint8_t] seen
        cdef uint32_t word, use
        cdef const Link *link
        seen.resize(self.branches.size(), 0)
        for word in marks.words:
            for use in range(self.use_start[word], self.use_start[word + 1]):
                link = &self.links[self.uses[use]]
                if seen[link.branch] >> link.order & 1:
                    continue
                seen[link.branch] |= 1 << link.order
                if seen[link.branch] == (1 << self.branches[link.branch].link_count) - 1:
                    complete.push_back(link.branch)
        sort(complete.begin(), complete.end())
        return 0

    cdef int places(self, const Link *link, Marks *marks, vector[uint32_t] *into) except -1 nogil:
        """Every place of a link's words, in order."""
        cdef uint32_t i
        cdef int32_t hit
        into.clear()
        for i in range(link.first_word, link.first_word + link.word_count):
            hit = marks.last[self.link_words[i]]
            while hit >= 0:
                into.push_back(marks.hits[hit].start)
                hit = marks.hits[hit].before
        sort(into.begin(), into.end())
        return 0

    cdef int add_windows(
        self, const Branch *branch, Marks *marks, vector[uint32_t] *here, vector[uint32_t] *after,
        vector[Window] *windows
    ) except -1 nogil:
        """Add the places where a match of this branch may start."""
        cdef uint32_t order = branch.link_count, place
        cdef uint64_t reach
        cdef size_t next_one, kept
        cdef const Link *link
        while order:
            order -= 1
            link = &self.links[branch.first_link + order]
            self.places(link, marks, here)
            if order + 1 < branch.link_count:
                # Keep the places that have one of the next link ahead of them, near enough.
                reach = bytes_of((link + 1).reach, marks)
                next_one = kept = 0
                for place in here[0]:
                    while next_one < after.size() and after[0][next_one] <= place:
                        next_one += 1
                    if next_one < after.size() and after[0][next_one] - place <= reach:
                        here[0][kept] = place
                        kept += 1
                here.resize(kept)
            after.swap(here[0])
            if after.empty():
                return 0
        for place in after[0]:
            add_window(place, branch.lead_least, bytes_of(branch.lead_most, marks), windows)
        return 0

    cdef int search_windows(
        self, uint32_t pattern, const char *text, size_t size, Marks *marks, vector[Window] *windows,
        vector[Found] *found
    ) except -1 nogil:
        """Leftmost matches that start in a window, one after the other."""
        cdef size_t start = 0, end = 0, resume = 0, low, high, stop, tries = 0, spans = 0
        cdef uint64_t longest = bytes_of(self.engines[pattern].most, marks)
        cdef Window window
        for window in windows[0]:
            low = max(window.low, resume)
            while low <= window.high:
                # A pattern of unlimited length may read to the end for every window: it gets few, then all at once.
                if longest > size:
                    tries += 1 if window.high - low < NARROW else PATIENCE + 1
                high = size - 1 if tries > PATIENCE else window.high
                stop = size if longest > size - high else high + longest
                if not self.next_match(pattern, text, size, low, high, stop, &start, &end):
                    resume = high + 1
                    break
                add_found(found, pattern, start, end)
                spans += 1
                if spans == self.most_spans:
                    if end < size:
                        add_found(found, pattern, end, size)
                    return 0
                low = resume = end
        return 0

    cdef bint next_match(
        self, uint32_t pattern, const char *text, size_t size, size_t low, size_t high, size_t stop, size_t *start,
        size_t *end
    ) except? True nogil:
        """Leftmost match that starts from *low* to *high*; none of those can reach past *stop*."""
        cdef const Engine *engine = &self.engines[pattern]
        cdef Late *first = engine.loose
        if first != NULL and high - low > MOST_LOOSE:
            if not re2_match(first.get(), text, size, low, stop, False, start, end):
                return False
            first = NULL
        first = engine.exact if first == NULL else first
        while low <= high:
            if high - low >= NARROW:  # find where to look closer
                if not re2_match(first.get(), text, size, low, stop, False, start, end) or start[0] > high:
                    return False
                low = start[0]
            if (text[low] & 0xC0) != 0x80 and re2_match(first.get(), text, size, low, stop, True, start, end):
                if first != engine.loose or end[0] - start[0] <= engine.least + engine.slack:
                    return True
                if re2_match(engine.exact.get(), text, size, low, stop, True, start, end):
                    return True
            low += 1
        return False


NO_WORDS = "a match need not contain any fixed text of two characters or more to look for first"


def check(str pattern not None, *, bint case_insensitive=False):
    """Return what is wrong with a pattern, None when it can be used."""
    try:
        PatternSet([pattern], case_insensitive=case_insensitive)
    except PatternError as error:
        return str(error)
    return None


cdef Late *engine_of(Py_ssize_t index, str pattern, bint case_insensitive, int64_t max_mem) except NULL:
    try:
        return new Late(pattern.encode(), not case_insensitive, max_mem)
    except UnicodeEncodeError:
        raise PatternError(index, "lone surrogate in the pattern") from None


cdef int check_engine(Py_ssize_t index, Late *engine) except -1:
    message = engine.check()
    if message.size():
        raise PatternError(index, message.decode("utf-8", "replace"))
    return 0


cdef size_t longest_space(const uint8_t *text, size_t size) noexcept nogil:
    """Bytes of the longest run of what `\\s` matches."""
    cdef size_t i, run = 0, longest = 0
    for i in range(size):
        if text[i] == 0x20 or (0x09 <= text[i] <= 0x0D and text[i] != 0x0B):
            run += 1
            if run > longest:
                longest = run
        else:
            run = 0
    return longest


cdef uint64_t bytes_of(Length length, const Marks *marks) noexcept nogil:
    """At most so many bytes in this text."""
    if length.chars == UNLIMITED:
        return <uint64_t>1 << 40
    return <uint64_t>length.chars * marks.longest_char + <uint64_t>length.runs * marks.longest_space


cdef int add_window(uint32_t place, uint32_t lead_least, uint64_t lead_most, vector[Window] *windows) except -1 nogil:
    """Matches with their first word at *place* start up to *lead_most* bytes before it."""
    cdef Window window
    if place >= lead_least:
        window.low = 0 if lead_most > place else place - <uint32_t>lead_most
        window.high = place - lead_least
        windows.push_back(window)
    return 0


cdef bint is_before(const Window &a, const Window &b) noexcept nogil:
    return a.low < b.low or (a.low == b.low and a.high < b.high)


cdef Length to_length(object shape_length):
    cdef Length length
    length.chars = UNLIMITED if shape_length.chars >= UNLIMITED else int(shape_length.chars)
    length.runs = shape_length.runs
    return length
