"""Inline code in other languages: the few dangerous calls that matter, found by words, never by running or parsing.

Knows nothing of shells; shell text found inside is handed back. Invariant: linear in the code's length: substring
searches, and constant patterns on windows of 1 KiB.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gw.defender.shell.calls import BARE, WINDOW, commands, has, paths, windows
from gw.defender.shell.names import names

_AWK_FETCHED = re.compile(r"\"(?:curl|wget) [^\"]{1,512}\"\s*\|\s*getline")
# Without one of these words a code text starts nothing.
_HINTS = (
    "system", "popen", "exec", "spawn", "subprocess", "Popen", "child_process", "pty", "getline", "`", "%x", "qx",
    "callCommand", "Process", "run(", "write18", "shell", "interact", "passthru", "syscmd", "|", "Runtime", "$`",
    ".Command", "Command::", ":cmd", ".cmd", "(term", "(ansi-term", "run-program", ".execute", ".!", ".command",
    "process_create", "(sh ",
)  # fmt: skip

_DECODED_CALL = re.compile(
    r"(?:system|popen|exec\w{0,5}|spawn\w{0,4}|passthru|run)\s?\(\s?[\w.]{0,16}(?:decode|unhex|atob|unpack)"
)
_JOINED = re.compile(r"([\"'])\s{0,2}[+.]\s{0,2}\1")  # `'sys' + 'tem'`
_SOCKETS = (
    "socket", "Socket", "fsockopen", "/inet/tcp", "/inet/udp", "gen_tcp", "telnetlib", "network-process",
    "Deno.connect",
    "Invoke-PowerShellTcp", "Invoke-ConPtyShell", "Invoke-PowerShellUdp", "net.connect", "net.createServer",
    "createConnection", "TCPServer", "INET", 'require("net")', "require('net')", "TCPClient", "pfsockopen",
    "stream_socket", "net.Dial", "net.Listen", "ztcp", "connect(", "WEBrick",
)  # fmt: skip
_FETCHES = (
    "urlopen", "urlretrieve", "requests.get", "requests.post", "urllib", "http.get", "https.get", "LWP::",
    "Net::HTTP", "open-uri", 'file_get_contents("http', "file_get_contents('http", "download(", "URI.open",
    "http.client", "fetch(", "DownloadString", "DownloadFile", "Invoke-WebRequest", "Invoke-RestMethod", "iwr ", "irm ",
    "curl_exec", "HTTP::Tiny",
    'open("http', "open('http",
    "file_get_contents($", "httpx", "aiohttp",
    'require("http', "require('http", '("http', "('http",
)  # fmt: skip
_SENDS = (
    "post_form", "requests.post", "requests.put", "requests.patch", ".post(", ".put(", "Post(", "POST", "PUT", "files=",
    "urlencode", "multipart", "->post(", "->put(", ",data=", ", data=", "UploadFile", "UploadString", "UploadData",
    "InFile", "-Body",
)  # fmt: skip
_ENVIRONMENTS = ("dict(os.environ", "(process.env)", "ENV.to_", "%ENV", "$_ENV)")  # all of it
_HOST = re.compile(r"https?://([\w.-]{1,253})(?=[:/\"'?#]|$)")
_FETCHING = re.compile(r"urlopen\(|file_get_contents\(\s*[\"']https?:")
_READS = (
    "open(",
    "readFile",
    "ReadStream",
    "file_get_contents(",
    "File.read",
    "read_text",
    "read_bytes",
    "IO.read",
    "slurp",
)
_WRITE_MODES = (
    "'w",
    '"w',
    ".write",
    "writeFile",
    "write_text",
    "write_bytes",
    "file_put_contents",
    "File.write",
    "'a'",
)
_EVALS = (
    "exec(", "eval(", "eval ", "loadstring", "load(", "instance_eval", "Function(", "compile(", "__import__",
    "marshal.loads", "pickle.loads", "iex", "Invoke-Expression", "source(",
)  # fmt: skip
_DECODES = (
    "b64decode", "base64.", "base64_decode", "decode_base64", "Base64", '"base64"', "'base64'", "unhexlify", "fromhex",
    "Buffer.from", "atob(", "decode64", "unpack(", "unpack1", "zlib", "codecs.decode", "rot13", "bytes.fromhex",
    "gzinflate", "str_rot13", "hex2bin", "FromBase64String", 'pack("H', "pack('H", 'pack "H', "pack 'H",
)  # fmt: skip
_SHELL_WORDS = (
    "/bin/sh", "/bin/bash", "/bin/zsh", "bash -i", "sh -i", "/bin/ash", "/bin/dash", "cmd.exe", "pty.spawn",
    "powershell", '"sh"', "'sh'", '"bash"', "'bash'", "sh <&", "bash <&", '"sh -i', "'sh -i", '["sh', "['sh",
    '"zsh"', "'zsh'", "shell-command", "Invoke-PowerShellTcp", "Invoke-ConPtyShell", "Invoke-PowerShellUdp",
)  # fmt: skip
_DUPS = (
    "dup2", "fileno", "STDIN->fdopen", 'STDIN,">&', "<&3", "0<&", "stdio:", ".pipe(", "redirectErrorStream",
    "getInputStream", "GetStream", ">&S", "pty.spawn", "subprocess", "popen", "exec", "spawn", "system", "`", "getline",
    "run(", "Process.new", "Process.run", "qx(",
)  # fmt: skip
_DELETES = (
    "rmtree", "rm_rf", "rm_r(", "remove_tree", "rmtree(", "os.remove", "os.unlink", "unlink", "rmSync", "rmdirSync",
    "rmdir", "FileUtils.rm", "File.delete", "fs.rm", "removeDirs", "Remove-Item", "shutil.move", "os.rmdir",
    "unlinkSync", "deltree", "removeSync", "Deno.remove",
    ").rm(", "rimraf", "RemoveAll", "remove_dir_all", "delete-directory", "delete-file", "file delete",
)  # fmt: skip
# What is deleted, where the call says so itself.
_REMOVED = re.compile(
    r"(?:rmtree|rm_rf|rm_r|remove_tree|rmSync|rmdirSync|removeSync|\.rm|rimraf|RemoveAll|remove_dir_all)"
    r"(?:\.sync)?[( ]\s*[\"']([^\"']{1,256})[\"']"
)
_TREES = (
    "rmtree", "rm_rf", "rm_r", "remove_tree", "recursive", "Recurse", "os.walk", "glob", "<*", "rimraf", "RemoveAll",
    "remove_dir_all", "delete-directory", "delete -force",
)  # fmt: skip
# A whole home folder, by the call that names it.
_REMOVED_HOME = re.compile(
    r"(?:^|[\s;({=>,&|)])(?:[\w:]{0,32}[.:])?(?:rmtree|rm_rf|rm_r|remove_tree|rmSync|removeSync|\.rm|rimraf|RemoveAll|remove_dir_all)"
    r"(?:\.sync)?[( ]\s*(?:(?:require\([\"'](?:node:)?os[\"']\)|os)\.homedir\(\)|Dir\.home|(?:pathlib\.)?Path\.home\(\)"
    r"|(?:os\.path\.)?expanduser\([\"']~/?[\"']\)|process\.env\.HOME|ENV\[[\"']HOME[\"']\]|os\.environ\[[\"']HOME[\"']\])"
    r"\s*(?:[,);]|$)"
)
# Every variable there is, as the value of something.
_ENVIRONMENT = re.compile(
    r"(?:dict|str|repr|dumps|stringify)\(\s*(?:os\.environ|process\.env)\s*[,)]"
    r"|[=:]\s*(?:dict\()?(?:os\.environ|process\.env)\s*[,)}]|ENV\.to_(?:h|a|json)"
)
_WRITES = (
    "write", "file_put_contents", "File.write", "writeFile", "io.open", "Out-File", "Set-Content",
)  # fmt: skip
_ELEVATES = (
    "setuid(", "setgid(", "setresuid", "setreuid", "POSIX::setuid", "posix_setuid", "posix.setuid", "process.setuid",
    "Process::Sys.setuid",
)  # fmt: skip
# Without one of these, a Python program that names the socket module only asks for names and addresses.
_TALKS = ("connect", "bind", "listen", "accept", "send", "socket(", "create_", "Server", "Telnet(")
_METADATA = ("169.254.169.254", "metadata.google.internal", "169.254.170.2", "100.100.100.200")
_HTTP_DELETES = (
    "requests.delete(", "httpx.delete(", "session.delete(", 'method="DELETE"', "method='DELETE'", 'method: "DELETE"',
    "method: 'DELETE'", 'method:"DELETE"', "method:'DELETE'", "Net::HTTP::Delete", "axios.delete(",
)  # fmt: skip
_KEYRINGS = ("keyring.get_", "secretstorage", "browser_cookie3", "SecItemCopyMatching", "CryptUnprotectData")
_LIBRARIES = (
    "ctypes", "LoadLibrary", "dlopen", "Fiddle", 'require "fiddle"', "cdll", "loadlib", "package.loadlib", "ffi",
    '@load "/', '@load "./',
)  # fmt: skip


# PowerShell does not care for case; these are the words above as they are spelled there.
_POWERSHELL = {
    word.lower(): word
    for word in (
        "iex", "iwr", "irm", "Invoke-Expression", "Invoke-WebRequest", "Invoke-RestMethod", "DownloadString",
        "DownloadFile", "GetStream", "TCPClient", "FromBase64String", "Start-Process", "Remove-Item", "Recurse",
        "Set-Content", "Out-File", "Invoke-PowerShellTcp", "Invoke-ConPtyShell", "Invoke-PowerShellUdp",
    )
}  # fmt: skip
_POWERSHELL_WORD = re.compile("|".join(sorted(_POWERSHELL, key=len, reverse=True)), re.I)


class CodeFacts(NamedTuple):
    facts: frozenset[str]
    commands: tuple[str, ...]  # shell texts it starts
    paths: tuple[str, ...]  # absolute or home paths among its text literals
    deletes: bool = False
    recursive: bool = False
    writes: bool = False
    reads: bool = False
    removed: tuple[str, ...] = ()  # relative paths it says it deletes


# A page that runs what its visitors send.
_WEB_SHELL = re.compile(
    r"(?:system|exec|shell_exec|passthru|popen|proc_open|eval|assert|create_function)\s*\(\s*(?:\w+\s*\(\s*){0,2}@?\$_(?:GET|POST|REQUEST|COOKIE|SERVER)"
    r"|`\s*\$_(?:GET|POST|REQUEST|COOKIE)|exec\s*\(\s*request\.getParameter|eval(?:\s*\(\s*|\s+)request[\[(.]"
    r"|Process\.Start\([^)]{0,64}Request"
)
_PAGES = (".php", ".phtml", ".php5", ".php7", ".phar", ".jsp", ".jspx", ".asp", ".aspx", ".ashx", ".cgi", ".inc")


def is_web_shell(path: str, text: str) -> bool:
    return path.endswith(_PAGES) and any(True for _ in windows(_WEB_SHELL, text))


def is_inert(code: str) -> bool:
    """Whether *code* neither starts nor connects anything, whatever its language but PowerShell."""
    return not has(code, _HINTS) and not has(code, _SOCKETS)


# A text literal or a comment of Python, with the letters in front of it.
_PYTHON_TEXT = re.compile(
    r"([A-Za-z]{0,2})(?:\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')|#[^\n]*", re.S
)
# Calls that look at a text and do nothing else with it.
_LOOKS = names(
    "print len str repr sorted list dict set tuple range any all enumerate zip sum min max type isinstance json.dumps"
    " re.search re.match re.findall shlex.split shlex.quote textwrap.dedent"
)
_CALLED = re.compile(r"([\w.]+)\s*[(\[]|[)\]]\s*[(.]")


def _said(code: str) -> str:
    """*code* of Python without its literals and comments, when all it does is to look at them and print."""
    if len(code) > WINDOW or not (has(code, _HINTS) or has(code, _DELETES)):
        return code
    bare = _PYTHON_TEXT.sub(lambda m: m.group() if "f" in (m.group(1) or "").lower() else '""', code)
    only_looks = all((m.group(1) or "?") in _LOOKS for m in _CALLED.finditer(bare))
    return bare if only_looks and "@" not in bare and not has(bare, _HINTS) else code


def inspect(language: str, code: str) -> CodeFacts:
    """Return what *code* may do; an empty result means none of the words that matter is in it."""
    facts: set[str] = set()
    started: list[str] = []
    if "+" in code or language in ("php", "perl"):
        code = _JOINED.sub("", code[:WINDOW]) + code[WINDOW:]
    if language == "python":
        code = _said(code)
    if language == "powershell":
        code = _POWERSHELL_WORD.sub(lambda found: _POWERSHELL[found.group().lower()], code[:WINDOW]) + code[WINDOW:]
    if language in BARE or has(code, _HINTS):
        started = list(commands(language, code))
        if any(
            hint in code
            for hint in (
                "system",
                "popen",
                "exec",
                "spawn",
                "subprocess",
                "Popen",
                "child_process",
                "pty",
                "callCommand",
                "ProcessBuilder",
                "write18",
            )
        ):
            facts.add("code-spawns")
    sockets = has(code, _SOCKETS) and (language != "python" or has(code, _TALKS))
    fetches = has(code, _FETCHES) and not _asks_here(code)
    if (sockets or fetches) and has(code, _METADATA):
        facts.add("reads-metadata")
    if has(code, _HTTP_DELETES):
        facts.add("http-delete")
    if language == "awk" and "system(" in code and any(True for _ in windows(_AWK_FETCHED, code)):
        facts.add("executes-fetched")
    if "memfd_create" in code:
        facts.add("hidden-program")
    if "kill(-1" in code:
        facts.add("kills-all")
    if has(code, _KEYRINGS):
        facts.add("reads-service-secret")
    if sockets:
        facts.add("code-network")
        if has(code, _SHELL_WORDS) or (has(code, _DUPS) and _runs_input(code)):
            facts.add("reverse-shell")
    if fetches:
        facts.add("code-network" if _sends(code) else "code-fetches")
        if has(code, _EVALS) and language not in ("awk",):
            facts.add("executes-fetched")
    if "code-network" in facts and _ENVIRONMENT.search(code, 0, WINDOW):
        facts.add("sends-secret")
    if has(code, _DECODES) and (has(code, _EVALS) or any(True for _ in windows(_DECODED_CALL, code))):
        facts.add("executes-decoded")
    if has(code, _ELEVATES):
        facts.add("code-setuid")
    if has(code, _LIBRARIES) or (".so" in code and has(code, ("load", "require", "dl(", "spec_from"))):
        facts.add("loads-library")
    if "fork" in code and not sockets and has(code, ("while", "for(;;)", "loop", "until", "os.fork() for")):
        facts.add("fork-bomb")
    deletes = has(code, _DELETES) or (language == "julia" and "rm(" in code)
    return CodeFacts(
        frozenset(facts),
        tuple(started),
        tuple(paths(code)) if "/" in code or "~" in code else (),
        deletes,
        deletes and has(code, _TREES),
        has(code, _WRITES) or has(code, _WRITE_MODES),
        has(code, _READS),
        tuple(_removed(code)) if deletes else (),
    )


def _asks_here(code: str) -> bool:
    """Whether all its addresses are on this machine."""
    if "://localhost" not in code and "://127.0.0.1" not in code:
        return False
    hosts = _HOST.findall(code)
    return len(hosts) == code.count("://") and all(host in ("localhost", "127.0.0.1") for host in hosts)


def _removed(code: str) -> Iterator[str]:
    for found in windows(_REMOVED, code):
        yield found.group(1)
    if any(True for _ in windows(_REMOVED_HOME, code)):
        yield "~"


def _sends(code: str) -> bool:
    """Whether code that fetches also sends: by its method, or a file that it reads and does not write."""
    if has(code, _SENDS) or has(code, _ENVIRONMENTS):
        return True
    return has(_FETCHING.sub("", code[:WINDOW]) + code[WINDOW:], _READS) and not has(code, _WRITE_MODES)


def _runs_input(code: str) -> bool:
    """A loop that reads a command from the socket and starts it."""
    return has(
        code,
        (
            "popen",
            "exec",
            "spawn",
            "system",
            "getline",
            "run(",
            "dup2",
            "subprocess",
            "`",
            "eval",
            "qx(",
            "iex",
            "Invoke-Expression",
            "Process.new",
            "Process.run",
            "Process.start",
        ),
    ) and has(
        code,
        (
            "while",
            "receive",
            "recv",
            "gets",
            "getline",
            "readline",
            "socket_read",
            "pipe(",
            "dup2",
            "fileno",
            "createServer",
            "stdio",
            "call",
            "Popen",
            "<&",
            "GetStream",
            "read_until",
            '"data"',
            "'data'",
        ),
    )
