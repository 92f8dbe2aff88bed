"""Code given to interpreters: shells walk on, other languages are looked at for what they start, fetch and delete.

Knows how code reaches an interpreter (argument, file, input, variable). Invariant: code whose text is known is always
walked or inspected, and code from the network or a decoder is always a fact.
"""

import re
from typing import TYPE_CHECKING

from gw.defender.shell import escapes, variables
from gw.defender.shell.code import inspect, is_inert
from gw.defender.shell.context import Context
from gw.defender.shell.draft import Draft
from gw.defender.shell.effects.deletion import deletes
from gw.defender.shell.effects.tools import attack, mine
from gw.defender.shell.facts import check_paths
from gw.defender.shell.interpreters import SHELLS, Code, shell_code
from gw.defender.shell.names import names
from gw.defender.shell.output import feeds_interpreter
from gw.defender.shell.paths import ANYBODYS, normalise
from gw.defender.shell.programs import profile
from gw.defender.shell.stream import DECODED, FETCHED, LOCAL, PARTIAL, UNKNOWN, UNRESOLVED, Stream
from gw.model.decision import Span

if TYPE_CHECKING:
    from gw.defender.shell.walk import Walker

MAX_VARIABLES = 8  # of one command that are looked at

# An interactive shell behind one of these is how people work; behind anything else it is an escape.
_USUAL_SHELL_WRAPPERS = names(
    "docker podman kubectl nerdctl oc lxc docker-compose ssh command builtin tmux screen exec nsenter aws az gcloud"
    " heroku fly flyctl vagrant cf multipass minikube limactl lxc-attach pct distrobox toolbox schroot apptainer mosh"
    " singularity"
)
# Behind these a shell is how people administer a machine; held, not blocked.
_ADMINISTRATIVE = _USUAL_SHELL_WRAPPERS | {
    "sudo", "su", "doas", "chroot", "env", "nice", "time", "nohup", "script", "unshare", "firejail", "gosu", "su-exec",
    "setpriv", "runuser", "pkexec", "strace", "flock", "xargs", "bash", "sh", "zsh", "eval", "setsid", "systemd-run",
    "xterm", "gnome-terminal", "konsole", "xfce4-terminal", "terminator", "tilix", "alacritty", "ghostty", "kitty",
    "foot", "wezterm", "zellij", "dtach", "abduco", "guix", "nix", "nix-shell", "conda", "poetry", "pipenv", "uv",
}  # fmt: skip
_ONE_BY_ONE = frozenset(("xargs", "find", "fd", "fdfind"))  # `xargs -I{} sh -c '{}'`: each item is a command
# Nobody bends a shell's own descriptors this way but to get one out of a program that has taken them.
_TO_TERMINAL = frozenset(((">&", 1, "0"), (">&", 2, "0"), ("<&", 0, "1"), ("<&", 0, "2")))
# `-p`: a shell that is set-user-id keeps its owner's rights; nobody else needs that option.
_KEEPS_RIGHTS = names("bash sh dash ksh zsh ash mksh")
_KEEPING = re.compile(r"-[a-z]*p")
_STANDARD = frozenset(("0", "1", "2", "-"))


