"""Which programs take code, in what language, and where on the command line or input the code stands.

Knows nothing of what the code does. Invariant: a shell found here is analysed as shell; another language is looked at
by gw.defender.shell.code.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from gw.defender.shell.names import names

SHELLS = names(
    "sh bash dash zsh ksh ash mksh pdksh rbash rksh rzsh yash posh fish csh tcsh elvish hush lksh ksh93 oksh nu xonsh"
    " sash"
)

# program -> (language, options whose value is code, options that take another value)
_LANGUAGES: dict[str, tuple[str, str, str]] = {
    "python": ("python", "-c", "-W -X -m"),
    "pypy": ("python", "-c", "-W -X -m"),
    "ipython": ("python", "-c", "-m"),
    "jython": ("python", "-c", "-m"),
    "perl": ("perl", "-e -E", "-I -M -m"),
    "ruby": ("ruby", "-e", "-r -I -C -K -E"),
    "irb": ("ruby", "-e", "-r -I"),
    "node": ("node", "-e --eval -p --print -pe", "-r --require --import"),
    "nodejs": ("node", "-e --eval -p --print -pe", "-r --require"),
    "bun": ("node", "-e --eval -p --print", ""),
    "deno": ("node", "eval", ""),
    "jrunscript": ("node", "-e", "-l -cp"),
    "jjs": ("node", "", ""),
    "js": ("node", "-e", ""),
    "php": ("php", "-r -B -R -E --run", "-d -c -f"),
    "lua": ("lua", "-e", "-l"),
    "luajit": ("lua", "-e", "-l"),
    "tclsh": ("tcl", "-c", ""),
    "wish": ("tcl", "", ""),
    "expect": ("tcl", "-c", ""),
    "awk": ("awk", "", "-v -F -f"),
    "julia": ("julia", "-e --eval -E --print", "-L -t -p"),
    "R": ("r", "-e", ""),
    "Rscript": ("r", "-e", ""),
    "octave": ("octave", "--eval", ""),
    "octave-cli": ("octave", "--eval", ""),
    "ghc": ("haskell", "-e", ""),
    "ghci": ("haskell", "-e", ""),
    "runghc": ("haskell", "", ""),
    "elixir": ("elixir", "-e --eval", ""),
    "erl": ("erlang", "-eval", ""),
    "scala": ("scala", "-e", ""),
    "groovy": ("groovy", "-e", ""),
    "jshell": ("java", "", ""),
    "kotlin": ("java", "-e -expression", "-cp -classpath -howtorun"),
    "tsx": ("node", "-e --eval -p --print", "-r --require --import"),
    "ts-node": ("node", "-e --eval -p --print", "-r --require"),
    "raku": ("perl", "-e", "-M -I"),
    "hy": ("python", "-c", "-m"),
    "sage": ("python", "-c", ""),
    "ocaml": ("ocaml", "-e", "-I"),
    "swipl": ("prolog", "-g -t", "-f -s -l -x -o -p"),
    "gprolog": ("prolog", "--query-goal --entry-goal --init-goal", "--consult-file"),
    "clojure": ("lisp", "-e --eval", "-i --init"),
    "clj": ("lisp", "-e --eval", "-i --init"),
    "bb": ("lisp", "-e --eval", "-f"),
    "chef-apply": ("ruby", "-e", ""),
    "emacsclient": ("lisp", "-e --eval", "-s -f -a -d"),
    "crystal": ("ruby", "eval", ""),
    "swift": ("swift", "-e", ""),
    "osascript": ("applescript", "-e", ""),
    "guile": ("lisp", "-c", ""),
    "emacs": ("lisp", "--eval -eval", ""),
    "sbcl": ("lisp", "--eval", ""),
    "ecl": ("lisp", "--eval", ""),
    "clisp": ("lisp", "-x", ""),
    "racket": ("lisp", "-e", "-l"),
    "csi": ("lisp", "-e", ""),
    "gnuplot": ("gnuplot", "-e", ""),
    "pwsh": ("powershell", "", ""),
    "powershell": ("powershell", "", ""),
    "iex": ("powershell", "", ""),
    "Invoke-Expression": ("powershell", "", ""),
    "m4": ("m4", "", "-D -U -I"),
}  # fmt: skip

_POWERSHELL_VALUED = ("-ex", "-ep", "-w", "-o", "-in", "-ps", "-v", "-conf", "-settings", "-cus")

_ALIASES = {
    "powershell.exe": "powershell",
    "pwsh.exe": "pwsh",
    "gawk": "awk",
    "mawk": "awk",
    "nawk": "awk",
    "bwk": "awk",
    "original-awk": "awk",
}
_NUMBERED = ("python", "perl", "ruby", "lua", "php", "node", "tclsh", "guile", "pypy", "wish", "jruby", "julia", "ksh")


class Code(NamedTuple):
    """What an interpreter was given: `text` None with `stdin` True means it reads its input."""

    language: str
    text: str | None = None
    at: int = -1  # index of the argument holding the code or script, -1 when it is not an argument
    script: str | None = None  # path of a script file
    stdin: bool = False
    interactive: bool = False
    args: tuple[str, ...] = ()  # positional parameters: $0, $1, ...
    hidden: bool = False  # written in an encoding on the line; `text` is what it says, "" when that is unknown


def canonical(program: str) -> str:
    """`python3.11` is python, `gawk` is awk; other names stand for themselves."""
    if program in _ALIASES:
        return _ALIASES[program]
    if program[-1:].isdigit():
        base = program.rstrip("0123456789.-")
        if base in _NUMBERED:
            return base
    return program


def is_interpreter(program: str) -> bool:
    return program in SHELLS or canonical(program) in _LANGUAGES


def shell_code(argv: Sequence[str]) -> Code | None:
    """What a POSIX shell would run: `-c` text, a script, or its input; None for `-n` and `--version`."""
    i, interactive, command, read_stdin, only_checks = 1, False, False, False, False
    while i < len(argv):
        word = argv[i]
        if word in ("-", "--"):
            i += 1
            break
        if word[:1] not in "-+" or not word:
            break
        if word[1:2] == "-":
            if word in ("--version", "--help"):
                return None
            if word in ("--rcfile", "--init-file"):
                i += 1
            elif word == "--command":
                command = True
        elif word[0] == "-":
            letters = word[1:]
            interactive = interactive or "i" in letters
            command = command or "c" in letters
            read_stdin = read_stdin or "s" in letters
            only_checks = only_checks or "n" in letters
            if letters[-1:] in ("o", "O"):
                i += 1
        elif word[-1:] in ("o", "O"):
            i += 1
        i += 1
    rest = argv[i:]
    if only_checks:
        return None
    if command:
        if rest:
            return Code("sh", rest[0], i, interactive=interactive, args=tuple(rest[1:]))
        return Code("sh", stdin=True, interactive=True)
    if read_stdin or not rest:
        return Code("sh", stdin=True, interactive=interactive, args=("sh", *rest))
    return Code("sh", script=rest[0], at=i, interactive=interactive, args=tuple(rest))


def code_of(program: str, argv: Sequence[str]) -> Code | None:
    """Return what code *argv* runs when *program* is an interpreter, else None."""
    if program in SHELLS:
        return shell_code(argv)
    name = canonical(program)
    row = _LANGUAGES.get(name)
    if row is None:
        return None
    language, code_options, valued = row
    if name == "awk":
        return _awk(argv)
    if name in ("pwsh", "powershell"):
        return _powershell(argv)
    options, skipped = code_options.split(), valued.split()
    found: list[str] = []
    at = -1
    i = 1
    while i < len(argv):
        word = argv[i]
        if word == "--":
            i += 1
            break
        if word in options:
            if i + 1 < len(argv):
                found.append(argv[i + 1])
                at = i + 1
            i += 2
            if name not in ("perl", "ruby", "lua"):
                break
            continue
        if word[:1] != "-" or word == "-":
            break
        attached = _attached(name, word, options)
        if attached is not None:
            if attached:
                found.append(attached)
                at = i
            elif i + 1 < len(argv):
                found.append(argv[i + 1])
                at = i + 1
                i += 1
            i += 1
            continue
        i += 2 if word in skipped else 1
        if word == "-m":
            if argv[i - 1] in ("timeit", "pdb"):
                return Code(language, "\n".join(argv[i:]), i, args=tuple(argv[i:]))
            if argv[i - 1] in ("code", "asyncio", "IPython"):
                return Code(language, stdin=True)
            return Code(language, script="", args=tuple(argv[i - 1 :]))
    if found:
        return Code(language, "\n".join(found), at, args=tuple(argv[i:]))
    if i < len(argv) and argv[i] != "-":
        return Code(language, script=argv[i], at=i, args=tuple(argv[i:]))
    return Code(language, stdin=True)


def _attached(name: str, word: str, options: Sequence[str]) -> str | None:
    """`--eval=x` gives x; `-lne` (code in the next word) gives ""; no code option gives None."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return value if equals and option in options else None
    if name in ("perl", "ruby"):
        for i, letter in enumerate(word[1:], 1):
            if letter in "eE":
                return word[i + 1 :]
            if letter in "iIMmFCxKr0":
                return None
        return None
    for option in options:
        if len(option) == 2 and word.startswith(option):
            return word[2:]
        if len(option) == 2 and option[1] == word[-1] and word[1:].isalpha() and name == "python":
            return ""
    return None


