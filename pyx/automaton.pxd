# distutils: language = c++
"""Aho-Corasick over folded characters: every place of every word, in one pass.

Knows nothing of patterns. Invariant: one table step per character and one entry per word found, whatever the text;
nothing is built while reading, so no text can make it build.

Shallow states, which ordinary text visits, come first and have a row each, with a step for every class of an ASCII
character; the other classes, of which there may be hundreds but few that any one state tells apart, stand in blocks
that rows share until they differ. Such a state is the index of its row in the table. A deep state has a list of its
few ways on, and for everything else the state of its longest suffix: each such detour gives back a character of
depth, so a text takes two steps a character at most. A deep state's number counts on from the end of the table. A
step with the bit HITS leads to a state in which words end.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy
from libcpp.vector cimport vector

cdef enum:
    PAGE = 256  # code points in one page of the table of classes
    PAGES = 4352  # of 0x110000 code points
    BLOCK = 32  # classes in one block
    DENSE_DEPTH = 2  # characters of a word up to which states have rows ...
    SMALL_DEPTH = 4  # ... and up to which they have them while the table is small
    MOST_STEPS = 1 << 20  # entries of the table
    SMALL_STEPS = 1 << 15  # entries that stay in the processor's cache
    MOST_STATES = 1 << 18
    HITS = 1 << 31
    NO_WAY = 0xFFFF  # no class has this number

cdef struct Way:  # from a deep state
    uint32_t cls
    uint32_t state

cdef struct Deep:  # a state without a row; all of it in one cache line
    uint16_t cls  # of its first way, which mostly is its only one; NO_WAY for a state without any
    uint16_t others
    uint32_t state  # where the first way leads
    uint32_t suffix  # the state of its longest suffix
    uint32_t first_other  # in the automaton's ways

cdef struct Automaton:
    uint16_t ascii_class[128]
    uint16_t page_of[PAGES]  # code point // PAGE -> page; page 0 holds class 0 only
    uint16_t *pages
    uint32_t narrow  # classes of ASCII characters, which come first; class 0: characters of no word
    size_t width  # entries of a row: a step for each of those classes, then where each block of the others begins
    uint32_t *steps  # state + class -> state
    size_t dense  # entries of the table, and the first state that has no row in it
    size_t rows
    uint32_t *blocks  # start of a block + class in it -> state
    Deep *deep
    Way *ways
    uint32_t *out_start  # number of a state -> its first entry in outs; one more at the end
    uint32_t *outs  # words that end in a state
    size_t word_count
    uint32_t *lengths  # of words, in characters

cdef struct Node:  # of the tree of sorted words
    uint32_t first  # the words that begin like this: from here
    uint32_t end
    uint32_t depth
    uint32_t suffix  # state of the longest other node that this one ends like

cdef struct Hit:
    uint32_t start  # byte offset of the word
    int32_t before  # index of the previous hit of the same word, -1 for none

cdef struct Marks:
    size_t longest_char  # of the text, in bytes
    size_t longest_space  # run of white space, in bytes; the reader's caller sets it
    vector[Hit] hits
    vector[int32_t] last  # word -> its last hit, -1 for none
    vector[uint32_t] words  # that were hit


cdef inline void automaton_free(Automaton *a) noexcept:
    if a != NULL:
        free(a.pages)
        free(a.steps)
        free(a.blocks)
        free(a.deep)
        free(a.ways)
        free(a.out_start)
        free(a.outs)
        free(a.lengths)
        free(a)


cdef inline Automaton *automaton_new(list words, dict cases) except NULL:
    """Build from folded words; *cases* gives the characters that fold to one, where there are several."""
    cdef Automaton *a = <Automaton *>calloc(1, sizeof(Automaton))
    if a == NULL:
        raise MemoryError
    try:
        chars = sorted({char for word in words for char in word})
        classes = {char: number for number, char in enumerate(chars, 1)}
        a.narrow = 1 + len([char for char in chars if char < "\x80"])
        a.width = a.narrow + (len(chars) + 1 - a.narrow + BLOCK - 1) // BLOCK
        set_classes(a, classes, cases)
        for longest in (12, 8, 6, 4, 3, 2):  # cut words find more than whole ones, never less
            cut = sorted([(word[:longest], number) for number, word in enumerate(words)])
            if count_states(cut, longest) <= MOST_STATES:
                break
        for depth in range(SMALL_DEPTH, -1, -1):
            rows = count_states(cut, depth)
            if rows * a.width <= (MOST_STEPS if depth <= DENSE_DEPTH else SMALL_STEPS):
                break
        a.word_count = len(words)
        a.lengths = copied([min(len(word), longest) for word in words])
        set_steps(a, cut, rows, classes)
    except BaseException:
        automaton_free(a)
        raise
    return a


cdef inline uint32_t *copied(vector[uint32_t] numbers) except NULL:
    cdef uint32_t *copy = <uint32_t *>malloc((numbers.size() + 1) * sizeof(uint32_t))
    if copy == NULL:
        raise MemoryError
    if numbers.size():
        memcpy(copy, numbers.data(), numbers.size() * sizeof(uint32_t))
    return copy


cdef inline int set_classes(Automaton *a, dict classes, dict cases) except -1:
    cdef vector[uint16_t] pages
    cdef uint32_t point
    pages.resize(PAGE, 0)
    for char, cls in classes.items():
        for case in cases.get(char, char):
            point = ord(case)
            if point < 128:
                a.ascii_class[point] = cls
                continue
            if a.page_of[point // PAGE] == 0:
                a.page_of[point // PAGE] = <uint16_t>(pages.size() // PAGE)
                pages.resize(pages.size() + PAGE, 0)
            pages[a.page_of[point // PAGE] * PAGE + point % PAGE] = cls
    a.pages = <uint16_t *>malloc(pages.size() * sizeof(uint16_t))
    if a.pages == NULL:
        raise MemoryError
    memcpy(a.pages, pages.data(), pages.size() * sizeof(uint16_t))
    return 0


cdef inline size_t count_states(list words, size_t deepest):
    """One for every different beginning of the sorted words, of *deepest* characters at most."""
    cdef size_t count = 1, same, most
    cdef str before = "", word
    for word, _ in words:
        same = 0
        while same < len(before) and same < len(word) and before[same] == word[same]:
            same += 1
        most = min(len(word), deepest)
        if most > same:
            count += most - same
        before = word
    return count


cdef inline int set_steps(Automaton *a, list words, size_t rows, dict classes) except -1:
    """Walk the tree of words breadth first; *words* are sorted, each with its number; the first *rows* states get rows.

    A row is that of its longest suffix, which is complete by then, with the steps to the nodes below put in.
    """
    cdef vector[Node] nodes
    cdef vector[Way] ways
    cdef vector[Deep] deep
    cdef vector[uint32_t] out_start, outs, blocks
    cdef size_t number = 0, i
    cdef uint32_t first, state, out
    cdef Node node, below
    cdef Way way
    cdef Deep bare
    cdef Py_UCS4 char
    bare.cls, bare.others, bare.state = NO_WAY, 0, 0
    a.rows, a.dense = rows, rows * a.width
    a.steps = <uint32_t *>calloc(a.dense, sizeof(uint32_t))
    if a.steps == NULL:
        raise MemoryError
    blocks.resize(BLOCK, 0)
    below.first, below.end, below.depth, below.suffix = 0, len(words), 0, 0
    nodes.push_back(below)
    while number < nodes.size():
        node = nodes[number]
        state = state_of(a, number)
        below.depth = node.depth + 1
        first = node.first
        out_start.push_back(outs.size())
        while first < node.end and len(words[first][0]) == node.depth:
            outs.push_back(words[first][1])
            first += 1
        if number:
            for i in range(out_start[number_of(a, node.suffix)], out_start[number_of(a, node.suffix) + 1]):
                out = outs[i]
                outs.push_back(out)
        if number >= rows:
            bare.suffix, bare.first_other = node.suffix, <uint32_t>ways.size()
            deep.push_back(bare)
        elif number:
            memcpy(a.steps + state, a.steps + node.suffix, a.width * sizeof(uint32_t))
        own = set()
        while first < node.end:
            char = letter(words, first, node.depth)
            below.first = first
            while first < node.end and letter(words, first, node.depth) == char:
                first += 1
            below.end = first
            way.cls, way.state = classes[char], state_of(a, nodes.size())
            if number < rows:
                below.suffix = set_step(a, state, way, &blocks, own)
            else:
                below.suffix = step_of(a, node.suffix, way.cls, blocks.data(), deep.data(), ways.data())
                add_way(&deep.back(), way, &ways)
            nodes.push_back(below)
        number += 1
    out_start.push_back(outs.size())
    for i in range(0, a.dense, a.width):
        mark_hits(a, a.steps + i, a.narrow, &out_start)
    mark_hits(a, blocks.data(), blocks.size(), &out_start)
    for i in range(ways.size()):
        mark_hits(a, &ways[i].state, 1, &out_start)
    for i in range(deep.size()):
        mark_hits(a, &deep[i].state, 1, &out_start)
    a.blocks, a.out_start, a.outs = copied(blocks), copied(out_start), copied(outs)
    a.ways = <Way *>malloc((ways.size() + 1) * sizeof(Way))
    a.deep = <Deep *>malloc((deep.size() + 1) * sizeof(Deep))
    if a.ways == NULL or a.deep == NULL:
        raise MemoryError
    if ways.size():
        memcpy(a.ways, ways.data(), ways.size() * sizeof(Way))
    if deep.size():
        memcpy(a.deep, deep.data(), deep.size() * sizeof(Deep))
    return 0


cdef inline uint32_t state_of(const Automaton *a, size_t number) noexcept nogil:
    """States by the number of their node: rows first, then one by one."""
    if number < a.rows:
        return <uint32_t>(number * a.width)
    return <uint32_t>(a.dense + number - a.rows)


cdef inline size_t number_of(const Automaton *a, uint32_t state) noexcept nogil:
    if state < a.dense:
        return state // a.width
    return state - a.dense + a.rows


cdef inline uint32_t set_step(Automaton *a, uint32_t state, Way way, vector[uint32_t] *blocks, set own) except? 0:
    """Give the row of *state* a step of its own; returns where its suffix would have gone."""
    cdef uint32_t *step = a.steps + state + way.cls
    cdef uint32_t column, before, cls = way.cls
    if cls >= a.narrow:
        cls -= a.narrow
        column = a.narrow + cls // BLOCK
        if column not in own:
            own.add(column)
            a.steps[state + column] = add_block(blocks, a.steps[state + column])
        step = &blocks[0][a.steps[state + column] + cls % BLOCK]
    before = step[0]
    step[0] = way.state
    return before


cdef inline uint32_t step_of(
    const Automaton *a, uint32_t state, uint32_t cls, const uint32_t *blocks, const Deep *deep, const Way *ways
) noexcept nogil:
    """Also while the automaton is being built; all that is asked for is there already."""
    cdef const Deep *here
    cdef uint32_t i
    while state >= a.dense:
        here = &deep[state - a.dense]
        if here.cls == cls:
            return here.state
        for i in range(here.first_other, here.first_other + here.others):
            if ways[i].cls == cls:
                return ways[i].state
        state = here.suffix
    return dense_step(a, state, cls, blocks)


cdef inline int add_way(Deep *state, Way way, vector[Way] *ways) except -1:
    if state.cls == NO_WAY:
        state.cls, state.state = <uint16_t>way.cls, way.state
    else:
        ways.push_back(way)
        state.others += 1
    return 0


cdef inline uint32_t dense_step(
    const Automaton *a, uint32_t state, uint32_t cls, const uint32_t *blocks
) noexcept nogil:
    if cls < a.narrow:
        return a.steps[state + cls]
    cls -= a.narrow
    return blocks[a.steps[state + a.narrow + cls // BLOCK] + cls % BLOCK]


cdef inline Py_UCS4 letter(list words, size_t index, size_t depth) except? 0:
    cdef str word = (<tuple>words[index])[0]
    return word[depth]


cdef inline uint32_t add_block(vector[uint32_t] *blocks, uint32_t like) except? 0:
    """Where a new block begins, with the steps of the one at *like*."""
    cdef uint32_t start = <uint32_t>blocks.size(), i
    for i in range(like, like + BLOCK):
        blocks.push_back(blocks[0][i])
    return start


cdef inline void mark_hits(
    const Automaton *a, uint32_t *steps, size_t count, const vector[uint32_t] *out_start
) noexcept:
    cdef size_t i, number
    for i in range(count):
        number = number_of(a, steps[i])
        if out_start[0][number] < out_start[0][number + 1]:
            steps[i] |= HITS


cdef inline int automaton_read(const Automaton *a, const uint8_t *text, size_t size, Marks *marks) except -1 nogil:
    """Note every place of every word. Bytes that are not UTF-8 are characters of no word, or harmless extra ones."""
    cdef size_t at = 0, length, _
    cdef uint32_t point, cls, state = 0
    cdef bint ascii_only = True
    marks.longest_char = 1
    marks.last.assign(a.word_count, -1)
    while at < size:
        point = text[at]
        at += 1
        if point < 128:
            cls = a.ascii_class[point]
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
            cls = a.pages[a.page_of[point // PAGE] * PAGE + point % PAGE]
        state = step_of(a, state, cls, a.blocks, a.deep, a.ways)
        if state & HITS:
            state &= ~<uint32_t>HITS
            note_hits(a, state, text, at, ascii_only, marks)
    return 0


cdef inline int note_hits(
    const Automaton *a, uint32_t state, const uint8_t *text, size_t at, bint ascii_only, Marks *marks
) except -1 nogil:
    """Keep the words that end in *state*, before the byte *at*."""
    cdef uint32_t word, out, _
    cdef size_t start, number = number_of(a, state)
    cdef Hit hit
    for out in range(a.out_start[number], a.out_start[number + 1]):
        word = a.outs[out]
        start = at - a.lengths[word]
        if not ascii_only:
            start = at
            for _ in range(a.lengths[word]):
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
