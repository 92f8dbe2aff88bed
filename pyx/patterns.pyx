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
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from libcpp.algorithm cimport sort
from libcpp.vector cimport vector

from re2 cimport RE2, re2_compile, re2_match

from gw._native.regex_shape import shape
from gw._native.regex_tree import CASES

cdef enum:
    PAGE = 256  # code points in one page of the table of classes
    MOST_STATES = 65535
    RELEASE_GIL_BYTES = 2048
    WIDEST_LEAD = 40  # characters before the first word, beyond which the whole text is searched
    PATIENCE = 16  # places tried one by one for a pattern of unlimited length, before one search over the rest
    LEAST_MEM = 1 << 18
    MOST_MEM = 1 << 23  # RE2's own default

cdef uint32_t UNLIMITED = 0xFFFFFFFF


class PatternError(ValueError):
    """A pattern that cannot be used: `index` is its place in the sequence given."""

    def __init__(self, Py_ssize_t index, str message):
        super().__init__(message)
        self.index = index


class EngineError(RuntimeError):
    """The engine could not finish. Whether anything matches is unknown: treat the text as suspicious."""


cdef struct Hit:
    uint32_t start  # byte offset of the word
    int32_t before  # index of the previous hit of the same word, -1 for none

cdef struct Link:
    uint32_t branch
    uint32_t order  # in its branch
    uint32_t first_word  # entries of PatternSet.link_words
    uint32_t word_count
    uint32_t reach  # characters from the previous link's word, UNLIMITED for any

cdef struct Branch:
    uint32_t pattern
    uint32_t first_link
    uint32_t link_count
    uint32_t lead_least  # characters before the first link's word
    uint32_t lead_most

cdef struct Found:
    uint32_t pattern
    uint32_t start
    uint32_t end

cdef struct Marks:
    size_t longest_char  # bytes
    vector[Hit] hits
    vector[int32_t] last  # word -> its last hit, -1 for none
    vector[uint32_t] words  # that were hit


