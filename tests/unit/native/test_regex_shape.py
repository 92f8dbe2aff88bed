"""Required words of patterns, their order and their distances."""

import math

import pytest

from gw._native.regex_shape import MOST_LINKS, MOST_WORDS, Length, shape


def links(pattern: str) -> list[list[tuple[set[str], float]]]:
    return [[(set(link.words), link.reach.chars) for link in branch.links] for branch in shape(pattern).branches]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ignore", [[({"IGNORE"}, 0)]]),
        ("abc|def", [[({"ABC"}, 0)], [({"DEF"}, 0)]]),
        ("(?:abc|def)", [[({"ABC"}, 0)], [({"DEF"}, 0)]]),
        ("(?:ab|cd)ef", [[({"ABEF", "CDEF"}, 0)]]),
        ("abc.{0,9}def", [[({"ABC"}, 0), ({"DEF"}, 12)]]),
        ("abcd?.{2}def", [[({"ABC"}, 0), ({"DEF"}, 6)]]),
        ("abc.*def", [[({"ABC"}, 0), ({"DEF"}, math.inf)]]),
        (r"\babc\b", [[({"ABC"}, 0)]]),
        ("(?:the )?user", [[({"THE USER", "USER"}, 0)]]),
        ("api keys?", [[({"API KEY"}, 0)]]),
        ("(?:abc)+", [[({"ABC"}, 0)]]),
        ("(?:ab){2}", [[({"ABAB"}, 0)]]),
        ("(?:ab){2,3}", [[({"ABAB"}, 0)]]),
        ("x(?:abc[^.]def|ghi)", [[({"ABC", "GHI"}, 0)]]),
        ("extraordinarily", [[({"EXTRAORDINAR"}, 0)]]),
        ("[mno]x?[a-z]{9}[.]", []),
        ("[mno][a-z]{9}[.][a-z]{9}[.]", [[({"M", "N", "O"}, 0), ({"."}, 10), ({"."}, 10)]]),
        ("a.b.c.ddd", [[({"DDD"}, 0)]]),
        ("[#]", [[({"#"}, 0)]]),
        ("[\u200b\u200c]", [[({"\u200b", "\u200c"}, 0)]]),
        ("a", []),
        (".", []),
        ("(?:abc)?", []),
        ("(?:abc)*", []),
        ("abc|.", []),
        ("[a-z]{9}", []),
        (" ", []),
    ],
)
def test_words(pattern: str, expected: list[list[tuple[set[str], float]]]) -> None:
    assert links(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("abc", 0, 0),
        (".{2}abc", 2, 2),
        ("[^x]{1,5}abc", 1, 5),
        (".*abc", 0, math.inf),
        ("x?.abc", 1, 2),
    ],
)
def test_lead(pattern: str, least: int, most: float) -> None:
    (branch,) = shape(pattern).branches
    assert (branch.lead_least, branch.lead_most) == (least, Length(most))


@pytest.mark.parametrize(
    ("pattern", "longest"),
    [
        ("abc", 3),
        ("abc.{0,9}", 12),
        ("ab|wxyz", 4),
        ("abc*", math.inf),
        ("(?:ab{0,3}){2}", 8),
        ("^abc$", 3),
        ("abcx{0}", 3),
    ],
)
def test_longest(pattern: str, longest: float) -> None:
    assert shape(pattern).most == Length(longest)


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        (r"ab\s+cd", Length(4, 1)),
        (r"ab[ \t]*cd +", Length(4, 2)),
        (r"(?:ab\s*){2}", Length(4, 2)),
        (r"(?:ab\s*)+", Length(math.inf)),
        (r"abc\s+|defg", Length(4, 1)),
        (r"ab[\sx]+", Length(math.inf)),
        (r"ab\s{2,}", Length(2, 1)),
        (r"ab\s{2,5}", Length(7)),
        (r"ab(?:\b)*", Length(2)),
    ],
)
def test_white_space_counts_as_runs(pattern: str, most: Length) -> None:
    assert shape(pattern).most == most


def test_runs_count_in_distances_too() -> None:
    (branch,) = shape(r"\s*#+\s*end\s+of").branches
    assert branch.lead_most == Length(0, 1)
    assert [link.reach for link in branch.links] == [Length(0), Length(math.inf, 1), Length(3, 1)]


@pytest.mark.parametrize(
    ("pattern", "exact", "loose", "slack"),
    [
        ("ab.{0,9}cd", "ab.{0,9}?cd", "ab.*?cd", 9),
        ("ab.{2,40}?cd[^x]{0,10}ef", "ab.{2,40}?cd[^x]{0,10}?ef", "ab.{2,}?cd[^x]*?ef", 10),
        ("ab.{0,7}cd", "ab.{0,7}cd", None, 0),
        ("ab.*cd", "ab.*cd", None, 0),
        ("(?:ab ){0,50}cd", "(?:ab ){0,50}cd", None, 0),
        ("(?U)ab.{0,9}cd", "(?U)ab.{0,9}cd", None, 0),
        ("ab.{0,1001}cd", "ab.{0,1001}cd", None, 0),
    ],
)
def test_gaps(pattern: str, exact: str, loose: str | None, slack: int) -> None:
    found = shape(pattern)
    assert (found.exact, found.loose, found.slack) == (exact, loose, slack)


def test_a_word_near_the_start_is_kept_before_rarer_ones() -> None:
    (branch,) = shape(".{3}abc.*extraordinary.*unbelievable.*superfluous.*antagonistic").branches
    assert branch.links[0].words == {"ABC"}
    assert len(branch.links) == MOST_LINKS


def test_words_stay_few() -> None:
    (branch,) = shape("(?:a|b)(?:c|d)(?:e|f)(?:g|h)(?:i|j)(?:k|l)(?:m|n)(?:o|p)").branches
    assert all(len(link.words) <= MOST_WORDS for link in branch.links)
