"""Shell builtins that change the walk: cd, eval, source, trap, alias, export, read; and crontab and at, which store
commands.

Each is a function of the walker, the drafted command and its context. Invariant: what a builtin would execute is
walked.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gw.defender.shell.context import Context
from gw.defender.shell.draft import Draft
from gw.defender.shell.filters import evaluate
from gw.defender.shell.interpret import run_script, run_variables
from gw.defender.shell.interpreters import Code
from gw.defender.shell.output import feeds_interpreter
from gw.defender.shell.paths import ANYBODYS, normalise
from gw.defender.shell.stream import DECODED, EXPANDED, FETCHED, UNRESOLVED, Stream

if TYPE_CHECKING:
    from gw.defender.shell.walk import Walker

# `eval "$(ssh-agent -s)"` and its like: programs made to print settings for the shell.
_PRINTS_ENVIRONMENT = re.compile(
    r"[$`(]{1,2}\s*[\w./-]+(?:\s+[\w.=/~-]+){0,4}\s+"
    r"(?:-s|-c|-|env|init|hook|shellenv|completion|activate|--init|--shell|bash|zsh|docker-env)(?:\s+[\w-]+)?\s*[)`]"
    r"|[$`(]{1,2}\s*(?:ssh-agent|dircolors|lesspipe|resize|brew shellenv|thefuck --alias)[^;|&<>$`]*[)`]"
)
# Whoever stands in for one of these is told a password.
_ASK_PASSWORDS = frozenset(("sudo", "su", "doas", "passwd"))
MAX_JOBS = 8  # lines of a crontab or makefile that are walked

Builtin = Callable[["Walker", Draft, Context], None]


def _cd(walker: "Walker", draft: Draft, _context: Context) -> None:
    target = draft.operands[0] if draft.operands else "~"
    walker.cwd = None if target == "-" or "$" in target else normalise(target, walker.cwd)


def _eval(walker: "Walker", draft: Draft, context: Context) -> None:
    marks = 0
    for mark in draft.marks[1:]:
        marks |= mark
    text = " ".join(draft.argv[1:])
    if marks & (FETCHED | DECODED):
        feeds_interpreter(draft, Stream(None if marks & UNRESOLVED else text, marks))
    if not marks & FETCHED and not _PRINTS_ENVIRONMENT.fullmatch(text[:256]):
        walker.text(text, context.inside("eval", stdin=context.stdin))


def _source(walker: "Walker", draft: Draft, context: Context) -> None:
    if draft.operands[:1] == ["/dev/stdin"] and context.stdin is not None:
        feeds_interpreter(draft, context.stdin)
        walker.text(context.stdin.text or "", context)
    elif draft.operands:
        run_script(walker, draft, Code("sh", script=draft.operands[0], at=1), context)


def _trap(walker: "Walker", draft: Draft, context: Context) -> None:
    if len(draft.operands) > 1:
        walker.text(draft.operands[0], context)


def _alias(walker: "Walker", draft: Draft, context: Context) -> None:
    for word in draft.operands:
        name, equals, value = word.partition("=")
        if equals:
            walker.aliases[name] = value
            if value.startswith(ANYBODYS) or (name in _ASK_PASSWORDS and _ASK_PASSWORDS.isdisjoint(value.split())):
                draft.facts.add("hijacks-path")
            walker.text(value, context)


def _export(walker: "Walker", draft: Draft, context: Context) -> None:
    named = Context(context.span, None, context.wrappers, privileged=context.privileged)
    for word, mark in zip(draft.argv[1:], draft.marks[1:], strict=True):
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            walker.variables[name] = Stream(None if mark & UNRESOLVED else value, mark)
            named.env = {**named.env, name: Stream(value)}
    run_variables(walker, draft, named)


def _schedule(walker: "Walker", draft: Draft, context: Context) -> None:
    """`at` and `crontab -` read commands from their input."""
    text = context.stdin.text if context.stdin is not None else None
    if not text or "schedules" not in draft.facts:
        return
    for line in text.splitlines()[:MAX_JOBS]:
        if draft.program == "crontab":
            line = line.partition(" ")[2] if line.startswith("@") else "".join(line.split(None, 5)[5:])
        walker.text(line, context.inside(draft.program or ""))


def _read(walker: "Walker", draft: Draft, context: Context) -> None:
    """`read x <<< value` sets x."""
    names = [o for o in draft.operands if o.isidentifier()]
    stdin = context.stdin
    if stdin is None or not names:
        return
    values = (stdin.text or "").split(None, len(names) - 1) if stdin.text is not None else []
    for i, name in enumerate(names):
        text = values[i].strip() if i < len(values) else None
        walker.variables[name] = Stream(text, stdin.marks | EXPANDED)


def _set(walker: "Walker", draft: Draft, _context: Context) -> None:
    """`set -- words` sets `$1`, `$2`, ...; when one of them is not known, none is."""
    if "--" not in draft.argv[1:]:
        return
    at = draft.argv.index("--", 1) + 1
    unknown = any(mark & UNRESOLVED for mark in draft.marks[at:])
    walker.positional = None if unknown else ["sh", *draft.argv[at:]]


def _shift(walker: "Walker", draft: Draft, _context: Context) -> None:
    count = "".join(draft.operands[:1]) or "1"
    if walker.positional is not None:
        walker.positional = (
            [*walker.positional[:1], *walker.positional[1 + int(count[:6]) :]] if count.isdigit() else None
        )


def _hash(walker: "Walker", draft: Draft, _context: Context) -> None:
    """`hash -p /bin/rm ls` makes ls another program."""
    if draft.has("-p") and len(draft.operands) > 1:
        walker.aliases[draft.operands[1]] = draft.operands[0]
        if draft.operands[0].startswith(ANYBODYS):
            draft.facts.add("hijacks-path")


def _callback(walker: "Walker", draft: Draft, context: Context) -> None:
    """`mapfile -C command`, `complete -C command`."""
    command = draft.value("-C")
    if command:
        walker.text(command, context.inside(draft.program or ""))


def _make(walker: "Walker", draft: Draft, context: Context) -> None:
    """Recipes of a makefile that comes from the input or was written by this line."""
    name = draft.value("-f", "--file", "--makefile") or "Makefile"
    content = context.stdin if name in ("-", "/dev/stdin") else walker.files.get(normalise(name, walker.cwd))
    lines = (content.text or "").split("\n") if content is not None else []
    for line in [line for line in lines if line[:1] == "\t"][:MAX_JOBS]:
        walker.text(line.lstrip("\t @-+"), context.inside("make"))


def _remote(walker: "Walker", draft: Draft, context: Context) -> None:
    """`ssh host <<EOF`: without a command the shell over there reads the input."""
    if context.stdin is not None and context.stdin.text and len(draft.operands) < 3 and "-s" not in draft.argv:
        walker.text(context.stdin.text, context.inside("ssh"))


def _printf(walker: "Walker", draft: Draft, _context: Context) -> None:
    """`printf -v name ...` sets name."""
    if draft.argv[1:2] == ["-v"] and len(draft.argv) > 3:
        walker.variables[draft.argv[2]] = Stream(evaluate("printf", draft.argv[3:], None))


BUILTINS: Final[Mapping[str, Builtin]] = MappingProxyType(
    {
        **dict.fromkeys(("cd", "pushd"), _cd),
        "eval": _eval,
        **dict.fromkeys(("source", "."), _source),
        "trap": _trap,
        "alias": _alias,
        **dict.fromkeys(("export", "declare", "typeset", "readonly", "local"), _export),
        **dict.fromkeys(("crontab", "at", "batch"), _schedule),
        "read": _read,
        "set": _set,
        "hash": _hash,
        **dict.fromkeys(("mapfile", "readarray", "complete"), _callback),
        **dict.fromkeys(("make", "gmake"), _make),
        "shift": _shift,
        "printf": _printf,
        "ssh": _remote,
    }
)