@cython.final
cdef class Automaton:
    """Aho-Corasick over folded characters, as a full table: one step per character, nothing is built while reading."""

    cdef uint16_t[128] ascii_class
    cdef vector[uint16_t] page_of  # code point // PAGE -> page; page 0 holds class 0 only
    cdef vector[uint16_t] pages
    cdef uint32_t classes  # class 0: characters of no word
    cdef vector[uint16_t] steps  # state * classes + class -> state
    cdef vector[uint32_t] out_start  # state -> its first entry in outs; one more at the end
    cdef vector[uint32_t] outs  # words that end in a state
    cdef vector[uint32_t] lengths  # of words, in characters

    def __cinit__(self, list words):
        """Words are cut where their states would not fit; the caller's check of a match sees to the rest."""
        cdef dict classes = {}
        for word in words:
            for char in word:
                classes.setdefault(char, len(classes) + 1)
        self.classes = len(classes) + 1
        memset(self.ascii_class, 0, sizeof(self.ascii_class))
        self.page_of.resize(0x110000 // PAGE, 0)
        self.pages.resize(PAGE, 0)
        for char, cls in classes.items():
            for case in CASES.get(char, char):
                self.set_class(ord(case), cls)
        for longest in (12, 8, 4, 2):
            self.steps.clear()
            if self.build([word[:longest] for word in words], classes):
                return
        raise OverflowError("too many words for one set of patterns")

    cdef int set_class(self, uint32_t point, uint16_t cls) except -1:
        cdef uint16_t page = self.page_of[point // PAGE]
        if point < 128:
            self.ascii_class[point] = cls
            return 0
        if page == 0:
            page = self.page_of[point // PAGE] = <uint16_t>(self.pages.size() // PAGE)
            self.pages.resize(self.pages.size() + PAGE, 0)
        self.pages[page * PAGE + point % PAGE] = cls
        return 0

    cdef bint build(self, list words, dict classes) except -1:
        """Trie first, then breadth first: a missing step is that of the longest suffix. False: it does not fit."""
        cdef size_t width = self.classes, state, target, cls, at
        cdef vector[uint16_t] suffix, queue
        cdef list ends = [[]]
        self.steps.resize(width, 0)
        for number, word in enumerate(words):
            state = 0
            for char in word:
                cls = classes[char]
                target = self.steps[state * width + cls]
                if target == 0:
                    target = len(ends)
                    if target > MOST_STATES:
                        return False
                    ends.append([])
                    self.steps.resize((target + 1) * width, 0)
                    self.steps[state * width + cls] = <uint16_t>target
                state = target
            ends[state].append(number)
        self.lengths = [len(word) for word in words]
        suffix.resize(len(ends), 0)
        queue.push_back(0)
        at = 0
        while at < queue.size():
            state = queue[at]
            at += 1
            if suffix[state]:
                ends[state] += ends[suffix[state]]
            for cls in range(width):
                target = self.steps[state * width + cls]
                if target:
                    if state:
                        suffix[target] = self.steps[suffix[state] * width + cls]
                    queue.push_back(<uint16_t>target)
                elif state:
                    self.steps[state * width + cls] = self.steps[suffix[state] * width + cls]
        for found in ends:
            self.out_start.push_back(self.outs.size())
            for number in found:
                self.outs.push_back(number)
        self.out_start.push_back(self.outs.size())
        return True

    cdef int read(self, const uint8_t *text, size_t size, Marks *marks) except -1 nogil:
        """Note every place of every word."""
        cdef size_t at = 0, state = 0, length, _, start, width = self.classes
        cdef uint32_t point, word, out
        cdef bint ascii_only = True
        cdef Hit hit
        marks.longest_char = 1
        marks.last.assign(self.lengths.size(), -1)
        while at < size:
            point = text[at]
            at += 1
            if point < 128:
                state = self.steps[state * width + self.ascii_class[point]]
            else:
                ascii_only = False
                length = 2 if point < 0xE0 else 3 if point < 0xF0 else 4
                if length > marks.longest_char:
                    marks.longest_char = length
                point &= 0xFF >> (length + 1)
                for _ in range(length - 1):
                    if at < size and (text[at] & 0xC0) == 0x80:
                        point = point << 6 | (text[at] & 0x3F)
                        at += 1
                if point > 0x10FFFF:
                    point = 0
                state = self.steps[state * width + self.pages[self.page_of[point // PAGE] * PAGE + point % PAGE]]
            for out in range(self.out_start[state], self.out_start[state + 1]):
                word = self.outs[out]
                start = at - self.lengths[word]
                if not ascii_only:
                    start = at
                    for _ in range(self.lengths[word]):
                        start -= 1
                        while start > 0 and (text[start] & 0xC0) == 0x80:
                            start -= 1
                hit.start = <uint32_t>start
                hit.before = marks.last[word]
                if hit.before < 0:
                    marks.words.push_back(word)
                marks.last[word] = <int32_t>marks.hits.size()
                marks.hits.push_back(hit)
        return 0


@cython.final
cdef class PatternSet:
    """Compiled patterns; the index of a match is the pattern's place in the sequence given. Threads may share it."""

    cdef vector[RE2 *] engines
    cdef vector[uint32_t] longest  # characters a match of a pattern may have, UNLIMITED for any
    cdef Automaton words
    cdef vector[uint32_t] use_start  # word -> its first entry in uses; one more at the end
    cdef vector[uint32_t] uses  # links that look for a word
    cdef vector[Link] links
    cdef vector[uint32_t] link_words
    cdef vector[Branch] branches
    cdef size_t most_spans

    def __init__(self, patterns, *, bint case_insensitive=False, Py_ssize_t max_mem=1 << 26, Py_ssize_t max_spans=256):
        """Compile *patterns*; PatternError names the first unusable one.

        max_mem: bytes of engine state for all patterns together; max_spans: matches reported for one pattern.
        """
        if self.engines.size():
            raise TypeError("a PatternSet is compiled once")
        cdef list sources = list(patterns)
        cdef int64_t share = min(max(max_mem // (len(sources) or 1), LEAST_MEM), MOST_MEM)
        self.most_spans = max_spans
        cdef dict numbers = {}
        cdef list users = []
        for index, pattern in enumerate(sources):
            self.engines.push_back(compile_one(index, pattern, case_insensitive, share))
            found = shape(pattern)
            if not found.branches:
                raise PatternError(index, NO_WORDS)
            self.longest.push_back(to_count(found.longest))
            for branch in found.branches:
                self.add_branch(index, branch, numbers, users)
        self.words = Automaton(list(numbers))
        for word_users in users:
            self.use_start.push_back(self.uses.size())
            for link in word_users:
                self.uses.push_back(link)
        self.use_start.push_back(self.uses.size())

    def __dealloc__(self):
        for engine in self.engines:
            del engine

    def __len__(self):
        return self.engines.size()

    cdef int add_branch(self, uint32_t pattern, object shape_branch, dict numbers, list users) except -1:
        cdef Branch branch
        cdef Link link
        branch.pattern = pattern
        branch.first_link = self.links.size()
        branch.link_count = len(shape_branch.links)
        branch.lead_least = shape_branch.lead_least
        branch.lead_most = to_count(shape_branch.lead_most)
        for order, (words, reach) in enumerate(shape_branch.links):
            link.branch = self.branches.size()
            link.order = order
            link.first_word = self.link_words.size()
            link.word_count = len(words)
            link.reach = to_count(reach)
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
        cdef vector[uint32_t] complete, starts
        cdef size_t i = 0
        cdef uint32_t pattern
        cdef bint everywhere
        self.words.read(<const uint8_t *>text, size, &marks)
        self.complete_branches(&marks, &complete)
        while i < complete.size():
            pattern = self.branches[complete[i]].pattern
            starts.clear()
            everywhere = False
            while i < complete.size() and self.branches[complete[i]].pattern == pattern:
                everywhere |= self.add_starts(&self.branches[complete[i]], &marks, &starts)
                i += 1
            if everywhere:
                self.match_from(pattern, text, size, 0, found)
            elif starts.size():
                sort(starts.begin(), starts.end())
                self.match_at(pattern, text, size, &starts, found)
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

    cdef bint add_starts(self, const Branch *branch, Marks *marks, vector[uint32_t] *starts) except? True nogil:
        """Add the places where a match of this branch may start; True: it may start anywhere."""
        cdef vector[uint32_t] after, here
        cdef uint32_t order = branch.link_count, place
        cdef uint64_t reach
        cdef size_t next_one, kept, i
        cdef const Link *link
        while order:
            order -= 1
            link = &self.links[branch.first_link + order]
            self.places(link, marks, &here)
            if order + 1 < branch.link_count:
                # Keep the places that have one of the next link ahead of them, near enough.
                reach = (link + 1).reach * <uint64_t>marks.longest_char
                if (link + 1).reach == UNLIMITED:
                    reach = 1 << 40
                next_one = kept = 0
                for place in here:
                    while next_one < after.size() and after[next_one] <= place:
                        next_one += 1
                    if next_one < after.size() and after[next_one] - place <= reach:
                        here[kept] = place
                        kept += 1
                here.resize(kept)
            after.swap(here)
        if after.empty():
            return False
        if branch.lead_most - branch.lead_least > WIDEST_LEAD:
            return True
        for place in after:
            for i in range(branch.lead_least, branch.lead_most * marks.longest_char + 1):
                if i <= place:
                    starts.push_back(<uint32_t>(place - i))
        return False

    cdef int match_at(
        self, uint32_t pattern, const char *text, size_t size, vector[uint32_t] *starts, vector[Found] *found
    ) except -1 nogil:
        """Try each place by itself. What fails soon is cheap; what may run to the end of the text gets few tries."""
        cdef size_t start = 0, end = 0, resume = 0, tries = 0, spans = 0
        cdef uint32_t place
        for place in starts[0]:
            if place < resume or (text[place] & 0xC0) == 0x80:
                continue
            if self.longest[pattern] == UNLIMITED:
                tries += 1
                if tries > PATIENCE:
                    return self.match_from(pattern, text, size, place, found)
            if re2_match(self.engines[pattern][0], text, size, place, True, &start, &end):
                add_found(found, pattern, start, end)
                resume = end
                tries = 0
                spans += 1
                if spans == self.most_spans:
                    return 0
            else:
                resume = place + 1
        return 0

    cdef int match_from(
        self, uint32_t pattern, const char *text, size_t size, size_t at, vector[Found] *found
    ) except -1 nogil:
        """Search the text from *at* on in one go."""
        cdef size_t start = 0, end = 0, spans = 0
        while spans < self.most_spans and re2_match(self.engines[pattern][0], text, size, at, False, &start, &end):
            add_found(found, pattern, start, end)
            at = end
            spans += 1
        return 0


NO_WORDS = "a match need not contain any fixed text of two characters or more to look for first"


def check(str pattern not None, *, bint case_insensitive=False):
    """Return what is wrong with a pattern, None when it can be used."""
    try:
        PatternSet([pattern], case_insensitive=case_insensitive)
    except PatternError as error:
        return str(error)
    return None


cdef RE2 *compile_one(Py_ssize_t index, pattern, bint case_insensitive, int64_t max_mem) except NULL:
    if not isinstance(pattern, str):
        raise TypeError(f"pattern {index} is not text")
    try:
        encoded = pattern.encode()
    except UnicodeEncodeError:
        raise PatternError(index, "lone surrogate in the pattern") from None
    cdef RE2 *engine = re2_compile(encoded, not case_insensitive, max_mem)
    if not engine.ok():
        message = engine.error().decode("utf-8", "replace")
        del engine
        raise PatternError(index, message)
    return engine


cdef uint32_t to_count(amount):
    return UNLIMITED if amount >= UNLIMITED else int(amount)


cdef int add_found(vector[Found] *found, uint32_t pattern, size_t start, size_t end) except -1 nogil:
    cdef Found match
    match.pattern = pattern
    match.start = <uint32_t>start
    match.end = <uint32_t>end
    found.push_back(match)
    return 0


cdef int to_characters(const uint8_t *text, size_t size, vector[Found] *found) except -1:
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


cdef uint32_t characters_before(const uint8_t *text, uint32_t offset, const vector[uint32_t] *counts) noexcept:
    cdef uint32_t i, count = counts[0][offset // 64]
    for i in range(offset - offset % 64, offset):
        count += (text[i] & 0xC0) != 0x80
    return count
