"""One command of the walk: unwrap it, follow functions, code and options that are commands, derive its facts.

Knows nothing of lists and pipelines. Invariant: every program met is drafted exactly once, and every text that a
program would hand to a shell goes back into the walk.
"""

import re
from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

from gw.defender.shell import escapes
from gw.defender.shell.builtins import BUILTINS
from gw.defender.shell.code import inspect, is_web_shell
from gw.defender.shell.context import Context
from gw.defender.shell.draft import Draft
from gw.defender.shell.effects.deletion import kept_tests
from gw.defender.shell.effects.files import COMPILERS
from gw.defender.shell.facts import derive
from gw.defender.shell.filters import evaluate
from gw.defender.shell.interpret import run_code, run_variables, starts_shell
from gw.defender.shell.interpreters import code_of
from gw.defender.shell.lexer import PRINTABLE_ESCAPE, WINDOW
from gw.defender.shell.names import names
from gw.defender.shell.output import marks_of
from gw.defender.shell.paths import ANYBODYS, normalise
from gw.defender.shell.programs import Profile, profile
from gw.defender.shell.registries import is_foreign_settings
from gw.defender.shell.settings import only_set
from gw.defender.shell.stream import (
    EMPTY,
    EXPANDED,
    FETCHED,
    GLOB,
    HOST,
    LOCAL,
    SECRET,
    UNKNOWN,
    UNRESOLVED,
    Stream,
)
from gw.defender.shell.wrappers import PRIVILEGED, Inner, is_assignment
from gw.defender.shell.xargs import invocations
from gw.model.shell import NodeRole

if TYPE_CHECKING:
    from gw.defender.shell.walk import Walker

# A pattern that may stand for a program: a path, or small letters; `[Mod]` and `**` are prose.
_PATTERN_PROGRAM = re.compile(r"[./~]*/[^()]*|[a-z0-9?*\[\]_.-]*[a-z?][a-z0-9?*\[\]_.-]*")
# `!/bin/sh`, `:!sh`: what people type at the prompt of an editor or pager.
_PROMPT_ESCAPE = re.compile(r":?!(?:/|\.{1,2}/|(?:ba|da|z|k|c|tc|a)?sh$)")

# Where nobody looks: below a dot among temporary files, or in memory.
_HIDDEN = re.compile(
    r"/(?:var/)?tmp/(?:[^/]{1,64}/){0,4}\.[^/.][^/]{0,64}(?:/[^/]{1,64})?$|/dev/(?:shm|mqueue)/(?:\.[^/]|[^/]{1,64}$)"
)

_SPECIAL = frozenset("\"'`$\\|&;()<>{}*?[#~\n=!")

MAX_WRAPPERS = 12
MAX_INNER = 8  # commands of one find or parallel

# Wrappers that are programs of weight themselves: they get a draft besides that of the command they run.
_OWN_DRAFT = names(
    "find fd fdfind ssh autossh systemd-run gcloud docker podman kubectl lxc screen tmux script nsenter aws az heroku"
    " fly flyctl vagrant cf op doppler chamber multipass minikube mosh xterm"
    " ld.so ld-linux.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-musl-x86_64.so.1"
)
LISTERS = frozenset(("find", "fd"))  # they print paths
_SEVERAL = frozenset(("!", "-not", "-o", "-or", ","))
# In front of the command in a unit, or in a table of jobs: five fields or a word for them, and perhaps a user.
_WHEN = re.compile(
    r"\s*Exec\w{0,16}=[-@:+!]?|\s*(?:(?:[\d*/,-]{1,32}\s+){5}|@\w{1,16}\s+)(?:root\s+|www-data\s+|nobody\s+)?"
)
_FILTERS_OF_FIND = names("-name -iname -path -regex -mtime -size -empty -newer -mmin -iregex -wholename -user -perm")


