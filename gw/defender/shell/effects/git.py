"""git: what would lose work here or at a remote, or make git run a program.

Adds facts to drafts. Invariant: git's own options before the sub-command never hide it.
"""

import re
from typing import NamedTuple

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.escapes import is_usual, names_own_hooks
from gw.defender.shell.paths import is_startup, normalise
from gw.defender.shell.stream import Stream

_VALUED = frozenset(("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"))
# Settings whose value git runs, or that decide where credentials go.
_RISKY_SETTINGS = (
    "core.hookspath", "core.fsmonitor", "core.pager", "core.editor", "core.sshcommand", "core.askpass", "credential.",
    "filter.", "diff.external", "url.", "protocol.ext", "sequence.editor", "http.proxy", "http.sslverify",
    "gpg.program", "init.templatedir",
)  # fmt: skip


_FORGE = re.compile(r"(?:https://|git@|ssh://git@)(?:github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)[/:]")
_FORGES = ("github.com", "gitlab.com", "codeberg.org", "bitbucket.org")
_HUSKY_OFF = ("HUSKY", Stream("0"))


class Verb(NamedTuple):
    """A sub-command with its words sorted."""

    name: str
    words: list[str]
    options: frozenset[str]  # long ones, without values
    letters: frozenset[str]  # of short clusters
    operands: list[str]
    unguarded: bool  # `-c clean.requireForce=false`: clean needs no -f


def verb_of(draft: Draft) -> Verb:
    argv, i = draft.argv, 1
    while i < len(argv):
        if argv[i] in _VALUED:
            i += 2
        elif argv[i][:1] == "-":
            i += 1
        else:
            break
    words = list(argv[i + 1 :])
    return Verb(
        argv[i] if i < len(argv) else "",
        words,
        frozenset(w.partition("=")[0] for w in words if w[:2] == "--"),
        frozenset(c for w in words if w[:1] == "-" and w[1:2] != "-" for c in w[1:]),
        [w for w in words if w[:1] != "-"],
        any(a.lower() == "clean.requireforce=false" for a in argv[1:i]),
    )


def _discards(v: Verb) -> bool:
    """Work that no commit holds would be lost."""
    letters, options, operands = v.letters, v.options, v.operands
    match v.name:
        case "reset":
            return bool(options & {"--hard", "--merge", "--keep"})
        case "clean":
            forced = "f" in letters or "--force" in options or v.unguarded
            return forced and "n" not in letters and "--dry-run" not in options
        case "checkout":
            starts = bool(letters & {"t", "l"} or options & {"--orphan", "--track", "--detach"})
            paths = "--" in v.words or operands[-1:] == ["."] or (len(operands) > 1 and not starts)
            return "f" in letters or "--force" in options or (paths and not letters & {"b", "B", "p"})
        case "switch":
            return "f" in letters or bool(options & {"--force", "--discard-changes"})
        case "restore":
            index_only = "--staged" in options or "S" in letters
            return (not index_only or "--worktree" in options or "W" in letters) and not letters & {"p"}
        case "stash":
            return operands[:1] in (["drop"], ["clear"])
        case "branch":
            return "D" in letters or (("f" in letters or "--force" in options) and bool(operands))
        case "tag":
            return "d" in letters or "--delete" in options
        case "worktree":
            return operands[:1] == ["remove"] and ("f" in letters or "--force" in options)
        case "read-tree":
            return "--reset" in options and "u" in letters
        case "checkout-index":
            return "f" in letters or "--force" in options
        case "lfs":
            return operands[:1] == ["prune"]
        case "submodule":
            return operands[:1] == ["deinit"] and ("f" in letters or bool(options & {"--all", "--force"}))
        case "rm":
            return ("f" in letters or "--force" in options) and "r" in letters and "--cached" not in options
    return False


def _erases_history(v: Verb) -> bool:
    match v.name:
        case "filter-branch" | "filter-repo":
            return True
        case "prune":
            return "n" not in v.letters and "--dry-run" not in v.options
        case "reflog":
            return v.operands[:1] in (["expire"], ["delete"])
        case "gc":
            return any(w in ("--prune=now", "--prune=all") for w in v.words)
        case "update-ref" | "symbolic-ref":
            return "d" in v.letters or "--stdin" in v.options
    return False


