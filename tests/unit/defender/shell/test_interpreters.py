"""Where the code of an interpreter stands."""

import shlex

import pytest

from gw.defender.shell.interpreters import canonical, code_of, is_interpreter


@pytest.mark.parametrize(
    ("line", "language", "text"),
    [
        ("sh -c 'a b' x", "sh", "a b"),
        ("bash -lc a", "sh", "a"),
        ("bash -o pipefail -c a", "sh", "a"),
        ("bash -ec a", "sh", "a"),
        ("python3 -c a", "python", "a"),
        ("python3.11 -I -c a", "python", "a"),
        ("python -Bc a", "python", "a"),
        ("perl -e a", "perl", "a"),
        ("racket -e a", "lisp", "a"),
        ("clisp -x a", "lisp", "a"),
        ("perl -lne a f", "perl", "a"),
        ("perl -ea", "perl", "a"),
        ("perl -MIO -e a -e b", "perl", "a\nb"),
        ("ruby -rx -e a", "ruby", "a"),
        ("node -e a", "node", "a"),
        ("node --eval=a", "node", "a"),
        ("php -r a", "php", "a"),
        ("powershell -NoP -w hidden -Command a b", "powershell", "a b"),
        ("pwsh -c a", "powershell", "a"),
        ("powershell a b", "powershell", "a b"),
        ("powershell -enc YQBiAA==", "powershell", "ab"),
        ("crystal eval a", "ruby", "a"),
        ("lua5.3 -e a", "lua", "a"),
        ("awk -F: -v x=1 a f", "awk", "a"),
        ("gawk a", "awk", "a"),
        ("julia -e a", "julia", "a"),
        ("pwsh -Command a", "powershell", "a"),
        ("tclsh -c a", "tcl", "a"),
        ("python3 -m timeit a b", "python", "a\nb"),
        ("python3 -m pdb -c !x y", "python", "-c\n!x\ny"),
        ("ocaml -e a", "ocaml", "a"),
        ("swipl -g a -t halt", "prolog", "a"),
        ("clojure -M -e a", "lisp", "a"),
        ("tsx -e a", "node", "a"),
        ("emacsclient -e a", "lisp", "a"),
    ],
)
def test_inline_code(line: str, language: str, text: str) -> None:
    argv = shlex.split(line)
    code = code_of(argv[0], argv)
    assert code is not None
    assert (code.language, code.text) == (language, text)


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("sh a.sh x", "a.sh"),
        ("bash -x a.sh", "a.sh"),
        ("python3 a.py", "a.py"),
        ("perl a.pl", "a.pl"),
        ("awk -f a", "a"),
    ],
)
def test_scripts(line: str, script: str) -> None:
    argv = shlex.split(line)
    code = code_of(argv[0], argv)
    assert code is not None
    assert code.script == script


@pytest.mark.parametrize("line", ["sh", "bash -s x", "sh -", "python3", "python3 -", "perl -l", "node"])
def test_code_from_the_input(line: str) -> None:
    argv = shlex.split(line)
    code = code_of(argv[0], argv)
    assert code is not None
    assert code.stdin or line == "sh -"


def test_the_rest() -> None:
    assert code_of("bash", ["bash", "-n", "a.sh"]) is None
    assert code_of("ls", ["ls"]) is None
    interactive = code_of("bash", ["bash", "-i"])
    assert interactive is not None
    assert interactive.interactive
    module = code_of("python3", ["python3", "-m", "x"])
    assert module is not None
    assert not module.stdin
    assert canonical("python3.12") == "python"
    assert canonical("base64") == "base64"
    assert is_interpreter("dash")
    assert not is_interpreter("cat")


@pytest.mark.parametrize("line", ["bash --version", "sh --help", "bash -n x"])
def test_a_shell_that_runs_nothing(line: str) -> None:
    assert code_of(line.split()[0], line.split()) is None
