"""What is read off a command in one go means what the lexer makes of it, a character at a time."""

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw.defender.shell import analyse, parser, simple
from gw.defender.shell.lexer import WINDOW
from gw.model.shell import CommandFacts

PLAIN = "ls rm -rf x=1 a/b.c ~/x * {a,b} {fd}>y if then fi do done [[ ]] # #x é 1 22 22222 - -- = : @ \u00a0 \u3000"
QUOTED = [
    "'a b'",
    '"a b"',
    '"a\n"',
    '"$x"',
    "$x",
    "${x}",
    '"${x}"',
    '"$x $1 ${x:-y} $(id)"',
    "`id`",
    "'",
    '"',
    "\\",
    "\\\n",
]
OPERATORS = "! > >> 2> 2>&1 &> &>> >& < << <<< <> <( >( | |& || & && ; ;; ( ) >f 2>f &>f <f >|f"
PIECES = st.sampled_from([*PLAIN.split(" "), *QUOTED, *OPERATORS.split(" ")])
GAPS = st.sampled_from(["", " ", " ", " ", "\t", "  ", "\n", " \\\n ", "\x0b"])
LINES = st.lists(st.tuples(PIECES, GAPS), max_size=12).map(lambda found: "".join(a + b for a, b in found))


def slowly(text: str) -> CommandFacts:
    with patch.object(simple, "_NEXT", lambda *_: None), patch.object(parser, "PLAIN", lambda *_: None):
        return analyse(text)


@settings(max_examples=400)
@given(LINES)
def test_both_ways_say_the_same(text: str) -> None:
    assert analyse(text) == slowly(text)


@pytest.mark.parametrize("word", ["a", "ab ", "a  ", "'a' ", '"a b" ', "$x ", ">f ", "2>f ", "*a ", "a\t", " "])
@pytest.mark.parametrize("start", ["", "ls ", "cat x | tee "])
def test_both_ways_agree_where_the_window_ends(word: str, start: str) -> None:
    for size in (*range(WINDOW - 8, WINDOW + 8), 3 * WINDOW):
        text = start + (word * WINDOW)[:size] + " /etc/shadow"
        assert analyse(text) == slowly(text)