def run_code(walker: "Walker", draft: Draft, code: Code, context: Context) -> Stream:
    draft.language = code.language
    stdin = context.stdin
    if draft.program in _KEEPS_RIGHTS and _KEEPING.match(draft.argv[1] if len(draft.argv) > 1 else ""):
        draft.facts.add("root-shell")
    for operator, fd, target in context.redirects:
        draft.wired = draft.wired or (operator in ("<&", ">&") and target.text not in _STANDARD)
        if target.text.startswith(("/dev/tcp/", "/dev/udp/")) and code.language == "sh":
            draft.facts.add("reverse-shell")
        if code.language == "sh" and code.stdin and (operator, fd, target.text) in _TO_TERMINAL:
            draft.facts.add("spawns-shell")
    if code.hidden:
        draft.facts.add("executes-encoded" if code.text else "executes-decoded")
    if code.text is not None:
        mark = draft.marks[code.at] if 0 <= code.at < len(draft.marks) else 0
        if mark & (FETCHED | DECODED):
            feeds_interpreter(draft, Stream(code.text if mark & UNRESOLVED == 0 else None, mark))
        if mark & FETCHED:
            _feeders(walker, draft)
        return _run_text(walker, draft, code, code.text, context)
    if code.script is not None and code.script not in ("/dev/stdin", "/proc/self/fd/0"):
        return run_script(walker, draft, code, context)
    if stdin is not None:
        if stdin.text is None and stdin.marks == LOCAL and _is_file(context):
            return UNKNOWN  # `sh < script` is `sh script`
        if stdin.text is None or stdin.marks & (PARTIAL | DECODED):
            feeds_interpreter(draft, stdin if stdin.marks & DECODED else Stream(None, stdin.marks))
        if stdin.text is not None:
            return _run_text(walker, draft, code, stdin.text, context)
    if code.language == "sh":
        _grade_shell(draft, code, context)
    elif stdin is None and len(draft.argv) == 1 and not draft.wrappers:
        draft.facts.add("interactive")  # whatever is typed into it is not seen here
    return Stream(None, stdin.marks if stdin is not None else 0)


def _is_file(context: Context) -> bool:
    """Whether the input is a file with a name of its own."""
    return any(
        op == "<" and not target.marks and not target.text.startswith(("/dev/", "/proc/"))
        for op, _, target in context.redirects
    )


def _feeders(walker: "Walker", draft: Draft) -> None:
    """What a substitution fetched flows into the interpreter, as through a pipe."""
    for other in walker.drafts[:-1]:
        if other.output.marks & FETCHED and other.pipes_into is None:
            other.pipes_into = draft.program


def run_script(walker: "Walker", draft: Draft, code: Code, context: Context) -> Stream:
    """A script file: known when this line wrote it."""
    script = code.script or ""
    content = walker.files.get(normalise(script, walker.cwd)) if script else None
    named = profile(script.rpartition("/")[2]).effect if script else None
    if named is attack or named is mine:
        named(draft)
    mark = draft.marks[code.at] if 0 <= code.at < len(draft.marks) else 0
    if mark & FETCHED:
        draft.facts.add("executes-fetched")
        _feeders(walker, draft)
    elif "*" in script and script.startswith(ANYBODYS):
        draft.facts.add("executes-input")  # whatever anybody has put there
    elif content is not None:
        if content.marks & DECODED and not content.marks & FETCHED:
            draft.facts.add("executes-encoded")
        if content.text is not None:
            return _run_text(walker, draft, code, content.text, context)
        if script.startswith("/dev/fd/"):
            feeds_interpreter(draft, content)
        elif content.marks & FETCHED:
            draft.facts.add("executes-download")
    return UNKNOWN


def _grade_shell(draft: Draft, code: Code, context: Context) -> None:
    """A shell without a command: interactive, or at the end of a socket."""
    if context.stdin is None and not draft.wrappers and len(draft.argv) == 1 and "/" not in draft.argv[0]:
        draft.facts.add("interactive")  # what is typed into it is judged when it is typed
    elif context.stdin is None and not (draft.wrappers and _USUAL_SHELL_WRAPPERS.issuperset(draft.wrappers)):
        draft.facts.add("root-shell" if draft.privileged else "spawns-shell")
        if draft.wrappers and not _ADMINISTRATIVE.issuperset(draft.wrappers):
            draft.facts.add("escapes-to-shell")
    elif code.interactive:
        draft.facts.add("spawns-shell")