def run(walker: "Walker", argv: list[str], marks: list[int], context: Context) -> Stream:
    """Walk one command given as fields; return its output."""
    program: str | None = argv[0]
    if marks[0] or "/" in argv[0]:
        program = _program(walker, argv[0], marks[0])
        if program is None:
            return _unknown(walker, argv, marks, context)
    assert program is not None
    if walker.aliases and program in walker.aliases and program not in walker.called:
        walker.called.append(program)
        output = _alias(walker, walker.aliases[program], argv, marks, context)
        walker.called.pop()
        return output
    known = profile(program)
    if known.inner is not None:
        inner = known.inner(argv)
        if inner:
            return _wrapper(walker, program, argv, marks, context, inner)
    if walker.functions and program in walker.functions:
        walker.drafts.append(walker.draft(program, argv, marks, context))
        return walker.call(program, argv, context.stdin)
    return _plain(walker, program, known, argv, marks, context)


def _alias(walker: "Walker", meaning: str, argv: list[str], marks: list[int], context: Context) -> Stream:
    """What an alias stands for, followed by the words behind its name."""
    words = meaning.split()
    if words and not _SPECIAL.intersection(meaning):
        return run(walker, words + argv[1:], [0] * len(words) + marks[1:], context)
    return walker.text(" ".join([meaning, *map(quote, argv[1:])]), context)


def _program(walker: "Walker", word: str, marks: int) -> str | None:
    """The base name; None when an expansion or a pattern hides it."""
    name = word.rpartition("/")[2] or word
    if marks & (UNRESOLVED | GLOB):
        if name and "$(" not in word and not any(c in name for c in "$`*?["):
            return name
        if marks & UNRESOLVED:
            walker.signals.add("shell.unresolved-program")
            return None
        if _PATTERN_PROGRAM.fullmatch(word[:256]) and not (word[0] == "[" and word[-1] == "]"):
            walker.signals.add("shell.pattern-program")
            return None
    return name


def _unknown(walker: "Walker", argv: list[str], marks: list[int], context: Context) -> Stream:
    draft = walker.draft(None, argv, marks, context)
    if marks[0] & FETCHED:
        draft.facts.add("executes-fetched")
    walker.write_redirects(draft, context)
    derive(draft, profile(""))
    if "raw-network" in draft.facts and "-i" in argv:
        draft.facts.add("reverse-shell")  # whatever its name, it is to be typed into
    walker.drafts.append(draft)
    return Stream(None, marks_of(draft, source=False))


# --- wrappers ---------------------------------------------------------------------------------------------------------


def _wrapper(
    walker: "Walker", program: str, argv: list[str], marks: list[int], context: Context, inner: Sequence[Inner]
) -> Stream:
    output = UNKNOWN
    own = program in _OWN_DRAFT
    if own:
        _plain(walker, program, profile(program), argv, marks, context)
    elif program in ("env", "sudo"):
        _env_words(argv[: inner[0].start or len(argv)], context)
    for found in inner[:MAX_INNER]:
        wrapped = context.inside(program, stdin=context.stdin, privileged=program in PRIVILEGED)
        wrapped.env, wrapped.redirects = context.env, () if own else context.redirects
        if len(wrapped.wrappers) > MAX_WRAPPERS:
            walker.signals.add("shell.too-deep")
            break
        if found.text is not None:
            output = walker.text(found.text, wrapped)
            continue
        words, word_marks = argv[found.start : found.end], marks[found.start : found.end]
        if not words:
            continue
        if program == "xargs":
            output = _xargs(walker, argv[: found.start], words, word_marks, wrapped)
            continue
        if own:
            words = _found(argv, words)
        first = len(walker.drafts)
        output = run(walker, words, word_marks, wrapped)
        if own:
            for draft in walker.drafts[first:]:
                draft.role = NodeRole.INLINE  # it shares the span of the wrapper's own draft
    return output


def _env_words(argv: list[str], context: Context) -> None:
    env = dict(context.env)
    for word in argv[1:8]:
        name, equals, value = word.partition("=")
        if equals and is_assignment(word):
            env[name] = Stream(value)
    context.env = env


def _xargs(walker: "Walker", options: list[str], words: list[str], marks: list[int], context: Context) -> Stream:
    stdin, context.stdin = context.stdin, None
    words, marks = _with_listing(walker, words, marks, stdin)
    output = UNKNOWN
    found, complete = invocations(options, words, marks, stdin)
    if not complete:
        walker.signals.add("shell.too-long")
    for placed, placed_marks in found:
        output = run(walker, placed, placed_marks, context)
    return output


