"""The grammar: lists, pipelines, compounds; and that any text gives a tree."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.defender.shell.ast import Compound, Script, Simple
from gw.defender.shell.lexer import TooDeepError
from gw.defender.shell.parser import Parser


def shape(script: Script) -> list[object]:
    """Programs and compounds as nested lists."""
    found: list[object] = []
    for pipeline in script:
        for command in pipeline.commands:
            if isinstance(command, Simple):
                word = command.words[0] if command.words else None
                found.append(word if isinstance(word, str | None) else word.literal)
            else:
                assert isinstance(command, Compound)
                found.append([command.kind, *(shape(body) for body in command.bodies)])
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a; b & c && d || e\nf", ["a", "b", "c", "d", "e", "f"]),
        ("a | b |& c", ["a", "b", "c"]),
        ("(a; b)", [["(", ["a", "b"]]]),
        ("{ a; b; }", [["{", ["a", "b"]]]),
        ("if a; then b; elif c; then d; else e; fi", [["if", ["a"], ["b"], ["c"], ["d"], ["e"]]]),
        ("while a; do b; done", [["while", ["a"], ["b"]]]),
        ("until a; do b; done", [["while", ["a"], ["b"]]]),
        ("for x in 1 2; do a; done", [["for", ["a"]]]),
        ("for x; do a; done", [["for", ["a"]]]),
        ("for ((i=0; i<3; i++)); do a; done", [["for", ["a"]]]),
        ("select x in 1; do a; done", [["for", ["a"]]]),
        ("case x in a|b) c ;; (d) e ;& *) f; esac", [["case", ["c"], ["e"], ["f"]]]),
        ("f() { a; }", [["function", [["{", ["a"]]]]]),
        ("function f { a; }", [["function", [["{", ["a"]]]]]),
        ("f() (a)", [["function", [["(", ["a"]]]]]),
        ("coproc a", [["coproc", ["a"]]]),
        ("! a", ["a"]),
        ("((x + 1)); a", [["(("], "a"]),
        ("[[ a < b && c ]] && d", ["[[", "d"]),
        ("a() b", [["function", ["b"]]]),
        ("", []),
        ("# only a comment", []),
        ("\n\n ; \n", []),
    ],
)
def test_shapes(text: str, expected: list[object]) -> None:
    assert shape(Parser(text).parse()) == expected


@pytest.mark.parametrize("separator", ["&&", "||", ";", "&"])
def test_separators_are_kept(separator: str) -> None:
    assert Parser(f"a {separator} b").parse()[0].separator == separator


@pytest.mark.parametrize(
    "text", ["a )", "if a", "for x in", "case x", "done", "a | ", "{ a", "fi; a", "a ;; b", "&& a"]
)
def test_mistakes_are_noticed_and_read_past(text: str) -> None:
    parser = Parser(text)
    script = parser.parse()
    assert parser.broken
    if "a" in text:
        assert "a" in str(shape(script))


def test_a_command_may_be_negated_any_number_of_times() -> None:
    assert shape(Parser("! " * 5000 + "a").parse()) == ["a"]


@pytest.mark.parametrize("opener", ["$(", "(", "{ ", "if ", "`", "${a:-", "<(", "f() ", "case x in (a) "])
def test_nesting_is_bounded(opener: str) -> None:
    try:
        Parser(opener * 1000).parse()
    except TooDeepError:
        return
    assert opener in ("`", "f() ")


@given(st.text(alphabet="ab$(){}[]<>|&;'\"`\\\n #=*!/-0~", max_size=60))
def test_any_text_gives_a_tree(text: str) -> None:
    parser = Parser(text)
    try:
        parser.parse()
    except TooDeepError:
        return
    assert parser.pos == parser.size


@pytest.mark.parametrize(
    "piece", ["a;", "'b' ", "$a", "x|", "cat <<E\nE\n", "a=1 ", "{a,b}", "< ", "\\a", "if a; then b; fi\n"]
)
def test_time_grows_with_length_alone(piece: str) -> None:
    def cost(size: int) -> float:
        text = piece * (size // len(piece))
        best = 1.0
        for _ in range(3):
            start = time.thread_time()
            Parser(text).parse()
            best = min(best, time.thread_time() - start)
        return best

    small, large = cost(4_000), cost(32_000)
    assert large < 8 * 8 * max(small, 5e-4)  # quadratic would be 64 times and more
