"""The commands xargs would run."""

import pytest

from gw.defender.shell.stream import EXPANDED, FETCHED, HOST, SECRET, Stream
from gw.defender.shell.xargs import MAX_ITEMS, invocations
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
    found = list(invocations(options.split(), argv, [0] * len(argv), Stream(text)))
    assert [" ".join(run) for run, _ in found] == runs
    assert all(len(run) == len(marks) for run, marks in found)


def test_unknown_input_leaves_its_marks() -> None:
    stdin = Stream(None, FETCHED | SECRET)
    assert list(invocations(["xargs"], ["sh", "-c", "{}"], [0, 0, 0], stdin)) == [
        (["sh", "-c", "{}"], [SECRET, SECRET, FETCHED | SECRET])
    ]


def test_known_input_is_marked_as_expanded() -> None:
    assert list(invocations(["xargs"], ["dig"], [0], Stream("a.b", HOST))) == [(["dig", "a.b"], [0, HOST | EXPANDED])]


def test_more_items_than_are_tried_are_seen_to_be_more() -> None:
    text = "\n".join(map(str, range(100)))
    assert len(list(invocations(["xargs", "-I{}"], ["rm", "{}"], [0, 0], Stream(text)))) == MAX_ITEMS + 1


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