def _with_listing(
    walker: "Walker", words: list[str], marks: list[int], stdin: Stream | None
) -> tuple[list[str], list[int]]:
    """`find DIR | xargs rm`: what is listed there is what it gets."""
    if stdin is None or stdin.text is not None or not walker.drafts:
        return words, marks
    lister = walker.drafts[-1]
    if lister.program not in LISTERS and lister.program != "ls":
        return words, marks
    return [*words, place_of(lister.argv)], [*marks, EXPANDED]


def place_of(argv: Sequence[str]) -> str:
    """Where find starts; somewhere below when it filters, or what it looks for when it looks for one name."""
    root = next((a for a in argv[1:] if a[:1] not in "-(!"), ".")
    if "-name" in argv[:-1] and _SEVERAL.isdisjoint(argv):
        return root.rstrip("/") + "/" + argv[list(argv).index("-name") + 1]
    return root.rstrip("/") + ("/" if _FILTERS_OF_FIND.isdisjoint(kept_tests(argv)) else "/{}")


def _found(argv: list[str], words: list[str]) -> list[str]:
    """Replace `{}` by where find starts: deleting what is found there deletes there."""
    place = place_of(argv)
    return [place if w == "{}" else w for w in words]


# --- plain programs ---------------------------------------------------------------------------------------------------


def _plain(
    walker: "Walker", program: str, known: Profile, argv: list[str], marks: list[int], context: Context
) -> Stream:
    draft = walker.draft(program, argv, marks, context)
    if context.redirects:
        walker.write_redirects(draft, context)
    derive(draft, known)
    walker.drafts.append(draft)
    if walker.isolated:
        draft.facts.discard("clears-history")  # a subshell's history is its own
    if walker.armed and not known.passive and walker.base is None and not _is_walked(walker, draft, known):
        draft.facts |= walker.armed
    if argv[0][:1] in "!:/{":
        draft.facts |= _by_its_place(argv[0])
        if argv[0].startswith(ANYBODYS) and argv[1:] == ["-p"]:
            draft.facts.add("root-shell")  # a copy of a shell that keeps its owner's rights
    if context.env:
        run_variables(walker, draft, context)
    if known.interpreter:
        code = code_of(program, argv)
        if code is not None:
            return run_code(walker, draft, code, context)
    builtin = BUILTINS.get(program)
    if builtin is not None:
        builtin(walker, draft, context)
    if known.escapes:
        _escapes(walker, draft, context)
    for word in argv[1:] if known.quiet else ():
        if "\\" in word and len(PRINTABLE_ESCAPE.findall(word, 0, WINDOW)) > 2:
            walker.obscured = True  # letters that need no escape are written as one
    if walker.files:
        _known_files(walker, draft, known, context)
    if walker.captures or draft.writes:
        return _output(walker, draft, known, context)
    return UNKNOWN


def _by_its_place(word: str) -> set[str]:
    """What the first word says as it is written: `:!sh` of a prompt, `/tmp/.x` of something that is not to be seen."""
    if word[:1] == "/":
        return {"hidden-program"} if _HIDDEN.match(word) else set()
    if word == "{}":
        return {"executes-input"}  # xargs: each item is a program
    return {"shell-escape", "escapes-to-shell"} if _PROMPT_ESCAPE.match(word) else set()


def _output(walker: "Walker", draft: Draft, known: Profile, context: Context) -> Stream:
    """What it prints, as far as known; remembered when it goes to a file."""
    marks = marks_of(draft, source=known.sources)
    unresolved = 0
    for mark in draft.marks if any(draft.marks) else ():
        marks |= mark & (SECRET | FETCHED | LOCAL | HOST)
        unresolved |= mark & UNRESOLVED
    text = None
    if known.filters and not unresolved:
        text = _printed(walker, draft, context)
    stream = Stream(text, marks if text is None else marks | EXPANDED)
    if draft.output is EMPTY:
        stream = EMPTY
    if draft.writes:
        _remember(walker, draft, stream, context)
        if known.filters:
            if text is not None and "writes-startup" in draft.facts and all(only_set(p, text) for p in draft.writes):
                draft.facts.discard("writes-startup")
            text = " ".join(draft.argv[1:]) if text is None else text
            walker.armed |= _arms(text)
            if "writes-startup" in draft.facts:
                _started_later(walker, draft, text, context)
            if is_web_shell(draft.writes[-1], text):
                draft.facts.add("plants-web-shell")
            if is_foreign_settings(draft.writes[-1], text):
                draft.facts.add("installs-remote")
    return EMPTY if draft.redirected else stream


