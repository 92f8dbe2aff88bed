"""Variables that are commands, options or code to the programs that read them."""

import pytest

from gw.defender.shell.variables import as_line, is_command_variable
from tests.support.commands import facts_of


def test_variables_some_program_runs() -> None:
    assert is_command_variable("GIT_SSH_COMMAND")
    assert is_command_variable("PAGER")
    assert is_command_variable("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER")
    assert not is_command_variable("HOME")
    assert not is_command_variable("PROMPT_COMMAND")


def test_what_they_say_as_a_line() -> None:
    assert as_line("TAR_OPTIONS", "-v") == "tar -v"
    assert as_line("LUA_INIT", "print('a')") == "lua -e 'print('\\''a'\\'')'"
    assert as_line("HOME", "/tmp") is None
    assert as_line("CC", "sh -c id") == "sh -c id"
    assert as_line("x", "() { :;}; rm -rf /") == "{ :;}; rm -rf /"


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        ("TAR_OPTIONS='--checkpoint-action=exec=sh' tar cf x y", "shell-escape"),
        ("export GOFLAGS=-toolexec=/opt/x; go build", "shell-escape"),
        ("MAVEN_OPTS=-javaagent:/tmp/x.jar mvn test", "loads-library"),
        ("LUA_INIT='os.execute(\"/bin/sh\")' lua", "escapes-to-shell"),
        ("VIMINIT=':!sh' vim", "shell-escape"),
        ("GIT_EXEC_PATH=/tmp/x git status", "hijacks-path"),
        ("RUSTC=/opt/x cargo build", "shell-escape"),
        ("CC='sh -c \"exec sh <&1\"' make", "spawns-shell"),
        ("env 'BASH_FUNC_ls%%=() { rm -rf /; }' bash -c ls", "deletes-root"),
        ("NODE_OPTIONS='--import data:text/javascript,x' node y", "preloads"),
        ("GCONV_PATH=. ./x", "hijacks-path"),
        ("SSH_AUTH_SOCK=/tmp/ssh-x/agent.1 ssh h", "reads-service-secret"),
    ],
)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(
    "command",
    [
        "GOFLAGS=-mod=vendor go build",
        "MAVEN_OPTS=-Xmx2g mvn test",
        "LESS=-FRX git diff",
        "RUSTC=/usr/bin/rustc cargo build",
        "GIT_CONFIG_GLOBAL=ci/gitconfig git fetch",
        "PS4='+ ${BASH_SOURCE}:${LINENO}: ' bash -x a.sh",
    ],
)
def test_ordinary(command: str) -> None:
    assert not facts_of(command) & {"shell-escape", "loads-library", "hijacks-path", "executes-input"}
