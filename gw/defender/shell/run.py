"""One command of the walk: unwrap it, follow functions, code and options that are commands, derive its facts.

Knows nothing of lists and pipelines. Invariant: every program met is drafted exactly once, and every text that a program
would hand to a shell goes back into the walk.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gw.defender.shell import escapes
from gw.defender.shell.builtins import BUILTINS
from gw.defender.shell.code import inspect
from gw.defender.shell.context import Context
from gw.defender.shell.draft import Draft
from gw.defender.shell.facts import check_paths, derive
from gw.defender.shell.effects.deletion import deletes
from gw.defender.shell.filters import evaluate
from gw.defender.shell.interpreters import SHELLS, Code, code_of
from gw.defender.shell.output import feeds_interpreter, marks_of
from gw.defender.shell.paths import normalise
from gw.defender.shell.programs import Profile, profile
from gw.defender.shell.stream import (
    DECODED,
    EMPTY,
    EXPANDED,
    FETCHED,
    GLOB,
    HOST,
    LOCAL,
    PARTIAL,
    SECRET,
    UNKNOWN,
    UNRESOLVED,
    Stream,
)
from gw.defender.shell.wrappers import PRIVILEGED, Inner
from gw.model.shell import NodeRole

if TYPE_CHECKING:
    from gw.defender.shell.walk import Walker

# A pattern that may stand for a program: a path, or small letters; `[Mod]` and `**` are prose.
_PATTERN_PROGRAM = re.compile(r"[./~]*/[^()]*|[a-z0-9?*\[\]_.-]*[a-z?][a-z0-9?*\[\]_.-]*")
# `!/bin/sh`, `:!sh`: what people type at the prompt of an editor or pager.
_PROMPT_ESCAPE = re.compile(r":?!(?:/|\.{1,2}/|(?:ba|da|z|k|c|tc|a)?sh$)")

MAX_WRAPPERS = 12
MAX_INNER = 8  # commands of one find or parallel
MAX_STDIN_WORDS = 64

# Wrappers that are programs of weight themselves: they get a draft besides that of the command they run.
_OWN_DRAFT = frozenset(
    ("find", "fd", "fdfind", "ssh", "docker", "podman", "kubectl", "lxc", "screen", "tmux", "script", "nsenter")
)
# An interactive shell behind one of these is how people work; behind anything else it is an escape.
_USUAL_SHELL_WRAPPERS = frozenset(
    "docker podman kubectl nerdctl oc lxc docker-compose ssh command builtin tmux screen exec nsenter".split()
)
# Behind these a shell is how people administer a machine; held, not blocked.
_ADMINISTRATIVE = _USUAL_SHELL_WRAPPERS | {
    "sudo", "su", "doas", "chroot", "env", "nice", "time", "nohup", "script", "unshare", "firejail", "gosu", "su-exec",
    "setpriv", "runuser", "pkexec", "strace", "flock", "xargs", "bash", "sh", "zsh", "eval", "setsid", "systemd-run",
}  # fmt: skip
_STANDARD = frozenset(("0", "1", "2", "-"))
_FILTERS_OF_FIND = frozenset(
    "-name -iname -path -regex -mtime -size -empty -newer -mmin -iregex -wholename -user -perm".split()
)


def run(walker: "Walker", argv: list[str], marks: list[int], context: Context) -> Stream:
    """Walk one command given as fields; return its output."""
    program = _program(walker, argv[0], marks[0])
    if program is None:
        return _unknown(walker, argv, marks, context)
    if walker.aliases and program in walker.aliases and program not in walker.called:
        walker.called.append(program)
        output = walker.text(" ".join([walker.aliases[program], *argv[1:]]), context)
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
    walker.drafts.append(draft)
    return Stream(None, marks_of(draft, source=False))


# --- wrappers -----------------------------------------------------------------------------------------------------------


def _wrapper(
    walker: "Walker", program: str, argv: list[str], marks: list[int], context: Context, inner: Sequence[Inner]
) -> Stream:
    output = UNKNOWN
    own = program in _OWN_DRAFT
    if own:
        _plain(walker, program, profile(program), argv, marks, context)
    elif program == "env":
        _env_words(argv, context)
    for found in inner[:MAX_INNER]:
        wrapped = context.inside(program, stdin=context.stdin, privileged=program in PRIVILEGED)
        wrapped.env, wrapped.redirects = context.env, [] if own else context.redirects
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
            if not {"-a", "-o", "--arg-file", "--open-tty"} & set(argv[: found.start]):
                words, word_marks = _with_input(words, word_marks, context.stdin)
            wrapped.stdin = None
        elif own:
            words = _found(argv, words)
        first = len(walker.drafts)
        output = run(walker, words, word_marks, wrapped)
        if own:
            for draft in walker.drafts[first:]:
                draft.role = NodeRole.INLINE  # it shares the span of the wrapper's own draft
    return output


def _starts_shell(text: str) -> bool:
    """Whether a command line is a shell to be typed into, or one that starts such a shell."""
    words = text.replace(",", " ").split()
    if not words or words[0].rpartition("/")[2] not in SHELLS:
        return False
    return len(words) == 1 or escapes.is_command(" ".join(words[1:])) or not any(w in ("-c", "-lc") for w in words[:3])


def _env_words(argv: list[str], context: Context) -> None:
    context.env = dict(context.env)
    for word in argv[1:8]:
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            context.env[name] = Stream(value)


def _with_input(words: list[str], marks: list[int], stdin: Stream | None) -> tuple[list[str], list[int]]:
    """Append what xargs will append, when its input is known."""
    if stdin is None:
        return words, marks
    if stdin.text is not None:
        more = stdin.text.split()[:MAX_STDIN_WORDS]
        if any("{}" in w for w in words) and len(more) == 1:
            return [w.replace("{}", more[0]) for w in words], marks
        return words + more, marks + [stdin.marks | EXPANDED] * len(more)
    return words, [m | (stdin.marks & SECRET) for m in marks]


def _found(argv: list[str], words: list[str]) -> list[str]:
    """Replace `{}` by where find starts: deleting what is found there deletes there."""
    root = next((a for a in argv[1:] if a[:1] not in "-(!"), ".")
    place = root if _FILTERS_OF_FIND.isdisjoint(argv) else root.rstrip("/") + "/{}"
    return [place if w == "{}" else w for w in words]


# --- plain programs -------------------------------------------------------------------------------------------------------


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
    if walker.armed and not known.passive:
        draft.facts |= walker.armed
    if argv[0][:1] in "!:" and _PROMPT_ESCAPE.match(argv[0]):
        draft.facts |= {"shell-escape", "escapes-to-shell"}
    if context.env:
        run_variables(walker, draft, context)
    if known.interpreter:
        code = code_of(program, argv)
        if code is not None:
            return _interpreter(walker, draft, code, context)
    builtin = BUILTINS.get(program)
    if builtin is not None:
        builtin(walker, draft, context)
    if known.escapes:
        _escapes(walker, draft, context)
    if walker.files and "/" in argv[0]:
        _runs_known_file(walker, draft, context)
    if walker.captures or draft.writes:
        return _output(walker, draft, known, context)
    return UNKNOWN


def _output(walker: "Walker", draft: Draft, known: Profile, context: Context) -> Stream:
    """What it prints, as far as known; remembered when it goes to a file."""
    marks = marks_of(draft, source=known.sources)
    unresolved = 0
    for mark in draft.marks:
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
            walker.armed |= _arms(" ".join(draft.argv[1:]) if text is None else text)
    return EMPTY if draft.redirected else stream


def _printed(walker: "Walker", draft: Draft, context: Context) -> str | None:
    """The output of a filter, whose input is a pipe or a file this line wrote."""
    arguments = draft.argv[1:]
    stdin = context.stdin
    if walker.files and arguments:
        content = walker.files.get(normalise(arguments[-1], walker.expander.cwd))
        if content is not None:
            stdin, arguments = content, arguments[:-1]
    return evaluate(draft.program or "", arguments, None if stdin is None else stdin.text)


def _arms(text: str) -> set[str]:
    """What a file with this content does to a program that reads it later in the line: configuration, sources, recipes."""
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    if "reverse-shell" in inspect("", text).facts:
        return {"reverse-shell"}
    return escapes.shown_facts(text)


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
    elif draft.program == "tee":
        for path in draft.writes:
            files[path] = stream
    elif draft.fetches:
        for path in draft.writes:
            files[path] = Stream(None, FETCHED)
    elif draft.program in ("cp", "mv", "install", "ln") and draft.reads and draft.reads[0] in files:
        files[draft.writes[-1]] = files[draft.reads[0]]


def _runs_known_file(walker: "Walker", draft: Draft, context: Context) -> None:
    """`./x` after this line wrote x."""
    content = walker.files.get(normalise(draft.argv[0], walker.expander.cwd))
    if content is None:
        return
    if content.marks & FETCHED:
        draft.facts.add("executes-download")
    elif content.text:
        walker.text(content.text, context)


def run_variables(walker: "Walker", draft: Draft, context: Context) -> None:
    """PAGER=..., GIT_SSH_COMMAND=...: the value is a command that the program will run."""
    for name, value in list(context.env.items())[:MAX_INNER]:
        text = value.text
        if not text or not escapes.is_command_variable(name) or not ("/" in text or " " in text or text in SHELLS):
            continue
        if name == "SHELL" and " " not in text:
            continue
        if not escapes.is_usual(text):
            draft.facts.add("shell-escape")
            if _starts_shell(text):
                draft.facts.add("escapes-to-shell")
        walker.text(text, context.inside(name))


def _escapes(walker: "Walker", draft: Draft, context: Context) -> None:
    """Options whose value is a command."""
    for told in escapes.told(draft):
        if not told.usual:
            draft.facts.add("shell-escape")
            if _starts_shell(told.text):
                draft.facts.add("escapes-to-shell")
        walker.text(told.text, context.inside(draft.program or ""))


# --- code -----------------------------------------------------------------------------------------------------------------


def _interpreter(walker: "Walker", draft: Draft, code: Code, context: Context) -> Stream:
    draft.language = code.language
    stdin = context.stdin
    for operator, _fd, target in context.redirects:
        draft.wired = draft.wired or (operator in ("<&", ">&") and target.text not in _STANDARD)
        if target.text.startswith(("/dev/tcp/", "/dev/udp/")) and code.language == "sh":
            draft.facts.add("reverse-shell")
    if code.text is not None:
        mark = draft.marks[code.at] if 0 <= code.at < len(draft.marks) else 0
        if mark & FETCHED:
            feeds_interpreter(draft, Stream(None, mark))
            _feeders(walker, draft)
        return _code(walker, draft, code, code.text, context)
    if code.script is not None and code.script not in ("/dev/stdin", "/proc/self/fd/0"):
        return run_script(walker, draft, code, context)
    if stdin is not None:
        if stdin.text is None or stdin.marks & PARTIAL:
            feeds_interpreter(draft, Stream(None, stdin.marks))
        if stdin.text is not None:
            return _code(walker, draft, code, stdin.text, context)
    if code.language == "sh":
        _grade_shell(draft, code, context)
    elif stdin is None and len(draft.argv) == 1 and not draft.wrappers:
        draft.facts.add("interactive")  # whatever is typed into it is not seen here
    return Stream(None, stdin.marks if stdin is not None else 0)


def _feeders(walker: "Walker", draft: Draft) -> None:
    """What a substitution fetched flows into the interpreter, as through a pipe."""
    for other in walker.drafts[:-1]:
        if other.output.marks & FETCHED and other.pipes_into is None:
            other.pipes_into = draft.program


def run_script(walker: "Walker", draft: Draft, code: Code, context: Context) -> Stream:
    """A script file: known when this line wrote it."""
    script = code.script or ""
    content = walker.files.get(normalise(script, walker.expander.cwd)) if script else None
    mark = draft.marks[code.at] if 0 <= code.at < len(draft.marks) else 0
    if mark & FETCHED:
        draft.facts.add("executes-fetched")
        _feeders(walker, draft)
    elif content is not None:
        if content.text is not None:
            return _code(walker, draft, code, content.text, context)
        if script.startswith("/dev/fd/"):
            feeds_interpreter(draft, content)
        elif content.marks & FETCHED:
            draft.facts.add("executes-download")
        elif content.marks & DECODED:
            draft.facts.add("executes-decoded")
    return UNKNOWN


def _grade_shell(draft: Draft, code: Code, context: Context) -> None:
    """A shell without a command: interactive, or at the end of a socket."""
    if context.stdin is None and not (draft.wrappers and _USUAL_SHELL_WRAPPERS.issuperset(draft.wrappers)):
        draft.facts.add("root-shell" if draft.privileged else "spawns-shell")
        if draft.wrappers and not _ADMINISTRATIVE.issuperset(draft.wrappers):
            draft.facts.add("escapes-to-shell")
    elif code.interactive:
        draft.facts.add("spawns-shell")


def _code(walker: "Walker", draft: Draft, code: Code, text: str, context: Context) -> Stream:
    if text.strip():
        draft.inline_code = text
    if code.language != "sh":
        return _foreign_code(walker, draft, code.language, text, context)
    inner = context.inside(draft.program or "sh", stdin=context.stdin if code.text is not None else None)
    expander = walker.expander
    positional = expander.positional
    if code.args:
        expander.positional = list(code.args)
    output = walker.text(text, inner)
    expander.positional = positional
    return output


def _foreign_code(walker: "Walker", draft: Draft, language: str, text: str, context: Context) -> Stream:
    found = inspect(language, text)
    draft.facts |= found.facts
    places = draft.paths(found.paths)
    if found.deletes and places:
        deletes(draft, places, recursive=found.recursive)
    elif found.deletes and found.recursive:
        draft.facts.add("deletes-tree")
    if places:
        if found.writes:
            draft.writes += places
        else:
            draft.reads += places
        check_paths(draft, profile(""))
    inner = context.inside(draft.program or language)
    for command in found.commands:
        first = command.split(" ", 1)[0]
        if first.startswith("/") and first.rpartition("/")[2] in SHELLS and " -c" not in command:
            draft.facts |= {"spawns-shell", "escapes-to-shell"}
        elif language == "awk" and command in SHELLS:
            draft.facts.add("executes-input")  # `print ... | "sh"`
        else:
            walker.text(command, inner)
    return Stream(None, FETCHED if "code-network" in found.facts else 0)
