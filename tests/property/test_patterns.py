"""pyx/patterns against its slow twin: random patterns over random texts made of their own words."""

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from gw._native.patterns import PatternSet, check
from tests.oracle import patterns as oracle

WORDS = st.sampled_from(
    ["ignore", "all", "rules", "ab", "ba", "aab", "sk", "Kiss", "für", "Жук", "ωμέγα", "中文", "a.b", "|sh"]
)
SEPARATORS = st.sampled_from([" ", "  ", "\n", "", "-", ", ", "\u200b", "x", "é "])
GAPS = st.sampled_from(
    [
        *("[^\\n]{0,9}", ".{0,4}", ".*", "[^.]{1,20}", ".{3}", "[^x]{2,}", "[^\\n]{0,3}x[^\\n]{0,9}"),
        *("\\s+", "\\s?", " ", "\\s*,\\s*", "\\w*", "\\d?"),
    ]
)
ENDS = st.sampled_from(["", "", "\\b", "^", "$", "(?:please )?", "[#*]{2,}", "\\s*", "[a-c]?", "x+"])
quoted = WORDS.map(lambda word: re.sub(r"[.|]", lambda found: "\\" + found[0], word))
words = st.one_of(
    quoted,
    quoted.map(lambda word: f"\\b{word}\\b"),
    quoted.map(lambda word: word + "?"),
    quoted.map(lambda word: f"(?:{word})+"),
    quoted.map(lambda word: f"(?:{word}){{2,3}}"),
    st.lists(quoted, min_size=2, max_size=3, unique=True).map(lambda some: f"(?:{'|'.join(some)})"),
    st.lists(quoted, min_size=2, max_size=3, unique=True).map(lambda some: f"({'|'.join(some)})?"),
    st.tuples(quoted, GAPS, quoted).map(lambda parts: f"(?:{''.join(parts)}|{parts[0]})"),
)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    parts = [draw(ENDS), draw(words)]
    for _ in range(draw(st.integers(0, 3))):
        parts += [draw(GAPS), draw(words)]
    pattern = "".join([*parts, draw(ENDS)])
    if draw(st.integers(0, 5)) == 0:
        pattern += "|" + draw(quoted)
    return draw(st.sampled_from(["", "(?i)", "(?s)", "(?i)"])) + pattern


texts = st.lists(st.tuples(st.one_of(WORDS, WORDS.map(str.upper), st.text(max_size=3)), SEPARATORS), max_size=25).map(
    lambda pairs: "".join(word + separator for word, separator in pairs)
)


def compare(some: list[str], text: str) -> None:
    usable = [pattern for pattern in some if check(pattern) is None]
    assume(usable)
    found = PatternSet(usable).scan(text)
    assert found == oracle.scan(usable, text)
    data = text.encode("utf-8", "surrogatepass")
    assert PatternSet(usable).scan(data) == [
        (index, len(text[:start].encode("utf-8", "surrogatepass")), len(text[:end].encode("utf-8", "surrogatepass")))
        for index, start, end in found
    ]


@given(st.lists(patterns(), min_size=1, max_size=6), texts)
@example(["(?i)kiss"], "\u212ai\u017fs KISS")
@example(["(?i)жук"], "ЖУК \u1c80")
@example(["ab.{0,4}ba"], "ab\u200b\u200b\u200b\u200bba")
@example(["(?:please )?ab"], "please please ab")
@example(["ab.{0,9}ba"], "ab ba ba ba ab........ba ab.........ba ab..........ba")
@example(["ab.{0,9}aab.{0,9}ba"], "ab aab ......aab ba ab aab ......... ba")
@example(["(?:ab|abc ignore).{1,12}ba"], "abc ignore.......ba ab ignore.......ba")
def test_same_matches_as_one_pattern_at_a_time(some: list[str], text: str) -> None:
    compare(some, text)


@given(patterns(), texts, st.data())
def test_texts_made_to_match(pattern: str, around: str, data: st.DataObject) -> None:
    """Random words seldom match a long pattern; what is made from the pattern does."""
    assume(check(pattern) is None)
    made = data.draw(st.from_regex(re.compile(pattern), fullmatch=True))
    compare([pattern], made)
    compare([pattern], around + made + around)


@given(st.lists(patterns(), min_size=1, max_size=3), st.text("ab ixsk.\n", max_size=60))
def test_texts_of_few_letters(some: list[str], text: str) -> None:
    compare(some, text)


@given(st.lists(patterns(), min_size=1, max_size=3), st.binary(max_size=60), texts)
def test_any_bytes_are_searched(some: list[str], junk: bytes, text: str) -> None:
    """Bytes that are not UTF-8 hide nothing that stands between them."""
    usable = [pattern for pattern in some if check(pattern) is None]
    assume(usable)
    alone = {index for index, _, _ in PatternSet(usable).scan(b"\xff" + text.encode("utf-8", "replace") + b"\xff")}
    anchors = {index for index, pattern in enumerate(usable) if re.search(r"[$^]", pattern)}
    around = {
        index
        for index, _, _ in PatternSet(usable).scan(junk + b"\xff" + text.encode("utf-8", "replace") + b"\xff" + junk)
    }
    assert alone - anchors <= around


@given(st.text(max_size=40))
def test_any_pattern_is_accepted_or_refused(pattern: str) -> None:
    if check(pattern) is None:
        PatternSet([pattern]).scan("some text " + pattern)
