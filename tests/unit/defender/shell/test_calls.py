"""Calls that start a program, and the shell text behind them."""

import pytest

from gw.defender.shell.calls import commands, has, paths


@pytest.mark.parametrize(
    ("language", "code", "started"),
    [
        ("python", "import os; os.system('ls -l')", ("ls -l",)),
        ("python", 'subprocess.run(["rm", "-rf", "/"])', ("rm -rf /",)),
        ("python", "subprocess.check_output('ls', shell=True)", ("ls",)),
        ("perl", 'system("ls -l")', ("ls -l",)),
        ("perl", "`ls -l`", ("ls -l",)),
        ("perl", "qx/ls -l/", ("ls -l",)),
        ("ruby", "%x(ls -l)", ("ls -l",)),
        ("node", "require('child_process').execSync('ls -l')", ("ls -l",)),
        ("node", "require('child_process').execSync('ls', {stdio: 'inherit'})", ("ls",)),
        ("lua", 'io.popen("ls", "w")', ("ls",)),
        ("java", 'Runtime.getRuntime().exec(new String[]{"ls", "-l"})', ("ls -l",)),
        ("node", 'process.binding("spawn_sync").spawn({file: "/bin/sh", args: []})', ("/bin/sh",)),
        ("m4", "syscmd(`ls -l')", ("ls -l",)),
        ("powershell", "Start-Process ls", ("ls",)),
        ("prolog", "process_create(path(ls), [], [])", ("ls",)),
        ("gnuplot", "!ls -l", ("ls -l",)),
        ("php", 'shell_exec("ls -l");', ("ls -l",)),
        ("awk", '{ "ls" | getline x }', ("ls",)),
        ("awk", 'BEGIN { system("ls") }', ("ls",)),
        ("lua", "os.execute('ls')", ("ls",)),
        ("php", 'passthru("ls -l");', ("ls -l",)),
        ("tcl", "spawn ls -l; interact", ("ls -l",)),
        ("m4", "esyscmd(ls -l)", ("ls -l",)),
        ("tcl", "exec ls -l", ("ls -l",)),
        ("groovy", '"ls -l".execute()', ("ls -l",)),
        ("scala", '"ls -l".!', ("ls -l",)),
        ("erlang", 'os:cmd("ls -l")', ("ls -l",)),
        ("elixir", 'System.cmd("ls", [])', ("ls",)),
        ("lisp", '(term "ls")', ("ls",)),
        ("elixir", ':os.cmd(~c"ls")', ("ls",)),
        ("node", 'new Deno.Command("ls").spawn()', ("ls",)),
        ("python", 'os.execvp("ls", ["ls", "-l"])', ("ls -l",)),
        ("tcl", "exec ls <@ stdin", ("ls ",)),
        ("awk", 'BEGIN { "sh -c \\"ls\\"" | getline }', ('sh -c "ls"',)),
        ("node", "require('child_process')['exec']('ls')", ("ls",)),
        ("powershell", "Remove-Item -Recurse /home/*", ("Remove-Item -Recurse /home/*",)),
    ],
)
def test_commands_started(language: str, code: str, started: tuple[str, ...]) -> None:
    assert tuple(commands(language, code)) == started


def test_absolute_and_home_paths_among_the_literals() -> None:
    assert list(paths("open('/etc/x'); open('y'); open(\"~/z\"); print('/not a path')")) == ["/etc/x", "~/z"]


def test_has_finds_any_of_the_words() -> None:
    assert has("a b c", ("x", "b"))
    assert not has("a b c", ("x", "y"))
