"""Words: quoting, escapes, expansions, substitutions."""

import pytest

from gw.defender.shell.ast import Opaque, Param, Subst, Text, Word
from gw.defender.shell.lexer import decode_ansi
from gw.defender.shell.parser import Parser


def first_word(text: str) -> Word:
    word = Parser(text).word()
    assert word is not None
    return word


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("plain", "plain"),
        ("a-b/c.d:e=f", "a-b/c.d:e=f"),
        ("'a b'", "a b"),
        ('"a b"', "a b"),
        ('"a \\" b"', 'a " b'),
        ('"a \\n b"', "a \\n b"),
        ("a\\ b", "a b"),
        ("r''m", "rm"),
        ("a\\\nb", "ab"),
        ("$'a\\tb'", "a\tb"),
        ("$'\\x72\\155'", "rm"),
        ('$"hi"', "hi"),
        ("a'b'\"c\"d", "abcd"),
        ("a#b", "a#b"),
        ("$", "$"),
        ("'it'\\''s'", "it's"),
    ],
)
def test_quote_removal(text: str, literal: str) -> None:
    assert first_word(text + " next").literal == literal


@pytest.mark.parametrize("text", ["a*", "?", "[ab]"])
def test_unquoted_patterns_are_marked(text: str) -> None:
    assert first_word(text).glob
    assert not first_word(f"'{text}'").glob


@pytest.mark.parametrize(
    ("text", "name", "op"),
    [
        ("$a", "a", ""),
        ("${a}", "a", ""),
        ("$1", "1", ""),
        ("$@", "@", ""),
        ("${a:-b}", "a", ":-"),
        ("${a:0:1}", "a", ":"),
        ("${a##*/}", "a", "##"),
        ("${a/x/y}", "a", "/"),
        ("${a^^}", "a", "^^"),
        ("${#a}", "a", "#len"),
        ("${!a}", "a", "!"),
        ("${a[0]}", "a[0]", ""),
    ],
)
def test_parameters(text: str, name: str, op: str) -> None:
    (part,) = first_word(text).parts
    assert isinstance(part, Param)
    assert (part.name, part.op, part.source) == (name, op, text)


@pytest.mark.parametrize(("text", "kind"), [("$(ls -l)", "$"), ("`ls -l`", "$"), ("<(ls -l)", "<"), (">(ls -l)", ">")])
def test_substitutions_hold_a_script(text: str, kind: str) -> None:
    (part,) = first_word(text).parts
    assert isinstance(part, Subst)
    assert part.kind == kind
    assert part.script[0].commands[0].words[0] == "ls"


def test_arithmetic_is_kept_as_text_but_what_runs_in_it_is_found() -> None:
    assert first_word("$((1+2))").parts == (Opaque("$((1+2))"),)
    kinds = [type(p) for p in first_word("$(( $(id -u) + 1 ))").parts]
    assert kinds == [Subst, Opaque]
    (part,) = first_word("$((rm x) )").parts
    assert isinstance(part, Subst)


def test_backquotes_nest_by_escaping() -> None:
    (part,) = first_word("`echo \\`id\\``").parts
    assert isinstance(part, Subst)
    inner = part.script[0].commands[0].words[1]
    assert isinstance(inner, Word)
    assert isinstance(inner.parts[0], Subst)


@pytest.mark.parametrize("text", ["'open", '"open', "$(open", "${open", "`open", "$'open"])
def test_what_is_not_closed_is_noticed(text: str) -> None:
    parser = Parser(text)
    parser.parse()
    assert parser.broken


def test_spans_are_those_of_the_line() -> None:
    parser = Parser("ab 'c d' e")
    parser.word()
    parser.skip_blanks()
    word = parser.word()
    assert word is not None
    assert (word.start, word.end, word.quoted) == (3, 8, True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("\\x41\\102\\u0043", "ABC"),
        ("\\n\\t\\e", "\n\t\x1b"),
        ("\\\\ \\' \\\"", "\\ ' \""),
        ("\\cA", "\x01"),
        ("plain", "plain"),
        ("\\U0001F600", "\U0001f600"),
    ],
)
def test_ansi_escapes(body: str, text: str) -> None:
    assert decode_ansi(body) == text


@pytest.mark.parametrize(
    ("text", "obscured"), [("$'\\x72\\x6d'", True), ("$'\\162\\155'", True), ("$'\\x1b[31m'", False), ("$'\\n'", False)]
)
def test_ordinary_letters_as_escapes_are_noticed(text: str, obscured: bool) -> None:
    parser = Parser(text)
    parser.word()
    assert parser.obscured is obscured


def test_text_parts_remember_quoting() -> None:
    assert first_word("a'b'$c").parts[:2] == (Text("a", False), Text("b", True))
