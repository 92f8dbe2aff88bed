"""From one drafted command to its facts: the closed vocabulary that rules are written in.

Knows the tables of effects and the meaning of paths; no syntax, no policies. Invariant: only names of FACTS are ever
added, so a policy naming another one is an error at load (gw.model.shell.FACTS).
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from gw.defender.shell import paths
from gw.defender.shell.draft import Draft, Paths
from gw.defender.shell.effects.machine import assignment
from gw.defender.shell.escapes import option_values, shown_facts, typed_facts
from gw.defender.shell.interpreters import SHELLS
from gw.defender.shell.loading import loads_code
from gw.defender.shell.names import names
from gw.defender.shell.programs import Profile
from gw.defender.shell.stream import SECRET
from gw.defender.shell.verbs import stranger

_SECRET_NAMES = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519)|\.(?:pem|ppk|kdbx|p12|pfx|netrc|pgpass|htpasswd|keystore|jks|aws|git-credentials)\b"
    r"|authorized_keys|wp-config|shadow\b|\bcredentials?\b|passwords?\b|passwd=|api[_-]?key|secret_?key|aws_secret"
    r"|(?:^|/)\.env\b|AKIA|\bgh[pousr]_|\bxox[bp]-|\bsk-"
    r"|BEGIN (?:RSA|OPENSSH|EC|PGP|PRIVATE)|private.?key|_history\b|\btokens?\b|wallet\.dat|keepass",
    re.I,
)


_SECRET_VARIABLES = re.compile(r"secret|passw|\bpass\b|token|api_?key|credential|access_?key", re.I)

# Writing to a log with one of these replaces it.
_EMPTIES = names(": true ln cp shred mv cat echo printf dd") | {""}
_RECORDS = ("/wtmp", "/btmp", "/utmp", "/lastlog", "/faillog")  # nobody writes these but the system itself
# Taking lines out of a log is covering traces, whatever is left of it.
_EDITORS = frozenset(("sed", "perl", "ed", "ex"))
_ENDLESS = frozenset(("/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"))
_SOCKETS = ("/dev/tcp/", "/dev/udp/")
# They use a key without showing it.
_KEY_USERS = names("openssl gpg ssh scp curl wget ssh-keygen socat source .")
# What they are given is a host, a command or the key they are to use; none of it is shown or copied.
_KEY_HOLDERS = names("ssh autossh mosh ssh-add ssh-keygen ssh-agent ssh-copy-id sshfs")


def derive(draft: Draft, known: Profile) -> None:
    """Fill in paths and facts of one command; argv, stdin and redirects are already there."""
    if known.effect is not None:
        known.effect(draft)
    elif not known.passive:
        if draft.flags and not draft.flags.isdisjoint(_OUTPUTS):
            _writes_output(draft)
        if draft.operands and not known.interpreter:
            stranger(draft)
    if draft.env:
        for name, value in draft.env.items():
            assignment(draft, name, value.text or "")
    check_paths(draft, known)
    if draft.stdin is not None and draft.stdin.text:
        if known.prompts:
            draft.facts |= typed_facts(draft.stdin.text)
        if (
            not (known.passive or known.filters)
            and "/shadow" in draft.stdin.text
            and _SHADOW.search(draft.stdin.text, 0, WINDOW)
        ):
            draft.facts.add("reads-secret")
    if known.loads and loads_code(draft):
        draft.facts.add("loads-library")
    if len(draft.argv) > 1 and not known.passive:
        text = " ".join(draft.argv)
        if len(text) > WINDOW or _TELLING.search(text) is not None:
            _check_words(draft, known)
        if "/tmp/" in text and _NAMES_CODE.search(text, 0, WINDOW):  # noqa: S108  compared, not opened
            draft.facts.add("loads-library")
        elif "0.0.0.0" in text and _DEBUGGED.search(text, 0, WINDOW):  # noqa: S104  compared, not bound
            draft.facts.add("shell-listener")


# An option that says by its name that its value is a program or a library, and a place where anybody may write.
_NAMES_CODE = re.compile(
    r" --?(?:[a-z]+-)*(?:binary|program|renderer|command|cmd|shell|helper|script|hook|plugin|module|preload|agent"
    r"|wrapper|provider|interpreter|loader|driver)[ =](?:/var)?/tmp/"
)
# Whoever connects to a debugger runs what he likes.
_DEBUGGED = re.compile(r"--inspect(?:-brk)?=0\.0\.0\.0|jdwp\S{0,64}address=0\.0\.0\.0|debugpy --listen 0\.0\.0\.0")
# Where programs nobody has heard of put what they make.
_OUTPUTS = names("-o -O --output --out --outfile --output-file --output-path --log-file --logfile --report-file --dest")


def _writes_output(draft: Draft) -> None:
    for value in option_values(draft.argv, tuple(_OUTPUTS)):
        if value.startswith(("/", "~", "$HOME/")):
            draft.writes += draft.paths([value])


WINDOW = 1024
_OTHERS_RIGHTS = re.compile(r"[-/+]?(?:[246][0-7]{3}|u[=+]s|g[=+]s|6000|a\+s)")
_BROAD = ("/home", "~", "/etc", "/var", "/opt", "/root")
_OWN_RIGHTS = frozenset(("-writable",))  # of whoever asks
# No word of a line without one of these is worth a closer look.
_TELLING = re.compile(r"sh\b|!|\.so|http|HTTP|ser|exe|system|spawn|open|shell|write|\\|Process|call| -S|/shadow")
_SHADOW = re.compile(r"[={(\"'@,:]/etc/g?shadow\b")  # as a value, or in a text that another program takes apart
_LIBRARY = re.compile(r"(?:^|[=:,])\.{0,2}~?/?[\w./-]*/[\w.-]+\.so(?:\.\d+)*$")
_BUILDERS = names(
    "gcc g++ cc c++ clang clang++ ld ldd nm objdump readelf strip ls cp mv rm ln file install patchelf chmod"
)
_FILE_SERVERS = frozenset(
    ("http.server", "SimpleHTTPServer", "httpd", "http-server", "file-server", "pyftpdlib", "-ehttpd")
)
# Behind one of these stands a command, whatever the program.
_COMMAND_MARKS = names("-- --command --cmd --exec --execute --run --run-command --shell-command")
_HERE_ONLY = frozenset(("127.0.0.1", "localhost", "::1", "--bind=127.0.0.1", "--bind=localhost"))
_SERVING_PROGRAMS = names(
    "python python2 python3 ruby busybox httpd npx caddy twistd uvicorn http-server serve miniserve dufs"
)


def _check_words(draft: Draft, known: Profile) -> None:
    """Words that say the same whichever program they are given to."""
    argv = draft.argv
    shown = not (known.interpreter or known.inner)
    for i, word in enumerate(argv[1:], 1):
        if word in _FILE_SERVERS and draft.program in _SERVING_PROGRAMS and _HERE_ONLY.isdisjoint(argv):
            draft.facts.add("serves-files")
        if word.isalnum():
            if shown and word in SHELLS and argv[i - 1] in _COMMAND_MARKS:
                draft.facts.add("shell-escape")
            continue
        if "/shadow" in word and _SHADOW.search(word, 0, 256):
            draft.facts.add("reads-secret")
        if ".so" in word:
            option = argv[i - 1][:1] == "-" or "=" in word
            if option and draft.program not in _BUILDERS and argv[i - 1] != "-o" and _LIBRARY.search(word[:256]):
                draft.facts.add("loads-library")
        if shown and not word.startswith("SHELL="):
            draft.facts |= shown_facts(word)
    if draft.program == "php" and not (draft.value("-S") or "localhost").startswith(
        ("127.0.0.1", "localhost", "[::1]")
    ):
        draft.facts.add("serves-files")


def check_paths(draft: Draft, known: Profile) -> None:
    """Grade the paths that are read, written and deleted."""
    touched = draft.reads
    if not known.looks_only:
        if not touched and not known.passive and draft.operands and draft.program not in _KEY_HOLDERS:
            named = [o for o in draft.operands if "/" in o or "." in o]
            touched = draft.paths(named) if named else ()
        if touched:
            _check_reads(draft, touched, prints=bool(draft.reads) and draft.program not in _KEY_USERS)
    for path in draft.writes:
        _check_write(draft, path)
    if draft.overwrites and (
        draft.program in ("", ":", "true") or "/dev/null" in draft.reads or draft.argv[1:] in (["-n"], ["-n", ""], [""])
    ):
        _check_emptied(draft)
    for path in draft.deletes:
        if paths.is_ordinary(path):
            continue
        if paths.is_log(path):
            draft.facts.add("wipes-logs")
        elif paths.is_guard(path):
            draft.facts.add("tampers-guard")
        elif paths.is_account(path):
            draft.facts.add("changes-accounts-file")
        elif paths.is_system(path) and not paths.is_temporary(path):
            draft.facts.add("writes-system")
    if draft.reads and not _ENDLESS.isdisjoint(draft.reads):
        huge = draft.program == "head" and (draft.value("-c", "--bytes") or "")[-1:] in ("T", "P")
        if draft.redirected and (huge or draft.program in ("cat", "tee", "pv")):
            draft.facts.add("fills-disk")
        elif draft.program in ("tail", "sort", "tac", "rev", "grep"):
            draft.facts.add("exhausts")  # they wait in memory for an end that never comes
    if known.searches:
        _check_search(draft)


def _check_reads(draft: Draft, touched: Paths, *, prints: bool) -> None:
    facts = draft.facts
    marks = 0
    for mark in draft.marks if any(draft.marks) else ():
        marks |= mark
    for path in touched:
        if paths.is_secret(path, marks):
            facts.add("reads-secret")
        elif prints and paths.is_private(path):
            facts.add("reads-private")
        elif path.startswith(("/dev/input/event", "/dev/input/by-")):
            facts.add("captures")
        elif path.startswith(_SOCKETS):
            facts.add("raw-network")


def _check_write(draft: Draft, path: str) -> None:
    facts = draft.facts
    if path.startswith(_SOCKETS):
        facts.add("raw-network")
        if "reads-secret" in facts:
            facts.add("sends-secret")
        return
    if paths.is_steering(path):
        facts.add("steers-agent")
    if path[:1] == "$":
        path = paths.at_some_home(path)
    if paths.is_ordinary(path) or paths.is_temporary(path):
        return
    if paths.is_guard(path):
        facts.add("tampers-guard")
    elif paths.is_account(path):
        facts.add("edits-sudoers" if "sudoers" in path or "doas" in path else "changes-accounts-file")
    elif paths.is_startup(path):
        facts.add("writes-startup")
    elif paths.is_disk(path):
        facts.add("overwrites-disk")
    elif paths.is_kernel(path):
        facts.add("writes-kernel")
    elif paths.is_log(path):
        if (
            "truncates" in facts
            or (draft.program in _EMPTIES and path not in _appended(draft))
            or (path in draft.overwrites and path.startswith("~"))
            or draft.program in _EDITORS
            or (path.endswith(_RECORDS) and (path in draft.overwrites or draft.language is not None))
        ):
            facts.add("wipes-logs")
    elif paths.is_system(path):
        facts.add("writes-system")
    elif paths.is_stand_in(path):
        facts.add("hijacks-path")


def _check_emptied(draft: Draft) -> None:
    """`> app.db`, `: > .env`: nothing goes where data was."""
    if any((paths.is_data(path) or path == "*") and not paths.is_temporary(path) for path in draft.overwrites):
        draft.facts.add("truncates")


def _appended(draft: Draft) -> list[str]:
    return [p for p in draft.redirects if p not in draft.overwrites]


def _seeks_rights(argv: Sequence[str]) -> bool:
    """find for what runs with other rights, or for where the asker may write."""
    return not _OWN_RIGHTS.isdisjoint(argv) or any(
        a == "-perm" and _OTHERS_RIGHTS.search(b) is not None for a, b in pairwise(argv)
    )


def _check_search(draft: Draft) -> None:
    argv = draft.argv
    if draft.program == "find":
        broad = any(paths.is_root(paths.normalise(r, draft.cwd)) or r.startswith(_BROAD) for r in draft.operands)
        if broad and _seeks_rights(argv):
            draft.facts.add("searches-privilege")
    else:
        broad = (draft.has("-r", "-R", "--recursive") and any(paths.is_root(p) for p in draft.reads)) or (
            draft.program in ("rg", "ag") and any(paths.is_root(p) for p in draft.reads)
        )
        broad = broad or draft.program == "locate"
    environment = draft.stdin is not None and draft.stdin.marks & SECRET
    if (broad and any(_SECRET_NAMES.search(a[:256]) for a in argv[1:])) or (
        environment and any(_SECRET_VARIABLES.search(a[:256]) for a in argv[1:])
    ):
        draft.facts.add("searches-secret")
