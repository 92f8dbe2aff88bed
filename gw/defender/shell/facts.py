"""From one drafted command to its facts: the closed vocabulary that rules are written in.

Knows the tables of effects and the meaning of paths; no syntax, no policies. Invariant: only names of FACTS are ever
added, so a policy naming another one is an error at load (gw.model.shell.FACTS).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gw.defender.shell import files, network, paths, services, system
from gw.defender.shell.draft import Draft
from gw.defender.shell.escapes import PASSIVE, shows_command
from gw.defender.shell.files import Effect
from gw.defender.shell.stream import DECODED, FETCHED, GLOB, HOST, LOCAL, SECRET, Stream

EFFECTS: Final[Mapping[str, Effect]] = MappingProxyType(
    {**files.EFFECTS, **network.EFFECTS, **services.EFFECTS, **system.EFFECTS}
)

_DEVICE_NET = re.compile(r"/dev/(?:tcp|udp)/")
_SECRET_NAMES = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519)|\.pem\b|\.ppk\b|\.kdbx|\.p12\b|\.pfx\b|authorized_keys|wp-config|\.htpasswd|shadow\b|\bcredentials?\b|\.netrc|\.pgpass|passwords?\b|passwd=|api[_-]?key|secret_?key|aws_secret|BEGIN (?:RSA|OPENSSH|EC|PGP)? ?PRIVATE|private.?key|_history\b|\.aws\b|\.git-credentials|\btokens?\b|wallet\.dat|\.keystore|\.jks\b|keepass",
    re.I,
)
# Listing or testing a path is not reading it.
_LOOKS_ONLY = frozenset("ls dir stat file test [ [[ cd pushd mkdir touch rm chmod chown basename dirname realpath readlink du df echo printf which find ln type export unset grep_ locate".split())
_WRITES_NOTHING = frozenset(("cat", "less", "head", "tail", "grep"))


def derive(draft: Draft) -> None:
    """Fill in paths and facts of one command; argv, stdin and redirects are already there."""
    program = draft.program
    effect = EFFECTS.get(program) if program is not None else None
    if effect is not None:
        effect(draft)
    elif program is not None and program.startswith("mkfs"):
        files.disk_maker(draft)
    if draft.env:
        for name, value in draft.env.items():
            system.assignment(draft, name, value.text or "")
    _check_paths(draft)
    if program is not None and effect is None and len(draft.argv) > 1 and shows_command(draft):
        draft.facts.add("shell-escape")


def _check_paths(draft: Draft) -> None:
    facts = draft.facts
    touched = draft.reads
    if not touched and draft.program not in PASSIVE:
        touched = [paths.normalise(o, draft.cwd) for o in draft.operands if "/" in o or "." in o or "~" in o]
    marks = GLOB if any(m & GLOB for m in draft.marks) else 0
    if touched and draft.program not in _LOOKS_ONLY:
        for path in touched:
            if paths.is_secret(path, marks):
                facts.add("reads-secret")
            elif paths.is_weak_secret(path):
                facts.add("reads-private")
            elif _DEVICE_NET.match(path):
                facts.add("code-network")
    for path in draft.writes:
        _check_write(draft, path)
    for path in draft.deletes:
        if paths.is_log(path):
            facts.add("wipes-logs")
        elif paths.is_guard(path) :
            facts.add("tampers-guard")
        elif paths.is_account(path) or (paths.is_system(path) and not paths.is_temporary(path)):
            facts.add("writes-system")
    if draft.program in ("find", "fd", "locate", "grep", "rg", "egrep", "ag", "fgrep"):
        _check_search(draft)


def _check_write(draft: Draft, path: str) -> None:
    facts = draft.facts
    if paths.is_temporary(path):
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
        if "truncates" in facts or draft.program in ("ln", "cp", "shred", "mv"):
            facts.add("wipes-logs")
    elif paths.is_system(path):
        facts.add("writes-system")
    elif paths.is_secret(path):
        facts.add("writes-startup")


def _check_search(draft: Draft) -> None:
    argv = draft.argv
    if draft.program == "find":
        broad = any(paths.is_root(paths.normalise(r, draft.cwd)) or r.startswith(("/home", "~", "/etc", "/var", "/opt", "/root")) for r in draft.operands)
        if any(a in ("-perm",) and i + 1 < len(argv) and re.search(r"[-/+]?(?:[246][0-7]{3}|u[=+]s|g[=+]s|6000|a\+s)", argv[i + 1]) for i, a in enumerate(argv)):
            draft.facts.add("searches-privilege")
    else:
        broad = draft.has("-r", "-R", "--recursive") and any(paths.is_root(p) for p in draft.reads) or draft.program in ("rg", "ag") and any(paths.is_root(p) for p in draft.reads)
        broad = broad or draft.program == "locate"
    if broad and any(_SECRET_NAMES.search(a[:256]) for a in argv[1:]):
        draft.facts.add("searches-secret")


# --- output -----------------------------------------------------------------------------------------------------------

_DECODERS = frozenset("base64 base32 xxd uudecode openssl gunzip zcat bunzip2 bzcat xzcat unxz zstdcat gzip bzip2 xz rev tr basenc base58 ascii85 uncompress zstd lz4 brotli gpg ccrypt age".split())
_HOST_PROGRAMS = frozenset("whoami id hostname uname env printenv ifconfig ip users who w last lscpu hostnamectl ps netstat ss getent groups arch dmidecode lsb_release logname set compgen".split())
_LOCAL_READERS = frozenset("cat tac head tail tar zip gzip base64 xxd od hexdump strings dd less more sort cut awk sed grep nl rev bzip2 xz gpg find openssl 7z cpio mysqldump pg_dump sqlite3 jq history".split())


def output_marks(draft: Draft) -> int:
    """Where the output of *draft* comes from, as far as a reader behind a pipe is concerned."""
    marks = draft.output.marks
    if draft.stdin is not None:
        marks |= draft.stdin.marks
    program = draft.program
    if program is None:
        return marks
    if program in _DECODERS and _decodes(draft):
        marks |= DECODED
    if program in _HOST_PROGRAMS:
        marks |= HOST
    if program in ("env", "printenv", "set"):
        marks |= SECRET
    if program in _LOCAL_READERS and (draft.reads or draft.operands):
        marks |= LOCAL
        if "reads-secret" in draft.facts or any(paths.is_weak_secret(p) for p in draft.reads):
            marks |= SECRET
    return marks


def _decodes(draft: Draft) -> bool:
    if draft.program in ("base64", "base32", "basenc"):
        return draft.has("-d", "--decode", "-D", "-di")
    if draft.program == "xxd":
        return draft.has("-r", "-revert")
    if draft.program in ("openssl", "gpg", "age", "zstd", "lz4", "gzip", "bzip2", "xz", "brotli"):
        return draft.has("-d", "--decrypt", "--decompress", "-dc", "-cd")
    return True


def feeds_interpreter(draft: Draft, stream: Stream) -> None:
    """Grade an interpreter that runs *stream*."""
    if stream.marks & FETCHED:
        draft.facts.add("executes-fetched")
    elif stream.marks & DECODED:
        draft.facts.add("executes-decoded")
    elif stream.text is None:
        draft.facts.add("executes-input")