def _printed(walker: "Walker", draft: Draft, context: Context) -> str | None:
    """The output of a filter, whose input is a pipe or a file this line wrote."""
    arguments = draft.argv[1:]
    stdin = context.stdin
    if walker.files and arguments:
        content = walker.files.get(normalise(arguments[-1], walker.cwd))
        if content is not None:
            stdin, arguments = content, arguments[:-1]
    return evaluate(draft.program or "", arguments, None if stdin is None else stdin.text)


def _arms(text: str) -> set[str]:
    """What a file with this content does to a program that reads it later in the line."""
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    if "sh" not in text and "cmd.exe" not in text:
        return set()
    if "reverse-shell" in inspect("", text).facts:
        return {"reverse-shell"}
    return escapes.shown_facts(text)


def _started_later(walker: "Walker", draft: Draft, text: str, context: Context) -> None:
    """Lines written to a start-up file or a table of jobs are commands, only later."""
    for line in text.splitlines()[:MAX_INNER]:
        when = _WHEN.match(line, 0, WINDOW)
        walker.text(line[when.end() if when else 0 :], context.inside(draft.program or ""))


def _remember(walker: "Walker", draft: Draft, stream: Stream, context: Context) -> None:
    files = walker.files
    if draft.redirects:
        append = any(operator == ">>" for operator, _fd, _target in context.redirects)
        for path in draft.redirects:
            old = files.get(path) if append else None
            if old is None:
                files[path] = stream
            else:
                text = None if old.text is None or stream.text is None else old.text + stream.text
                files[path] = Stream(text, old.marks | stream.marks)
    elif draft.program in ("tee", "dd", "sponge"):
        for path in draft.writes:
            files[path] = stream
    elif draft.program in COMPILERS:
        sources = [files[path].marks for path in draft.reads if path in files]
        if any(mark & FETCHED for mark in (stream.marks, *sources)):
            files[draft.writes[0]] = Stream(None, FETCHED)
    elif draft.fetches:
        for path in draft.writes:
            files[path] = Stream(None, FETCHED)
    elif draft.program in ("cp", "mv", "install", "ln") and draft.reads and draft.reads[0] in files:
        files[draft.writes[-1]] = files[draft.reads[0]]


def _is_walked(walker: "Walker", draft: Draft, known: Profile) -> bool:
    """It is, or runs, a script this line wrote: what that does is known, and need not be feared."""
    scripts = draft.argv[: 2 if known.interpreter else 1]
    return any(walker.files.get(normalise(script, walker.cwd), UNKNOWN).text is not None for script in scripts)


def _known_files(walker: "Walker", draft: Draft, known: Profile, context: Context) -> None:
    """`./x` and `java -jar x` after this line wrote x; `tool <(text)`, where the text may be what that tool runs."""
    argv = draft.argv
    for word in () if known.passive or known.filters else argv[1:]:
        if word.startswith("/dev/fd/") and (given := walker.files.get(word)) is not None:
            draft.facts |= _arms(given.text or "")
    started = argv[0] if "/" in argv[0] else draft.value("-jar") if draft.program == "java" else None
    content = None if started is None else walker.files.get(normalise(started, walker.cwd))
    if content is None:
        return
    if content.marks & FETCHED:
        draft.facts.add("executes-download")
    elif content.text:
        walker.text(content.text, context)


def _escapes(walker: "Walker", draft: Draft, context: Context) -> None:
    """Options whose value is a command."""
    for told in escapes.told(draft):
        if not told.usual:
            draft.facts.add("shell-escape")
            if starts_shell(told.text):
                draft.facts.add("escapes-to-shell")
            draft.facts |= inspect("python", told.text).facts & {"reverse-shell"}
        walker.text(told.text, context.inside(draft.program or ""))
