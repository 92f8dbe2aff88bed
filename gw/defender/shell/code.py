"""Inline code in other languages: the few dangerous calls that matter, found by words, never by running or parsing.

Knows nothing of shells; shell text found inside is handed back. Invariant: linear in the code's length: substring
searches, and constant patterns on windows of 1 KiB.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gw.defender.shell.lexer import decode_ansi
from gw.defender.shell.names import names

WINDOW = 1024
MAX_FOUND = 16

# Calls that start a program; the text literal behind one of them is a shell command.
_CALLS = (
    "system", "popen", "shell_exec", "passthru", "proc_open", "execSync", "spawnSync", "execFileSync", "execFile",
    "exec", "spawn", "spawnv", "execve", "execl", "execlp", "execv", "execvp", "execute", "run", "call",
    "check_call", "check_output", "Popen", "getoutput", "getstatusoutput", "pcntl_exec", "capture2", "capture3",
    "popen2", "popen3", "qx", "callCommand", "Process", "ProcessBuilder", "cmd", "shell", "callProcess", "system2",
    "write18", "shell-command", "call-process", "start-process", "do shell script", "interact", "os.system",
    "fork_exec", "os:cmd", "System.cmd", "Sys.command", "term", "ansi-term", "run-program", "Command", "sh",
    "Command::new",
)  # fmt: skip
# Without one of these words a code text starts nothing.
_HINTS = (
    "system", "popen", "exec", "spawn", "subprocess", "Popen", "child_process", "pty", "getline", "`", "%x", "qx",
    "callCommand", "Process", "run(", "write18", "shell", "interact", "passthru", "syscmd", "|", "Runtime", "$`",
    ".Command", "Command::", ":cmd", ".cmd", "(term", "(ansi-term", "run-program", ".execute", ".!", ".command",
    "process_create", "(sh ",
)  # fmt: skip

_CALL = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    + "|".join(re.escape(c) for c in sorted(_CALLS, key=len, reverse=True))
    + r")\s*[(\[{ ]{1,3}\s*(?:new String\[\]\s*\{)?\s*(?:(?:[rbuf]|~[cs])?[\"'`]|q\{)"
)
_DECODED_CALL = re.compile(
    r"(?:system|popen|exec\w{0,5}|spawn\w{0,4}|passthru|run)\s?\(\s?[\w.]{0,16}(?:decode|unhex|atob|unpack)"
)
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`", re.S)
_SAME_CALL = frozenset("){")  # no argument of it stands behind one of these: it has ended, or its options begin
_BACKTICK = re.compile(r"`([^`]{1,512})`")
_PERCENT_X = re.compile(r"(?:%x|qx)([({\[/!|])([^)}\]/!|]{1,512})[)}\]/!|]")
# Calls whose argument stands without quotes: `spawn sh` of expect, `esyscmd(sh)` of m4.
# And where the text comes first: `"sh".execute()` of Groovy, `"sh".!` of Scala.
_BARE = {
    "tcl": re.compile(r"\b(?:spawn|exec)\s+([^;\n<>]{1,512})"),
    "m4": re.compile(r"syscmd\(`?([^)']{1,512})"),
    "powershell": re.compile(r"(?:Start-Process|^\s*&)\s+([\w./-]{1,64})"),
    "gnuplot": re.compile(r"^\s*!\s*(.{1,512})", re.M),
    "groovy": re.compile(r"[\"']([^\"']{1,512})[\"']\.execute\("),
    "scala": re.compile(r"\"([^\"]{1,512})\"\.!"),
    "prolog": re.compile(r"process_create\(path\(([^)]{1,64})\)"),
}
_TEMPLATE = re.compile(r"\$`([^`]{1,512})`")  # Bun and zx
_AWK_TEXT = r"\"((?:[^\"\\]|\\.){1,512})\""
_AWK_PIPE = re.compile(rf"{_AWK_TEXT}\s*\|&?\s*getline|\|&?\s*{_AWK_TEXT}")

# Languages in which what is started may stand in a variable, and the words for starting something there.
_NAMED_LATER = frozenset(("python", "node", "perl", "ruby", "php", "lua", "julia"))
_SHELL_PATH = re.compile(r"(?:/usr)?/bin/[a-z]{0,3}sh")
_STARTS = ("system", "popen", "Popen", "subprocess", "exec", "spawn", "passthru")

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
    "gzinflate", "str_rot13", "hex2bin", "FromBase64String", 'pack("H', "pack('H",
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
    ").rm(", "rimraf", "RemoveAll", "remove_dir_all", "delete-directory", "delete-file",
)  # fmt: skip
# What is deleted, where the call says so itself.
_REMOVED = re.compile(
    r"(?:rmtree|rm_rf|rm_r|remove_tree|rmSync|rmdirSync|removeSync|\.rm|rimraf|RemoveAll|remove_dir_all)"
    r"(?:\.sync)?[( ]\s*[\"']([^\"']{1,256})[\"']"
)
_TREES = (
    "rmtree", "rm_rf", "rm_r", "remove_tree", "recursive", "Recurse", "os.walk", "glob", "<*", "rimraf", "RemoveAll",
    "remove_dir_all", "delete-directory",
)  # fmt: skip
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
    return path.endswith(_PAGES) and any(True for _ in _windows(_WEB_SHELL, text))


def _has(code: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110  a plain loop is three times as fast, and this is the inner one
        if word in code:
            return True
    return False


def is_inert(code: str) -> bool:
    """Whether *code* neither starts nor connects anything, whatever its language but PowerShell."""
    return not _has(code, _HINTS) and not _has(code, _SOCKETS)


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
    if len(code) > WINDOW or not (_has(code, _HINTS) or _has(code, _DELETES)):
        return code
    bare = _PYTHON_TEXT.sub(lambda m: m.group() if "f" in (m.group(1) or "").lower() else '""', code)
    only_looks = all((m.group(1) or "?") in _LOOKS for m in _CALLED.finditer(bare))
    return bare if only_looks and "@" not in bare and not _has(bare, _HINTS) else code


def inspect(language: str, code: str) -> CodeFacts:
    """Return what *code* may do; an empty result means none of the words that matter is in it."""
    facts: set[str] = set()
    commands: list[str] = []
    if language == "python":
        code = _said(code)
    if language == "powershell":
        code = _POWERSHELL_WORD.sub(lambda found: _POWERSHELL[found.group().lower()], code[:WINDOW]) + code[WINDOW:]
    if language in _BARE or _has(code, _HINTS):
        commands = list(_commands(language, code))
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
    sockets = _has(code, _SOCKETS) and (language != "python" or _has(code, _TALKS))
    fetches = _has(code, _FETCHES)
    if (sockets or fetches) and _has(code, _METADATA):
        facts.add("reads-metadata")
    if _has(code, _HTTP_DELETES):
        facts.add("http-delete")
    if "memfd_create" in code:
        facts.add("hidden-program")
    if "kill(-1" in code:
        facts.add("kills-all")
    if _has(code, _KEYRINGS):
        facts.add("reads-service-secret")
    if sockets:
        facts.add("code-network")
        if _has(code, _SHELL_WORDS) or (_has(code, _DUPS) and _runs_input(code)):
            facts.add("reverse-shell")
    if fetches:
        facts.add("code-network" if _sends(code) else "code-fetches")
        if _has(code, _EVALS) and language not in ("awk",):
            facts.add("executes-fetched")
    if _has(code, _DECODES) and (_has(code, _EVALS) or any(True for _ in _windows(_DECODED_CALL, code))):
        facts.add("executes-decoded")
    if _has(code, _ELEVATES):
        facts.add("code-setuid")
    if _has(code, _LIBRARIES) or (".so" in code and _has(code, ("load", "require", "dl(", "spec_from"))):
        facts.add("loads-library")
    if "fork" in code and not sockets and _has(code, ("while", "for(;;)", "loop", "until", "os.fork() for")):
        facts.add("fork-bomb")
    deletes = _has(code, _DELETES)
    return CodeFacts(
        frozenset(facts),
        tuple(commands),
        tuple(_paths(code)) if "/" in code or "~" in code else (),
        deletes,
        deletes and _has(code, _TREES),
        _has(code, _WRITES) or _has(code, _WRITE_MODES),
        _has(code, _READS),
        tuple(m.group(1) for m in _windows(_REMOVED, code)) if deletes else (),
    )


def _sends(code: str) -> bool:
    """Whether code that fetches also sends: by its method, or a file that it reads and does not write."""
    if _has(code, _SENDS):
        return True
    return _has(_FETCHING.sub("", code[:WINDOW]) + code[WINDOW:], _READS) and not _has(code, _WRITE_MODES)


def _runs_input(code: str) -> bool:
    """A loop that reads a command from the socket and starts it."""
    return _has(
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
    ) and _has(
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


def _literals(code: str, start: int) -> Iterator[str]:
    """Text literals from *start* on, up to the end of the call they stand in."""
    end = min(len(code), start + WINDOW)
    opened = min((at for quote in "\"'`" if (at := code.find(quote, start, end)) >= 0), default=end)
    pos = start
    for _ in range(8):
        found = _STRING.search(code, pos, end)
        if pos == start and opened < end < len(code) and (found is None or found.start() > opened):
            yield _long_literal(code, opened)
            return
        if found is None or (pos != start and not _SAME_CALL.isdisjoint(code[pos : found.start()])):
            return
        yield next(g for g in found.groups() if g is not None)
        pos = found.end()


def _long_literal(code: str, opened: int) -> str:
    """The text between the quote at *opened* and the next one like it that is not escaped, however far."""
    closed = opened + 1
    while (closed := code.find(code[opened], closed)) >= 0:
        before = closed
        while code[before - 1] == "\\":
            before -= 1
        if (closed - before) % 2 == 0:
            return code[opened + 1 : closed]
        closed += 1
    return code[opened + 1 :]


def _commands(language: str, code: str) -> Iterator[str]:
    count = 0
    for found in _windows(_CALL, code):
        words = list(_literals(code, found.end() - 1))
        if not words:
            continue
        if len(words) > 1 and words[0].rpartition("/")[2] == words[1]:
            del words[0]  # execvp("sh", ["sh", ...]): the name comes twice
        called = code[found.start() : found.end()]
        listed = "[" in called or (len(words) > 1 and " " not in words[0] and "popen(" not in called)
        yield _unescape(" ".join(words) if listed else words[0])
        count += 1
        if count >= MAX_FOUND:
            return
    if not count and language in _NAMED_LATER and _has(code, _STARTS):
        yield from _texts(code)
    patterns = [_BACKTICK] if language in ("perl", "ruby", "php", "julia") else []
    if language in ("ruby", "perl"):
        patterns.append(_PERCENT_X)
    if language == "awk":
        patterns.append(_AWK_PIPE)
    if language == "node":
        patterns.append(_TEMPLATE)
    if language in _BARE:
        patterns.append(_BARE[language])
    for pattern in patterns:
        for found in _windows(pattern, code):
            yield _unescape(next((g for g in reversed(found.groups()) if g), ""))


def _texts(code: str) -> Iterator[str]:
    """Literals of more than one word: `c = "rm -rf /"; os.system(c)` says them somewhere else than in the call."""
    for found, _ in zip(_windows(_STRING, code), range(MAX_FOUND), strict=False):
        text = next(g for g in found.groups() if g is not None)
        if (" " in text and "\n" not in text) or _SHELL_PATH.fullmatch(text):
            yield _unescape(text)


def _windows(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches of a constant pattern, looking at 1 KiB at a time with an overlap."""
    seen = -1
    for base in range(0, max(len(text), 1), WINDOW // 2):
        for found in pattern.finditer(text, base, min(base + WINDOW, len(text))):
            if found.start() > seen:
                seen = found.start()
                yield found


def _unescape(text: str) -> str:
    """The escapes of text literals, which are much the same everywhere."""
    return decode_ansi(text) if "\\" in text else text


def _paths(code: str) -> Iterator[str]:
    count = 0
    for found in _windows(_STRING, code):
        text = next(g for g in found.groups() if g is not None)
        if text[:1] in ("/", "~") and " " not in text and len(text) < 256:
            yield text
            count += 1
            if count >= MAX_FOUND:
                return
