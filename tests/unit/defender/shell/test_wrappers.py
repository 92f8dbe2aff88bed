"""Stepping over a wrapper's own words."""

import pytest

from gw.defender.shell.wrappers import WRAPPERS, is_assignment, skip_options


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("sudo ls", "ls"),
        ("sudo -u root ls -l", "ls -l"),
        ("sudo -nu root ls", "ls"),
        ("sudo -uroot ls", "ls"),
        ("sudo --user=root ls", "ls"),
        ("sudo -- ls", "ls"),
        ("sudo A=1 ls", "ls"),
        ("sudo --no-such-option ls", "ls"),
        ("nohup ls", "ls"),
        ("nice -n 5 ls", "ls"),
        ("timeout -s KILL 5 ls", "ls"),
        ("timeout 5 ls", "ls"),
        ("xargs -I {} ls {}", "ls {}"),
        ("xargs -n1 -P4 ls", "ls"),
        ("chroot /mnt ls", "ls"),
        ("taskset 1 ls", "ls"),
        ("stdbuf -oL ls", "ls"),
        ("strace -f -o x ls", "ls"),
        ("busybox ls", "ls"),
        ("exec -a name ls", "ls"),
        ("command ls", "ls"),
        ("cross-env A=1 ls", "ls"),
        ("dtach -n /tmp/s ls", "ls"),
        ("tini -- ls", "ls"),
        ("setlock x ls", "ls"),
    ],
)
def test_the_inner_command(line: str, inner: str) -> None:
    argv = line.split()
    (found,) = WRAPPERS[argv[0]].inner(argv)
    assert argv[found.start : found.end] == inner.split()


@pytest.mark.parametrize("line", ["sudo", "sudo -l", "timeout 5", "chroot /mnt", "xargs -0"])
def test_a_wrapper_without_a_command(line: str) -> None:
    argv = line.split()
    assert WRAPPERS[argv[0]].inner(argv) == []


def test_options() -> None:
    assert skip_options(["x", "-a", "b", "c"], 1, frozenset(("-a",))) == 3
    assert skip_options(["x", "-", "c"], 1, frozenset()) == 1
    assert is_assignment("A_1=x")
    assert not is_assignment("1=x")
    assert not is_assignment("--a=x")
