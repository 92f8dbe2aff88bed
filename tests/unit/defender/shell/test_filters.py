"""Programs whose output is a pure function of arguments and input."""

import pytest

from gw.defender.shell.filters import FILTERS, MAX_OUTPUT, evaluate


@pytest.mark.parametrize(
    ("program", "args", "stdin", "output"),
    [
        ("echo", ["a", "b"], None, "a b\n"),
        ("echo", ["-n", "a"], None, "a"),
        ("echo", ["-e", "\\x41"], None, "A\n"),
        ("echo", ["-x"], None, "-x\n"),
        ("printf", ["%s-%s\n", "a", "b"], None, "a-b\n"),
        ("printf", ["%s ", "a", "b"], None, "a b "),
        ("printf", ["\\162\\155"], None, "rm"),
        ("printf", ["%b", "\\x41"], None, "A"),
        ("printf", ["%d%%"], None, "0%"),
        ("printf", ["-v", "x"], None, None),
        ("cat", [], "x", "x"),
        ("basename", ["/a/b.txt"], None, "b.txt\n"),
        ("basename", ["/a/b.txt", ".txt"], None, "b\n"),
        ("basename", ["/"], None, "/\n"),
        ("basename", ["-a", "x", "y"], None, None),
        ("dirname", ["/a/b"], None, "/a\n"),
        ("dirname", ["/a"], None, "/\n"),
        ("dirname", ["a"], None, ".\n"),
        ("dirname", ["a", "b"], None, None),
        ("cat", ["file"], "x", None),
        ("tee", ["file"], "x", "x"),
        ("base64", ["-d"], "YWI=", "ab"),
        ("base64", ["--decode"], "YWI", "ab"),
        ("base64", [], "ab", "YWI=\n"),
        ("base64", ["-d"], None, None),
        ("base32", ["-d"], "MFRA====", "ab"),
        ("xxd", ["-r", "-p"], "6162", "ab"),
        ("xxd", [], "ab", None),
        ("rev", [], "ab\n", "ba\n"),
        ("mktemp", ["-d"], None, "/tmp/tmp.XXXXXXXXXX\n"),
        ("mktemp", ["-t", "x.XXX"], None, "/tmp/x.XXX\n"),
        ("mktemp", ["./x.XXX"], None, "./x.XXX\n"),
        ("mktemp", ["-p", "/srv"], None, None),
        ("openssl", ["base64", "-d", "-A"], "YWI=", "ab"),
        ("openssl", ["enc", "-base64", "-d"], "YWI=", "ab"),
        ("openssl", ["enc", "-d", "-aes-256-cbc"], "YWI=", None),
        ("dd", ["of=x"], "ab", "ab"),
        ("dd", ["if=x"], "ab", None),
        ("sponge", ["x"], "ab", "ab"),
        ("tr", ["a-c", "A-C"], "abcd", "ABCd"),
        ("tr", ["-d", "x"], "axb", "ab"),
        ("tr", ["[:lower:]", "[:upper:]"], "ab", "AB"),
        ("tr", ["a", ""], "a", None),
        ("sed", ["s/a/b/"], "aa", "ba"),
        ("sed", ["s/a/b/g"], "aa", "bb"),
        ("sed", ["s/a*/b/"], "aa", None),
        ("cut", ["-c1-2"], "abc\n", "ab\n"),
        ("cut", ["-c", "2"], "abc\n", "b\n"),
        ("cut", ["-f1"], "abc\n", None),
        ("head", ["-n", "1"], "a\nb\n", "a\n"),
        ("head", ["-1"], "a\nb\n", "a\n"),
        ("rot13", [], "ab", "no"),
        ("which", ["sh"], None, "/usr/bin/sh\n"),
        ("which", ["a", "b"], None, None),
        ("ls", [], None, None),
    ],
)
def test_output(program: str, args: list[str], stdin: str | None, output: str | None) -> None:
    assert evaluate(program, args, stdin) == output


def test_output_is_bounded() -> None:
    assert len(evaluate("cat", [], "x" * (MAX_OUTPUT + 9)) or "") == MAX_OUTPUT


@pytest.mark.parametrize("program", FILTERS)
@pytest.mark.parametrize("args", [[], ["-"], ["-d"], ["x"], ["%"], ["s//"], ["-c"], ["\\"]])
def test_no_argument_breaks_them(program: str, args: list[str]) -> None:
    for stdin in (None, "", "\0", "%%%"):
        evaluate(program, args, stdin)
