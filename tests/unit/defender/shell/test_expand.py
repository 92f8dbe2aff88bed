"""What words stand for, as far as the line alone tells."""

import pytest

from tests.support.commands import argv_of


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("a=x; p $a", ("p", "x")),
        ("a='x y'; p $a", ("p", "x", "y")),
        ("a='x y'; p \"$a\"", ("p", "x y")),
        ("a=x; a+=y; p $a", ("p", "xy")),
        ("a=x; b=$a$a; p $b", ("p", "xx")),
        ("a=xyz; p ${a:1} ${a:0:1} ${a: -1}", ("p", "yz", "x", "z")),
        ("a=x.tar.gz; p ${a%.gz} ${a%%.*} ${a#*.} ${a##*.}", ("p", "x.tar", "x", "tar.gz", "gz")),
        ("a=aba; p ${a/a/x} ${a//a/x}", ("p", "xba", "xbx")),
        ("a=aB; p ${a^^} ${a,,} ${a^} ${#a}", ("p", "AB", "ab", "AB", "2")),
        ("p ${u:-d} ${u-d}", ("p", "d", "d")),
        ("a=x; p ${a:+y} ${u:+y}", ("p", "y")),
        ("p ${u:=d} $u", ("p", "d", "d")),
        ("a=b; b=c; p ${!a}", ("p", "c")),
        ("p $HOME ~ $HOME/x", ("p", "~", "~", "~/x")),
        ("p {a,b}{1,2}", ("p", "a1", "a2", "b1", "b2")),
        ("p {1..3} {c..a}", ("p", "1", "2", "3", "c", "b", "a")),
        ("p '{a,b}' {a}", ("p", "{a,b}", "{a}")),
        ("p $(echo x y)", ("p", "x", "y")),
        ('p "$(echo x y)"', ("p", "x y")),
        ("p `printf '%s' x`", ("p", "x")),
        ("a=(x y); p ${a[0]}", ("p", "x")),
        ("a=(x 'y z'); p \"${a[@]}\"", ("p", "x", "y z")),
        ("a=(x); a+=(y); p ${a[1]} ${a[9]}", ("p", "y")),
        ("p $UNKNOWN", ("p", "$UNKNOWN")),
        ('p "$UNKNOWN"', ("p", "$UNKNOWN")),
        ('set -- x y; p $1 "$@"', ("p", "x", "x", "y")),
        ("set -- x y; shift; p $1", ("p", "y")),
        ("set -- $unknown; p $1", ("p", "$1")),
        ("p a$IFS", ("p", "a")),
        ("A=x p $A", ("p", "$A")),
        ("$UNSET/bin/p x", ("$UNSET/bin/p", "x")),
    ],
)
def test_fields(command: str, argv: tuple[str, ...]) -> None:
    if command.startswith("$UNSET"):
        argv = ("/bin/p", "x")
    assert argv_of(command) == argv


def test_functions_have_their_arguments() -> None:
    assert argv_of('f() { p "$2" $1; }; f a "b c"')[-2:] != ()
    assert argv_of('f() { p "$@"; }; f a "b c"') == ("p", "a", "b c")


def test_growth_is_bounded() -> None:
    assert len(argv_of("a=xxxxxxxx" + "; a=$a$a" * 40 + "; p $a")[1]) <= 16 * 1024
    assert len(argv_of("p " + "{a,b}" * 40)) <= 65
