"""The walk of a line: variables, pipes, functions, loops, budgets."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw.defender.shell import MAX_COMMAND_CHARS, analyse
from gw.defender.shell.walk import MAX_DRAFTS, MAX_REDIRECTS
from gw.model.shell import FACTS, SIGNALS, NodeRole
from tests.support.commands import facts_of, running


@pytest.mark.parametrize(
    "command",
    [
        "for x in / ; do rm -rf $x; done",
        "f() { rm -rf $1; }; f /",
        "f() { g $1; }; g() { rm -rf $1; }; f /",
        "if a; then rm -rf /; fi",
        "case a in b) rm -rf /;; esac",
        "until rm -rf /; do :; done",
        "{ rm -rf /; } > log",
        "x=$(rm -rf /)",
        "echo ${x:-$(rm -rf /)}",
        "cat <<E\n$(rm -rf /)\nE\n",
        "a=(1 $(rm -rf /))",
        "[[ -n $(rm -rf /) ]]",
        "ls > $(rm -rf /)",
        "f() { rm -rf /; }",
        "f() { f() { rm -rf /; }; f; }; f",
        "((rm -rf /))",
        "echo $((rm -rf /))",
        "bash /dev/fd/3 3<<< 'rm -rf /'",
        "exec 3<<< 'rm -rf /'; bash <&3",
        "IFS=,; c=rm,-rf,/; $c",
        "IFS=,; x=-rf,/; rm $x",
        "sudo ld.so /bin/rm -rf /",
        "printf 'x\\n/\\n' | xargs -I% rm -rf %",
    ],
)
def test_every_place_a_command_can_stand_is_walked(command: str) -> None:
    assert "deletes-root" in facts_of(command)


@pytest.mark.parametrize("command", [":(){ :|:& };:", "b() { b & b; }; b", "f() { f | f; }; f"])
def test_fork_bombs(command: str) -> None:
    assert "fork-bomb" in facts_of(command)


def test_a_lone_word_in_double_parentheses_is_a_command_in_some_shells() -> None:
    assert "stops-machine" in facts_of("((reboot))")
    assert [n.program for n in running("((i++)); ((a = b + 1)); (( n > 3 )) && x")] == ["x"]


def test_recursion_is_not_a_bomb() -> None:
    assert "fork-bomb" not in facts_of("f() { sleep 1; f; }; f")
    assert "fork-bomb" not in facts_of("f() { f() { f() { ls; }; f; }; f; }; f")


def test_a_bomb_in_a_spelling_that_only_some_shells_take() -> None:
    assert "fork-bomb" in facts_of(":(){:|:&};:")


def test_code_that_is_no_shell_text_is_looked_at() -> None:
    code = 'Socket s = new Socket("192.0.2.7", 1); new ProcessBuilder("/bin/sh").redirectErrorStream(true)'
    assert "reverse-shell" in facts_of(code)
    assert not facts_of('Map m = new Map("a", 1); m.put("b")')


def test_pipes_and_background() -> None:
    nodes = running("a | b | c &")
    assert [(n.piped_from, n.pipes_into, n.background) for n in nodes] == [
        (None, "b", True),
        ("a", "c", True),
        ("b", None, True),
    ]


def test_redirects_are_writes() -> None:
    (node,) = running("p > a 2> b &>> c")
    assert node.writes == node.redirects == ("a", "b", "c")
    (node,) = running("> /etc/hosts")
    assert (node.program, node.writes) == ("", ("/etc/hosts",))


def test_the_folder_at_the_start_may_be_known() -> None:
    assert analyse("rm -rf x", cwd="/etc").nodes[0].deletes == ("/etc/x",)


@pytest.mark.parametrize("command", ["git commit -m 'rm -rf /'", "grep 'rm -rf /' x", "echo rm", "cat <<E\nrm\nE\n"])
def test_text_that_does_not_run_has_nodes_of_its_own(command: str) -> None:
    assert any(n.role is NodeRole.DATA for n in analyse(command).nodes)


@pytest.mark.parametrize(
    ("command", "signal"),
    [
        ("w'h'oami", "shell.obscured"),
        ("r''m x", "shell.obscured"),
        ("who$(echo am)i", "shell.obscured"),
        ("cat${IFS}x", "shell.obscured"),
        ("{cat,x}", "shell.obscured"),
        ("cat `echo -e '\\x2f\\x65\\x74\\x63'`", "shell.obscured"),
        ("echo x | $0", "shell.obscured"),
        ("p ${PATH:0:1}x", "shell.obscured"),
        ("bash -c '$x'", "shell.unresolved-program"),
        ("bash -c 'echo \"'", "shell.unparsed-inner"),
        ("echo 'x", "shell.unparsed"),
        ("x;" * (MAX_DRAFTS + 1), "shell.too-long"),
        ("x " * MAX_COMMAND_CHARS, "shell.too-long"),
        ("x" + " >f" * (MAX_REDIRECTS + 1), "shell.too-long"),
    ],
)
def test_signals(command: str, signal: str) -> None:
    assert signal in analyse(command).signals


@pytest.mark.parametrize(
    "command",
    ["\\ls", "'/opt/my app'/run", '"$HOME"/bin/x', "a=xyz; echo ${a:0:1}", "echo 'a'b", "p --x='y'", "IFS=, read a"],
)
def test_honest_quoting_is_no_signal(command: str) -> None:
    assert "shell.obscured" not in analyse(command).signals


@given(st.text(alphabet="abr m-f/$(){}<>|&;'\"`\\\n#=*!~0", max_size=80))
def test_any_text_is_analysed(text: str) -> None:
    facts = analyse(text)
    assert facts.signals <= SIGNALS.keys()
    for node in facts.nodes:
        assert node.facts <= FACTS.keys()
        assert 0 <= node.span.start <= node.span.end <= len(text)


def test_work_is_bounded() -> None:
    assert len([n for n in analyse("a|" * 5000).nodes if n.role is NodeRole.RUNS]) <= MAX_DRAFTS + 1
    assert len(running("for a in 1 2 3 4; do " * 8 + "x" + "; done" * 8)) <= MAX_DRAFTS + 8


@pytest.mark.parametrize(
    "command",
    [
        "c=(rm " + "a " * 70 + '-rf /); "${c[@]}"',
        "set -- rm " + "a " * 70 + '-rf /; "$@"',
        "x='rm " + "a " * 70 + "-rf /'; $x",
        "printf '" + "a\\n" * 70 + "/\\n' | xargs -I{} rm -rf {}",
    ],
)
def test_what_is_cut_is_said(command: str) -> None:
    assert "shell.too-long" in analyse(command).signals


BUILT_TO_BE_SLOW = {
    "substitutions": "$(" * 20_000,
    "quotes": "a 'b " * 10_000,
    "backquotes": "`a " * 15_000,
    "words": "a " * 30_000,
    "separators": "a|" * 30_000,
    "escapes": "\\a" * 30_000,
    "braces": "p " + "{a,b}" * 10_000,
    "brace words": "p " + "{a,b}{c,d}{e,f}{g,h} " * 2_500,
    "doubling": "a=x;" + "a=$a$a;" * 5_000,
    "large variables": "a=" + "x" * 16_000 + "; p " + "$a" * 20_000,
    "large texts": "x='" + ": " * 8_000 + "'; " + 'eval "$x"; ' * 2_000,
    "patterns": "a=" + "x" * 1_000 + "; " + "p ${a##*x*y*z*w*v};" * 300,
    "functions": "".join(f"f{i}(){{ f{i + 1}; f{i + 1}; }};" for i in range(12)) + "f12(){ x; };f0",
    "loops": "for a in 1 2 3 4; do " * 10 + "x" + "; done" * 10,
    "filters": "echo " + "a" * 16_000 + " | " + "tr a-z b-y | " * 200 + "cat",
    "here-documents": "cat <<A\n" * 6_000,
    "arrays": "c=(" + "x " * 15_000 + ");" + ' "${c[@]}"' * 3_000,
    "parameters": "set -- " + "x " * 15_000 + "; echo " + ' "$@"' * 3_000,
    "items": "printf '" + "x" * 20_000 + "' | xargs -I{} echo " + "{}" * 15_000,
    "literals": "python3 -c 'os.system(\"" + '\\"' * 20_000 + "'",
    "code": "python -c 'system(\"a\") ' ; " * 1_500,
}


@pytest.mark.parametrize("name", BUILT_TO_BE_SLOW)
def test_no_line_is_slow(name: str) -> None:
    start = time.thread_time()
    analyse(BUILT_TO_BE_SLOW[name])
    assert time.thread_time() - start < 1.5  # measured: at most 0.18 s; quadratic work would take minutes