def _overwrites_remote(v: Verb) -> bool:
    if v.name != "push" or "n" in v.letters or "--dry-run" in v.options:
        return False
    if any(o.startswith(("+", ":")) and len(o) > 1 for o in v.operands[1:]):
        return True
    return bool(v.options & {"--mirror", "--delete", "--prune", "--force"} or v.letters & {"f", "d"})


def _sets_command(v: Verb) -> bool:
    if v.name != "config" or len(v.operands) < 2:
        return False
    name, value = v.operands[0].lower(), v.operands[1]
    if name.startswith(_RISKY_SETTINGS):
        forges = name.startswith("url.") and any(forge in name and forge in value for forge in _FORGES)
        usual = is_usual(value) and (
            name.endswith(("editor", "pager")) or (" " not in value and name.startswith(("core.", "credential.")))
        )
        return not (usual or forges or names_own_hooks(f"{name}={value}"))
    return name.startswith("alias.") and value.startswith("!")


def git(draft: Draft) -> None:
    v = verb_of(draft)
    facts = draft.facts
    if _discards(v):
        facts.add("git-discards")
    if _erases_history(v):
        facts.add("git-erases-history")
    if _overwrites_remote(v):
        facts.add("git-overwrites-remote")
    if _sets_command(v):
        facts.add("git-hooks-command")
    if v.name == "push" and any("://" in o or o.startswith("git@") for o in v.operands[:1]):
        facts.add("copies-out")
    if v.name == "remote" and v.operands[:1] == ["set-url"] and not _FORGE.search(" ".join(v.operands[2:])[:256]):
        facts.add("git-redirects")
    if v.name == "credential" and v.operands[:1] == ["fill"]:
        facts.add("reads-service-secret")
    unchecked = "--no-verify" in v.options or (v.name == "commit" and "n" in v.letters)
    if v.name in ("commit", "push", "merge") and (unchecked or _HUSKY_OFF in draft.env.items()):
        facts.add("skips-approval")
    if v.name in ("show", "diff", "log", "archive", "format-patch"):
        _writes(draft, v)


def _writes(draft: Draft, v: Verb) -> None:
    """`--output=file` writes a file of the caller's choice, with content from the repository."""
    for i, word in enumerate(v.words):
        target = word.partition("=")[2] if word.startswith("--output=") else ""
        if word in ("-o", "--output") and i + 1 < len(v.words):
            target = v.words[i + 1]
        if target:
            draft.writes += (normalise(target, draft.cwd),)
            # `.git\\config` of Windows has lost its backslash on the way here
            if is_startup(target) or target.startswith((".gitconfig", ".githooks")):
                draft.facts.add("git-hooks-command")


_ALWAYS: frozenset[str] = frozenset()
# Other version control: sub-commands, and words or options without which they lose nothing.
_OTHERS: dict[str, dict[str, frozenset[str]]] = {
    "hg": {
        "strip": _ALWAYS,
        "purge": _ALWAYS,
        "update": frozenset(("-C", "--clean")),
        "revert": frozenset(("-a", "--all")),
    },
    "svn": {"revert": frozenset(("-R", "--recursive")), "cleanup": frozenset(("--remove-unversioned",))},
    "jj": {"abandon": _ALWAYS, "restore": _ALWAYS},
    "p4": {"revert": frozenset(("//...", "-w")), "obliterate": _ALWAYS},
}


def other(draft: Draft) -> None:
    needs = _OTHERS[draft.program or ""].get("".join(draft.operands[:1]))
    if needs is not None and (not needs or not needs.isdisjoint(draft.argv)):
        draft.facts.add("git-discards")


def rewrite(draft: Draft) -> None:
    """BFG rewrites every commit of a repository."""
    if not draft.has("--help", "--version"):
        draft.facts.add("git-erases-history")


EFFECTS: dict[str, Effect] = {"git": git, "bfg": rewrite, **dict.fromkeys(_OTHERS, other)}
