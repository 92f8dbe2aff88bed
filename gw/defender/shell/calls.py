"""Calls that start a program in code of other languages: which shell text stands behind each of them.

Found by words and text literals, never by parsing. Invariant: linear in the code's length: substring searches, and
constant patterns on windows of 1 KiB.
"""

import re
from collections.abc import Iterator

from gw.defender.shell.lexer import decode_ansi

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
    "Command::new", "shell-command-to-string",
)  # fmt: skip
_CALL = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    + "|".join(re.escape(c) for c in sorted(_CALLS, key=len, reverse=True))
    + r")(?:[\"'][\])]{1,2})?\s*[(\[{ ]{1,3}\s*(?:new String\[\]\s*\{)?\s*(?:(?:[rbuf]|~[cs])?[\"'`]|q\{)"
)
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`", re.S)
_SAME_CALL = frozenset("){")  # no argument of it stands behind one of these: it has ended, or its options begin
_BACKTICK = re.compile(r"`([^`]{1,512})`")
_PERCENT_X = re.compile(r"(?:%x|qx)([({\[/!|])([^)}\]/!|]{1,512})[)}\]/!|]")
# Calls whose argument stands without quotes: `spawn sh` of expect, `esyscmd(sh)` of m4.
# And where the text comes first: `"sh".execute()` of Groovy, `"sh".!` of Scala.
BARE = {
    "tcl": re.compile(r"\b(?:spawn|exec)\s+([^;\n<>]{1,512})"),
    "m4": re.compile(r"syscmd\(`?([^)']{1,512})"),
    "powershell": re.compile(r"(?:Start-Process|^\s*&)\s+([\w./-]{1,64})|(Remove-Item\s[^;|}\n]{1,256})"),
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


def has(code: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110  a plain loop is three times as fast, and this is the inner one
        if word in code:
            return True
    return False


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


def commands(language: str, code: str) -> Iterator[str]:
    count = 0
    for found in windows(_CALL, code):
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
    if not count and language in _NAMED_LATER and has(code, _STARTS):
        yield from _texts(code)
    patterns = [_BACKTICK] if language in ("perl", "ruby", "php", "julia") else []
    if language in ("ruby", "perl"):
        patterns.append(_PERCENT_X)
    if language == "awk":
        patterns.append(_AWK_PIPE)
    if language == "node":
        patterns.append(_TEMPLATE)
    if language in BARE:
        patterns.append(BARE[language])
    for pattern in patterns:
        for found in windows(pattern, code):
            yield _unescape(next((g for g in reversed(found.groups()) if g), ""))


def _texts(code: str) -> Iterator[str]:
    """Literals of more than one word: `c = "rm -rf /"; os.system(c)` says them somewhere else than in the call."""
    for found, _ in zip(windows(_STRING, code), range(MAX_FOUND), strict=False):
        text = next(g for g in found.groups() if g is not None)
        if (" " in text and "\n" not in text) or _SHELL_PATH.fullmatch(text):
            yield _unescape(text)


def windows(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
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


def paths(code: str) -> Iterator[str]:
    count = 0
    for found in windows(_STRING, code):
        text = next(g for g in found.groups() if g is not None)
        if text[:1] in ("/", "~") and " " not in text and len(text) < 256:
            yield text
            count += 1
            if count >= MAX_FOUND:
                return
