"""The pattern set's table: what is accepted, what is found where, and what hostile text may cost."""

import random
import subprocess
import sys
import threading
import time

import pytest

from gw._native import patterns
from gw._native.patterns import PatternError, PatternSet, check


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        (r"\brm\s+-rf\b", "sudo rm  -rf / ; rm -rf x", [(5, 12), (17, 23)]),
        ("(?i)ignore .{0,20}rules", "IGNORE all the Rules", [(0, 20)]),
        ("(?i)ignore .{0,20}rules", "ignore " + "x" * 21 + "rules", []),
        (r"(?:please )?stop", "please please stop", [(7, 18)]),
        ("ab.*yz", "ab-yz-yz\nab-yz", [(0, 8), (9, 14)]),
        ("^start", "start start", [(0, 5)]),
        ("(?m)^start", "x\nstart", [(2, 7)]),
        ("end$", "end end", [(4, 7)]),
        (r"cat|dog\b", "dogs cats dog", [(5, 8), (10, 13)]),
        ("(?i)straße", "STRAßE", [(0, 6)]),
        ("(?i)скажи", "Я СКАЖИ", [(2, 7)]),
        ("[\u200b-\u200f]", "a\u200bb\u200fc", [(1, 2), (3, 4)]),
        (r"\x{1F600}!", "😀😀!", [(1, 3)]),
        (r"\Qa.b\E", "axb a.b", [(4, 7)]),
        (r"[=#]{2,}\s?end", "== end ####end", [(0, 6), (7, 14)]),
        (r"(?P<verb>send) it", "send it", [(0, 7)]),
        (r"(?i-s:ab).{2}", "AB\n.", []),
        (r"a\{2\}", "a{2}", [(0, 4)]),
        ("ab{,2}", "ab{,2}", [(0, 6)]),
    ],
)
def test_matches(pattern: str, text: str, spans: list[tuple[int, int]]) -> None:
    assert PatternSet([pattern]).scan(text) == [(0, start, end) for start, end in spans]


def test_indexes_are_places_in_the_sequence() -> None:
    assert PatternSet(["bb", "aa", "cc"]).scan("aa bb aa") == [(0, 3, 5), (1, 0, 2), (1, 6, 8)]
    assert len(PatternSet(["bb", "aa"])) == 2


def test_an_empty_set_matches_nothing() -> None:
    assert PatternSet([]).scan("anything") == []


def test_spans_of_bytes_count_bytes() -> None:
    found = PatternSet(["über", "日本"])
    assert found.scan("für über 日本") == [(0, 4, 8), (1, 9, 11)]
    assert found.scan("für über 日本".encode()) == [(0, 5, 10), (1, 11, 17)]


def test_lone_surrogates_count_as_one_character() -> None:
    assert PatternSet(["ab.cd", "ef"]).scan("\ud800ab\ud800cd ef") == [(0, 1, 6), (1, 7, 9)]


def test_case_insensitive_set() -> None:
    assert PatternSet(["key"], case_insensitive=True).scan("a KEY") == [(0, 2, 5)]


def test_reported_spans_are_bounded_for_each_pattern() -> None:
    assert PatternSet(["ab", "ab b"], max_spans=2).scan("ab " * 9 + "b") == [
        *[(0, 0, 2), (0, 3, 5), (0, 5, 28)],  # the last one says: not looked at
        (1, 24, 28),
    ]
    assert PatternSet(["ab"], max_spans=2).scan("abab") == [(0, 0, 2), (0, 2, 4)]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "missing"),
        ("a(?=b)", "invalid perl operator"),
        (r"(ab)\1", "invalid escape"),
        ("ab{2,1}", "repetition"),
        ("[z-a]bc", "character class range"),
        ("", "two characters"),
        (".*", "two characters"),
        (r"\d+", "two characters"),
        (r"[a-z]{20}", "two characters"),
        ("(?:word)?", "two characters"),
        ("word|.", "two characters"),
        ("\ud800", "surrogate"),
    ],
)
def test_unusable_patterns(pattern: str, message: str) -> None:
    with pytest.raises(PatternError, match=message) as caught:
        PatternSet(["fine", pattern])
    assert caught.value.index == 1
    assert message in str(check(pattern))


def test_usable_patterns_have_no_complaint() -> None:
    assert check(r"\bcurl\b[^\n]{0,200}\|\s*sh\b") is None
    assert check("KEY", case_insensitive=True) is None


@pytest.mark.parametrize("text", [None, 5, bytearray(b"x"), ["x"]])
def test_only_text_is_searched(text: object) -> None:
    with pytest.raises(TypeError):
        PatternSet(["ab"]).scan(text)  # type: ignore[arg-type]  # the point of the test


def test_only_text_is_compiled() -> None:
    with pytest.raises(TypeError):
        PatternSet([b"ab"])  # type: ignore[list-item]  # the point of the test


def test_a_set_is_compiled_once() -> None:
    found = PatternSet(["ab"])
    with pytest.raises(TypeError):
        found.__init__(["cd"])  # type: ignore[misc]  # the point of the test
    assert found.scan("ab cd") == [(0, 0, 2)]


def test_an_engine_without_memory_says_so() -> None:
    """In a process of its own: what cannot be searched raises, and is never reported as "no match"."""
    script = """
import resource
from gw._native.patterns import EngineError, PatternSet
found, text = PatternSet(["ab", "cd"]), b"ab " * 30_000_000
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (1 << 26), resource.RLIM_INFINITY))
try:
    found.scan(text)
except EngineError as error:
    print("refused:", error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "refused: out of memory\n"


def test_many_threads_share_one_set() -> None:
    patterns = [f"word{i}\\b[^\\n]{{0,40}}end" for i in range(50)]
    found = PatternSet(patterns)  # new: the threads also meet at what is compiled on first use
    texts = [" ".join(random.Random(seed).choices(["word7", "word13", "end", "other"], k=2000)) for seed in range(8)]
    alone = [PatternSet(patterns).scan(text) for text in texts]
    together: list[list[tuple[int, int, int]]] = [[] for _ in texts]

    def work(i: int) -> None:
        for _ in range(5):
            together[i] = found.scan(texts[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("ab.*zz", "ab "),  # unlimited, its end never comes
        ("ab.*cd.*zz", "ab cd "),
        ("ab[^\\n]{0,200}cdx", "ab cd "),
        ("(?:ab)+c|ab.*q", "ab"),
        ("\\s*#+\\s*end", "# "),
        ("ab(?:.{0,30}ab){3}zz", "ab "),
    ],
)
def test_time_grows_no_faster_than_the_text(pattern: str, unit: str) -> None:
    """Each pattern would take quadratic time if every place were tried up to the end of the text."""
    found = PatternSet([pattern])

    def cost(size: int) -> float:
        text = unit * (size // len(unit)) + "zz q cdx end"[: 2 if "zz" in pattern else 0]
        times = []
        for _ in range(3):
            start = time.process_time()
            found.scan(text)
            times.append(time.process_time() - start)
        return min(times)

    assert cost(400_000) < 40 * max(cost(40_000), 0.0005)


def test_words_of_a_pattern_are_told_when_there_are_none() -> None:
    assert check("[0-9]+") == patterns.NO_WORDS