def _powershell(argv: Sequence[str]) -> Code:
    """PowerShell's own options: any case, cut to any length; behind -Command the rest of the line is code."""
    i = 1
    while i < len(argv) and argv[i][:1] in "-/":
        option = "-" + argv[i][1:32].lower()
        if option in ("-e", "-ec") or (len(option) > 2 and "-encodedcommand".startswith(option)):
            return Code("powershell", _utf16("".join(argv[i + 1 : i + 2])), i + 1, hidden=True)
        if len(option) > 1 and "-command".startswith(option):
            return Code("powershell", " ".join(argv[i + 1 :]), i + 1)
        if len(option) > 1 and "-file".startswith(option):
            return Code("powershell", script="".join(argv[i + 1 : i + 2]), at=i + 1, args=tuple(argv[i + 1 :]))
        i += 2 if option.startswith(_POWERSHELL_VALUED) else 1
    if i < len(argv):
        return Code("powershell", " ".join(argv[i:]), i)
    return Code("powershell", stdin=True)


def _utf16(text: str) -> str:
    try:
        return base64.b64decode(text + "==").decode("utf-16-le")
    except (binascii.Error, ValueError):
        return ""


def _awk(argv: Sequence[str]) -> Code:
    i = 1
    while i < len(argv):
        word = argv[i]
        if word in ("-v", "-F", "--assign", "--field-separator", "-i", "-l", "--include", "--load"):
            i += 2
        elif word in ("-f", "--file"):
            return Code("awk", script=argv[i + 1] if i + 1 < len(argv) else "", at=i + 1)
        elif word == "--":
            i += 1
            break
        elif word[:1] == "-" and len(word) > 1:
            i += 1
        else:
            break
    if i < len(argv):
        return Code("awk", argv[i], i, args=tuple(argv[i + 1 :]))
    return Code("awk", stdin=True)
