"""Reading RE2 syntax: what is understood becomes the right tree, what is not promises nothing."""

import math

import pytest

from gw._native.regex_tree import (
    ANY_CHAR,
    PLACE,
    Alt,
    Cat,
    Chars,
    Opaque,
    Repeat,
    Text,
    Tree,
    fold,
    read,
)

A, B, C = map(Text, "ABC")


@pytest.mark.parametrize(
    ("pattern", "tree"),
    [
        ("", Cat(())),
        ("ab", Cat((Text("AB"),))),
        ("a|b", Alt((Cat((A,)), Cat((B,))))),
        ("(a)", Cat((Cat((A,)),))),
        ("(?:a|)", Cat((Alt((Cat((A,)), Cat(()))),))),
        ("(?i)a", Cat((PLACE, A))),
        ("(?i:a)", Cat((Cat((A,)),))),
        ("(?P<n>a)(?<m>b)", Cat((Cat((A,)), Cat((B,))))),
        ("a*b+c?", Cat((Repeat(A, 0, math.inf), Repeat(B, 1, math.inf), Repeat(C, 0, 1)))),
        ("a*?b{2}?", Cat((Repeat(A, 0, math.inf), Repeat(B, 2, 2)))),
        ("a{2}b{3,}c{4,5}", Cat((Repeat(A, 2, 2), Repeat(B, 3, math.inf), Repeat(C, 4, 5)))),
        ("^a$", Cat((PLACE, A, PLACE))),
        (r"\ba\B\A\z", Cat((PLACE, A, PLACE, PLACE, PLACE))),
        (".", Cat((ANY_CHAR,))),
        (r"\.\x41\x{42}\103", Cat((Text(".ABC"),))),
        (r"\n\t", Cat((Text("\n\t"),))),
        (r"\w\pL\p{Greek}\PN\D", Cat((ANY_CHAR,) * 5)),
        (r"\Qa*\Eb", Cat((Text("A*B"),))),
        ("[ab]", Cat((Chars(frozenset("AB")),))),
        ("[a-c]", Cat((Chars(frozenset("ABC")),))),
        (r"[]a\-b-]", Cat((Chars(frozenset("]A-B")),))),
        (r"[\d]", Cat((Chars(frozenset("0123456789")),))),
        ("[a-z]", Cat((ANY_CHAR,))),
        ("[^a]", Cat((ANY_CHAR,))),
        (r"[\wa]", Cat((ANY_CHAR,))),
        (r"[[:alpha:]a]", Cat((ANY_CHAR,))),
        (r"[\pLa]", Cat((ANY_CHAR,))),
        ("a{", Cat((Text("A{"),))),
        ("a{,2}", Cat((Text("A{,2}"),))),
        ("(a", Cat((Opaque(),))),
        ("a)", Opaque()),
        ("[a", Opaque()),
        ("(?i", Opaque()),
        ("a\\", Opaque()),
        (r"\x{41", Opaque()),
        ("(" * 5000 + ")" * 5000, Opaque()),
    ],
)
def test_read(pattern: str, tree: Tree) -> None:
    assert read(pattern).tree == tree


@pytest.mark.parametrize(
    ("char", "folded"),
    [
        ("a", "A"),
        ("é", "É"),
        ("ж", "Ж"),
        ("中", "中"),
        ("-", "-"),
        ("7", "7"),
        ("ա", None),
        ("ŉ", None),
        ("\U00010428", None),
    ],
)
def test_fold(char: str, folded: str | None) -> None:
    assert fold(char) == folded


def test_fold_is_the_same_for_both_cases_of_every_letter_it_knows() -> None:
    for char in map(chr, range(0x3000)):
        folded = fold(char)
        if folded is not None:
            assert fold(folded) == folded
            for other in (char.lower(), char.upper()):
                assert len(other) > 1 or fold(other) in (folded, None)
