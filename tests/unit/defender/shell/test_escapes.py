"""Ordinary programs told to run a command."""

import shlex

import pytest

from gw.defender.shell.draft import Draft
from gw.defender.shell.escapes import is_command, is_shell, shown_facts, told
from gw.model.decision import Span


def told_of(line: str) -> list[tuple[str, bool]]:
    argv = shlex.split(line)
    return [(t.text, t.usual) for t in told(Draft(argv[0], argv, [0] * len(argv), Span(0, 0)))]


@pytest.mark.parametrize(
    ("line", "text", "usual"),
    [
        ("tar cf x y --checkpoint-action=exec=id", "id", False),
        ("tar -I pigz -cf x y", "pigz", True),
        ("rsync -e 'ssh -p 2' a b", "ssh -p 2", True),
        ("rsync -e id a b", "id", False),
        ("mosh --server=id h", "id", False),
        ("less +!id x", "id", False),
        ("psql -P pager=id", "id", False),
        ("psql -P pager=less", "less", True),
        ("hg --config alias.x=!id x", "id", False),
        ("hg --config ui.editor=vim commit", "vim", True),
        ("man -P cat x", "cat", True),
        ("git -c core.pager=id log", "id", False),
        ("git -c core.pager=less log", "less", True),
        ("git -c alias.x=!id x", "id", False),
        ("git -c alias.x=status x", "git status", True),
        ("git config alias.x '!id'", "id", False),
        ("git rebase --exec 'make test'", "make test", True),
        ("git bisect run ./t", "./t", True),
        ("npm pkg set scripts.test='rm x'", "rm x", True),
        ("git clone ext::id", "id", False),
        ("ssh -o ProxyCommand=id h", "id", False),
        ("ssh -oProxyCommand='nc x 1' h", "nc x 1", True),
        ("sshfs -o ssh_command=id x: y", "id", False),
        ("vim -c ':!id' x", "id", False),
        ("vim +'!id' x", "id", False),
        ("gdb -ex '!id'", "id", False),
        ("sed '1e id' x", "id", False),
        ("sqlite3 x '.shell id'", "id", False),
        ("make --eval='$(shell id)'", "id", False),
        ("make SHELL=/tmp/x", "/tmp/x", False),
        ("psql -c '\\! id'", "id", False),
        ("fzf --bind 'enter:execute(id)'", "id", False),
        ("rpm --eval '%(id)'", "id", False),
        ("chrome --gpu-launcher=id", "id", False),
        ("vim -c ':term id' x", " id", False),
        ("git clone ssh://-oProxyCommand=id/x", "-oProxyCommand=id/x", False),
        ("rg --pre id x", "id", True),
        ("java -XX:OnError='id x' App", "id x", True),
        ("gs -sOutputFile=%pipe%id x", "id", False),
        ("kak -e 'nop %sh{ id }'", "id", False),
        ("cargo --config 'build.rustc-wrapper=\"id\"' build", "id", False),
        ("cargo --config target.x86_64.runner=id test", "id", False),
        ("yt-dlp --exec id url", "id", True),
        ("certbot renew --deploy-hook id", "id", True),
        ("duplicity --ssh-options='-oProxyCommand=id' a b", "id", False),
        ("go test -exec id ./...", "id", False),
    ],
)
def test_told(line: str, text: str, usual: bool) -> None:
    assert (text, usual) in told_of(line)


@pytest.mark.parametrize(
    "line",
    [
        "git status",
        "git commit -m 'core.pager=id'",
        "ssh h",
        "vim +10 x",
        "make SHELL=/bin/bash",
        "sed s/e/f/ x",
        "tar cf x y",
    ],
)
def test_not_told(line: str) -> None:
    assert told_of(line) == []


@pytest.mark.parametrize("text", ["/bin/sh", "--x=/usr/bin/bash", "!/bin/sh", "system('id')", "exec:/bin/sh", "| sh"])
def test_signs(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize("text", ["/bin/shutdown", "ashes", "Hello, world!", "file.sh", "systematic"])
def test_no_signs(text: str) -> None:
    assert shown_facts(text) == set()


def test_signs_without_doubt() -> None:
    assert is_shell("system('/bin/sh')")
    assert is_shell("/bin/sh 0<&2 1>&2")
    assert is_shell("alias.x=!/bin/sh")
    assert not is_shell("/bin/sh")
    assert shown_facts("/bin/sh -c x") == {"shell-escape"}
    assert "escapes-to-shell" in shown_facts("exec /bin/sh -i <&2")