def _run_text(walker: "Walker", draft: Draft, code: Code, text: str, context: Context) -> Stream:
    if text.strip():
        draft.inline_code = text
    if code.language != "sh":
        return _run_foreign(walker, draft, code.language, text, context)
    if text.strip("\"' ") == "{}" and not _ONE_BY_ONE.isdisjoint(draft.wrappers):
        draft.facts.add("executes-input")
    inner = context.inside(draft.program or "sh", stdin=context.stdin if code.text is not None else None)
    positional = walker.positional
    if code.args:
        walker.positional = list(code.args)
    output = walker.text(text, inner)
    walker.positional = positional
    return output


def _run_foreign(walker: "Walker", draft: Draft, language: str, text: str, context: Context) -> Stream:
    found = inspect(language, text)
    draft.facts |= found.facts
    places = draft.paths(found.paths)
    if found.deletes and places:
        deletes(draft, places, recursive=found.recursive)
    elif found.removed:
        deletes(draft, draft.paths(found.removed), recursive=True)
    elif found.deletes and found.recursive:
        draft.facts.add("deletes-tree")
    if places:
        if found.writes:
            draft.writes += places
        if found.reads or not found.writes:
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
    return Stream(None, FETCHED if found.facts & {"code-network", "code-fetches"} else 0)


def run_variables(walker: "Walker", draft: Draft, context: Context) -> None:
    """PAGER=..., GIT_SSH_COMMAND=...: the value is a command that the program will run."""
    for name, value in list(context.env.items())[:MAX_VARIABLES]:
        text = value.text
        if text and name == "PROMPT_COMMAND":
            walker.text(text, context.inside(name))
        line = variables.as_line(name, text) if text else None
        if line is not None:
            walker.text(line, context.inside(name))
        if not text or not variables.is_command_variable(name) or not ("/" in text or " " in text or text in SHELLS):
            continue
        if name == "SHELL" and " " not in text:
            continue
        if not escapes.is_usual(text):
            draft.facts.add("shell-escape")
            if starts_shell(text):
                draft.facts.add("escapes-to-shell")
        walker.text(text, context.inside(name))


_REDIRECTION = re.compile(r"\d*[<>]&?\d*(?!\()$|\d*[<>]{1,2}[^(]")
# `:(){:|:&};:`, as shells read it that want no blank behind the brace.
_COMPACT_BOMB = re.compile(r"([\w:.]{1,32})\s*\(\)\s*\{\s*\1\s*\|\s*\1\s*&")


# Words of PowerShell that no other language has.
_POWERSHELL_LINE = re.compile(r"\b(?:New-Object|Invoke-\w+|IEX|powershell|pwsh)\b", re.I)
_OF_FOREIGN_CODE = frozenset(("reverse-shell", "executes-fetched", "executes-decoded"))


def foreign(walker: "Walker", text: str) -> None:
    """A line that is no shell text may be code of another language, on its way to somebody's interpreter."""
    powershell = _POWERSHELL_LINE.search(text, 0, 1024) is not None
    facts: set[str] = set()
    if powershell or not is_inert(text):
        found = inspect("powershell" if powershell else "", text)
        facts |= found.facts & (_OF_FOREIGN_CODE if powershell else {"reverse-shell"})
        first = walker.drafts[0].program if walker.drafts else None
        if first is None or not (profile(first).passive or profile(first).cites):
            for command in found.commands:
                walker.text(command, Context(Span(0, len(text)), None, ("",)))
    if "()" in text and _COMPACT_BOMB.search(text, 0, 1024):
        facts.add("fork-bomb")
    if facts:
        draft = Draft("", ("", text), (0, 0), Span(0, len(text)))
        draft.facts |= facts
        walker.drafts.append(draft)


def starts_shell(text: str) -> bool:
    """Whether a command line is a shell to be typed into, or one that starts such a shell."""
    words = text.replace(",", " ").split()
    if not words or words[0].rpartition("/")[2] not in SHELLS or "<<" in text:
        return False
    if len(words) == 1 or "," in text[: len(words[0]) + 1] or escapes.is_command(" ".join(words[1:])):
        return True
    code = shell_code([w for w in words if not _REDIRECTION.match(w)])
    return code is not None and code.stdin
