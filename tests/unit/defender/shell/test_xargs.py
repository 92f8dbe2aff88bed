"""The commands xargs would run."""

import pytest

from gw.defender.shell.stream import EXPANDED, FETCHED, HOST, SECRET, Stream
from gw.defender.shell.xargs import MAX_ITEMS, MAX_PLACED_CHARS, invocations
from tests.support.commands import facts_of


@pytest.mark.parametrize(
    ("options", "words", "text", "runs"),
    [
        ("xargs", "rm -f", "a b\nc", ["rm -f a b c"]),
        ("xargs -n 1", "rm", "a", ["rm a"]),
        ("xargs -0", "rm", "a b\0c\0", ["rm a b c"]),
        ("xargs -d ,", "rm", "a,b", ["rm a b"]),
        ("xargs -d,", "rm", "a,b", ["rm a b"]),
        ("xargs --delimiter=\\n", "rm", "a\nb", ["rm a b"]),
        ("xargs -I{}", "mv {} /tmp/{}", "a\nb c\n", ["mv a /tmp/a", "mv b c /tmp/b c"]),
        ("xargs -I %", "rm %", "a", ["rm a"]),
        ("xargs -i", "rm {}", "a", ["rm a"]),
        ("xargs --replace=X", "rm X", "a", ["rm a"]),
        ("xargs -0 -I{}", "sh -c {}", "ls -l\0", ["sh -c ls -l"]),
        ("xargs -a list", "rm", "a", ["rm"]),
    ],
)
def test_known_input(options: str, words: str, text: str, runs: list[str]) -> None:
    argv = words.split()
    found, complete = invocations(options.split(), argv, [0] * len(argv), Stream(text))
    assert complete
    assert [" ".join(run) for run, _ in found] == runs
    assert all(len(run) == len(marks) for run, marks in found)


def test_unknown_input_leaves_its_marks() -> None:
    stdin = Stream(None, FETCHED | SECRET)
    found, complete = invocations(["xargs"], ["sh", "-c", "{}"], [0, 0, 0], stdin)
    assert (found, complete) == ([(["sh", "-c", "{}"], [SECRET, SECRET, FETCHED | SECRET])], True)


def test_known_input_is_marked_as_expanded() -> None:
    found, _ = invocations(["xargs"], ["dig"], [0], Stream("a.b", HOST))
    assert found == [(["dig", "a.b"], [0, HOST | EXPANDED])]


@pytest.mark.parametrize(
    ("words", "text"),
    [(["rm", "{}"], "\n".join(map(str, range(100)))), (["echo", "{}" * 1000], "x" * 1000)],
)
def test_what_is_not_tried_is_seen_to_be_missing(words: list[str], text: str) -> None:
    found, complete = invocations(["xargs", "-I{}"], words, [0, 0], Stream(text))
    assert len(found) <= MAX_ITEMS
    assert sum(len(w) for run, _ in found for w in run) <= MAX_PLACED_CHARS
    assert not complete


@pytest.mark.parametrize(
    "command",
    [
        "printf '%s\\0' 'rm -rf /' | xargs -0 -I{} sh -c {}",
        "printf 'x\\n/\\n' | xargs -I% rm -rf %",
        "echo / | xargs rm -rf",
    ],
)
def test_every_item_is_judged(command: str) -> None:
    assert "deletes-root" in facts_of(command)
