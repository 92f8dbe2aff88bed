"""Simple commands: assignments, redirects, here-documents, comments."""

import re
from typing import Any

import pytest

from gw.defender.shell.ast import Simple, Word
from gw.defender.shell.parser import Parser
from gw.defender.shell.simple import _NEXT, PLAIN


def simple(text: str) -> Simple:
    command = Parser(text).parse()[0].commands[0]
    assert isinstance(command, Simple)
    return command


def plain(words: object) -> list[str | None]:
    assert isinstance(words, list)
    return [w.literal if isinstance(w, Word) else w for w in words]


def test_assignments_stand_in_front() -> None:
    command = simple("A=1 B+='x y' C= prog D=2")
    assert [(a.name, a.value.literal if a.value else None, a.append) for a in command.assigns] == [
        ("A", "1", False),
        ("B", "x y", True),
        ("C", "", False),
    ]
    assert plain(command.words) == ["prog", "D=2"]


def test_arrays_keep_their_items() -> None:
    (assign,) = simple("a=(x 'y z' $q)").assigns
    assert [item.literal for item in assign.items] == ["x", "y z", None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a >b", [(1, ">", "b")]),
        ("a 2>b", [(2, ">", "b")]),
        ("a >>b <c", [(1, ">>", "b"), (0, "<", "c")]),
        ("a &>b", [(-1, ">", "b")]),
        ("a &>>b", [(-1, ">>", "b")]),
        ("a 2>&1", [(2, ">&", "1")]),
        ("a 0<&5", [(0, "<&", "5")]),
        ("a 5<>/dev/tcp/h/1", [(5, "<>", "/dev/tcp/h/1")]),
        ("a <<<'b c'", [(0, "<<<", "b c")]),
        ("a >|b", [(1, ">|", "b")]),
        ("a {fd}>b", [(1, ">", "b")]),
        (">b a", [(1, ">", "b")]),
    ],
)
def test_redirects(text: str, expected: list[tuple[int, str, str]]) -> None:
    command = simple(text)
    assert [(r.fd, r.op, r.target.literal) for r in command.redirects] == expected
    assert plain(command.words) == ["a"]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("cat <<E\nx\ny\nE\n", "x\ny\n"),
        ("cat <<'E'\n$x\nE\n", "$x\n"),
        ("cat <<-E\n\tx\n\tE\n", "x\n"),
        ('cat <<"E"\n`x`\nE', "`x`\n"),
        ("cat <<E | sort\nx\nE\n", "x\n"),
    ],
)
def test_here_documents(text: str, body: str) -> None:
    (redirect,) = simple(text).redirects
    assert (redirect.op, redirect.target.literal) == ("<<", body)


def test_two_here_documents_are_read_in_order() -> None:
    first, second = simple("cat <<A <<B\na\nA\nb\nB\n").redirects
    assert (first.target.literal, second.target.literal) == ("a\n", "b\n")


def test_an_unquoted_here_document_expands() -> None:
    (redirect,) = simple("cat <<E\na $(id) b\nE\n").redirects
    assert redirect.target.literal is None
    assert len(redirect.target.parts) == 4


def test_what_follows_a_here_document_is_read() -> None:
    assert len(Parser("cat <<E\nx\nE\nrm y\n").parse()) == 2


def test_comments_are_kept_apart() -> None:
    parser = Parser("ls # one\n# two\npwd")
    assert len(parser.parse()) == 2
    assert parser.comments == [(3, 8), (9, 14)]


@pytest.mark.parametrize("text", ["cat <<E\nx\n", "ls >", "echo (x)", "a=(x"])
def test_mistakes_are_noticed(text: str) -> None:
    parser = Parser(text)
    parser.parse()
    assert parser.broken


def test_digits_are_words_unless_a_redirect_follows() -> None:
    assert plain(simple("sleep 5 2>x").words) == ["sleep", "5"]


@pytest.mark.parametrize("pattern", [PLAIN, _NEXT])
def test_no_group_is_possessive(pattern: Any) -> None:
    """CPython 3.11.2, which is Debian 12's, ends such a match too late: what stood there was not read."""
    assert re.search(r"\)(?:[*+?]|\{[\d,]*\})\+", pattern.__self__.pattern) is None


def test_a_word_the_first_look_cannot_take_is_left_whole() -> None:
    found = PLAIN("socat file:`tty`,raw tcp-listen:1")
    assert found is not None and (found.end(), found.group(2)) == (6, None)
