"""From one drafted command to its facts: the closed vocabulary that rules are written in.

Knows the tables of effects and the meaning of paths; no syntax, no policies. Invariant: only names of FACTS are ever
added, so a policy naming another one is an error at load (gw.model.shell.FACTS).
"""

import re

from gw.defender.shell import paths, system
from gw.defender.shell.draft import Draft
from gw.defender.shell.escapes import shows_command
from gw.defender.shell.programs import Profile

_SECRET_NAMES = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519)|\.pem\b|\.ppk\b|\.kdbx|\.p12\b|\.pfx\b|authorized_keys|wp-config|\.htpasswd|shadow\b|\bcredentials?\b|\.netrc|\.pgpass|passwords?\b|passwd=|api[_-]?key|secret_?key|aws_secret|BEGIN (?:RSA|OPENSSH|EC|PGP)? ?PRIVATE|private.?key|_history\b|\.aws\b|\.git-credentials|\btokens?\b|wallet\.dat|\.keystore|\.jks\b|keepass",
    re.I,
)


def derive(draft: Draft, known: Profile) -> None:
    """Fill in paths and facts of one command; argv, stdin and redirects are already there."""
    if known.effect is not None:
        known.effect(draft)
    if draft.env:
        for name, value in draft.env.items():
            system.assignment(draft, name, value.text or "")
    check_paths(draft, known)
    if len(draft.argv) > 1 and known.effect is None and not known.passive and shows_command(draft):
        draft.facts.add("shell-escape")


def check_paths(draft: Draft, known: Profile) -> None:
    """Grade the paths that are read, written and deleted."""
    touched = draft.reads
    if not known.looks_only:
        if not touched and not known.passive and draft.operands:
            touched = [paths.normalise(o, draft.cwd) for o in draft.operands if "/" in o or "." in o]
        if touched:
            _check_reads(draft, touched)
    for path in draft.writes:
        _check_write(draft, path)
    for path in draft.deletes:
        if paths.is_log(path):
            draft.facts.add("wipes-logs")
        elif paths.is_guard(path):
            draft.facts.add("tampers-guard")
        elif paths.is_account(path) or (paths.is_system(path) and not paths.is_temporary(path)):
            draft.facts.add("writes-system")
    if known.searches:
        _check_search(draft)


def _check_reads(draft: Draft, touched: list[str]) -> None:
    facts = draft.facts
    marks = 0
    for mark in draft.marks:
        marks |= mark
    for path in touched:
        if paths.is_secret(path, marks):
            facts.add("reads-secret")
        elif paths.is_weak_secret(path):
            facts.add("reads-private")
        elif path.startswith(("/dev/tcp/", "/dev/udp/")):
            facts.add("code-network")


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
