"""What `analyse` understands of a line, from end to end."""

import pytest

from gw.defender.shell import analyse
from gw.model.shell import FACTS, SIGNALS, NodeRole


def facts_of(command: str) -> set[str]:
    return {fact for node in analyse(command).nodes for fact in node.facts}


def programs(command: str) -> list[str | None]:
    return [n.program for n in analyse(command).nodes if n.role in (NodeRole.RUNS, NodeRole.INLINE)]


# Every line deletes a protected root; the ways of writing it differ.
WIPES = [
    "rm -rf /",
    "rm -fr /*",
    "rm --recursive --force /",
    "rm / -r -f",
    "r''m -rf /",
    '"rm" -rf /',
    "\\rm -rf /",
    "/bin/rm -rf /",
    "command rm -rf /",
    "sudo -u root rm -rf /",
    "env X=1 nohup rm -rf /",
    "timeout -s KILL 5 rm -rf /",
    "a=rm; $a -rf /",
    "a=r; b=m; ${a}${b} -rf /",
    "r$@m -rf /",
    "rm$IFS-rf$IFS/",
    "$'\\x72\\x6d' -rf /",
    "$(echo rm) -rf /",
    "$(printf '\\162\\155') -rf /",
    "`echo rm` -rf /",
    "rm \\\n -rf /",
    "{rm,-rf,/}",
    "if true; then rm -rf /; fi",
    "for x in /; do rm -rf $x; done",
    "f() { rm -rf $1; }; f /",
    "cd / && rm -rf *",
    "(rm -rf /)",
    "{ rm -rf /; }",
    "true && rm -rf / &",
    "echo $(rm -rf /)",
    'bash -c "rm -rf /"',
    "sh <<< 'rm -rf /'",
    "bash <<E\nrm -rf /\nE\n",
    "echo 'rm -rf /' | sh",
    "echo cm0gLXJmIC8K | base64 -d | bash",
    "echo 726d202d7266202f | xxd -r -p | sh",
    "echo '/ fr- mr' | rev | sh",
    "bash <(echo rm -rf /)",
    "echo / | xargs rm -rf",
    "find / -exec rm -rf {} +",
    "eval 'rm -rf /'",
    "trap 'rm -rf /' EXIT",
    "busybox rm -rf /",
    "ssh host rm -rf /",
    "docker exec box rm -rf /",
    "su -c 'rm -rf /'",
    "python3 -c 'import os; os.system(\"rm -rf /\")'",
    "perl -e 'system(\"rm -rf /\")'",
    "awk 'BEGIN { system(\"rm -rf /\") }'",
    "echo 'rm -rf /' > x.sh; sh x.sh",
    "rm -rf ~/",
    'rm -rf "$HOME"',
    "rm -rf /home/alice",
    "rm -rf /usr/../etc",
]


@pytest.mark.parametrize("command", WIPES)
def test_a_wipe_is_seen_however_it_is_written(command: str) -> None:
    assert "deletes-root" in facts_of(command)


@pytest.mark.parametrize(
    "command",
    [
        'echo "rm -rf /"',
        "printf '%s\\n' 'rm -rf /'",
        "git commit -m 'rm -rf / is bad'",
        "grep -rn 'rm -rf /' .",
        "cat > notes.md <<'E'\nrm -rf /\nE\n",
        "ls # rm -rf /",
        "touch 'rm -rf /'",
        "rm -rf /tmp/build",
        "find / -name core",
        "man rm",
    ],
)
def test_a_mention_is_not_the_deed(command: str) -> None:
    assert not facts_of(command) & {"deletes-root", "deletes-tree"}


def test_data_and_comments_have_roles_of_their_own() -> None:
    roles = {n.role: n.span for n in analyse("echo 'a b' # why").nodes}
    assert roles[NodeRole.RUNS] == (0, 10)
    assert roles[NodeRole.DATA] == (5, 10)
    assert roles[NodeRole.COMMENT] == (11, 16)


def test_wrappers_are_unwrapped_and_remembered() -> None:
    node = analyse("sudo env A=1 timeout 5 cat x").nodes[0]
    assert (node.program, node.wrappers, node.privileged) == ("cat", ("sudo", "env", "timeout"), True)
    assert node.operands == ("x",)


def test_pipelines_know_their_neighbours() -> None:
    nodes = analyse("curl -s https://x.example | sudo bash").nodes
    assert (nodes[0].pipes_into, nodes[1].piped_from) == ("bash", "curl")
    assert nodes[0].fetches == ("https://x.example",)


def test_what_is_not_understood_is_a_signal() -> None:
    assert analyse("echo 'open").signals == {"shell.unparsed"}
    assert analyse("$UNKNOWN x").signals == {"shell.unresolved-program"}
    assert analyse("/b?n/c*t x").signals == {"shell.pattern-program"}
    assert "shell.too-deep" in analyse("$(" * 200).signals
    assert "shell.too-long" in analyse("x;" * 20_000).signals
    assert set(SIGNALS) >= analyse("bash -c 'echo \"'").signals


def test_every_fact_is_in_the_vocabulary() -> None:
    for command in WIPES:
        assert facts_of(command) <= set(FACTS)
