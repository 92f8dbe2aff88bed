"""Programs that delete: rm, shred, truncate, find -delete, mv to nowhere, mirrors.

Adds paths and facts to drafts. Invariant: what is graded is the reach (a protected root, a folder, a wildcard), not the
name of the program.
"""

from collections.abc import Sequence
from itertools import pairwise

from gw.defender.shell.draft import Draft, Effect, Paths
from gw.defender.shell.names import names
from gw.defender.shell.paths import (
    is_data,
    is_disk,
    is_log,
    is_root,
    is_secret,
    is_startup,
    is_system,
    is_temporary,
    normalise,
)

_EVERYTHING_HERE = frozenset(("*", "./*", ".", "./", "..", "../*", ".*", "../.."))
FIND_FILTERS = names(
    "-name -iname -path -wholename -ipath -regex -iregex -mtime -mmin -size -empty -perm -user -ctime -atime"
    " -amin -cmin -inum -samefile -links -group -uid -lname"
)
_HERE = frozenset(("*", "./*"))
_SOURCES = (".py", ".js", ".ts", ".tsx", ".go", ".rs", ".c", ".cpp", ".java", ".rb", ".php", ".db", ".sqlite", ".sql")
_AGES = names("-mtime -mmin -ctime -cmin -atime -amin")
_NAMES = names("-name -iname -path -wholename")
# People tidy up under these with find; deleting by filter elsewhere at the top is unusual.
_TIDIED = frozenset(("/var/log",))
# Without one of these, they name the files of somebody else's list.
_LISTED = frozenset(("xargs", "fd", "fdfind", "parallel"))


def deletes(draft: Draft, targets: Paths, *, recursive: bool) -> None:
    """Record a deletion of normalised *targets* and grade its reach."""
    draft.deletes += targets
    draft.recursive = draft.recursive or recursive
    facts = draft.facts
    for target in targets:
        if is_disk(target):
            facts.add("overwrites-disk")
        if is_root(target):
            facts.add("deletes-root" if recursive else "deletes-many")
        elif target in _HERE and draft.cwd and is_temporary(draft.cwd):
            continue  # `cd build && rm -rf *`
        elif target in _EVERYTHING_HERE or target.startswith("../.."):
            facts.add("deletes-tree" if recursive else "deletes-many")
        elif recursive and not is_temporary(target):
            facts.add("deletes-tree")
        elif is_secret(target) or is_startup(target) or (_takes_all(target) and not is_temporary(target)):
            facts.add("deletes-many")


def _takes_all(target: str) -> bool:
    """Everything in a folder, or every source file there."""
    return target[-2:] == "/*" or ("*" in target and target.endswith(_SOURCES))


def rm(draft: Draft) -> None:
    recursive = draft.has("-r", "-R", "--recursive")
    if draft.has("--no-preserve-root"):
        draft.facts.add("deletes-root")
    targets = draft.paths()
    if not recursive and any(
        o[-1:] == "/" and not is_temporary(t) for o, t in zip(draft.operands, targets, strict=True)
    ):
        draft.facts.add("deletes-many")  # what find lists there: no folder goes without its content
    if not targets and not _LISTED.isdisjoint(draft.wrappers[-1:]):
        if recursive:
            draft.facts.add("deletes-tree")
        elif draft.wrappers[-1] == "xargs":
            draft.facts.add("deletes-many")
    deletes(draft, targets, recursive=recursive)


def remove_trees(draft: Draft) -> None:
    """rimraf and its like: always recursive."""
    deletes(draft, draft.paths(), recursive=True)


def empty_trash(draft: Draft) -> None:
    draft.facts.add("deletes-tree")


def unlink(draft: Draft) -> None:
    deletes(draft, draft.paths(), recursive=False)


def shred(draft: Draft) -> None:
    targets = draft.paths()
    if not targets and "xargs" not in draft.wrappers:
        return
    draft.deletes += targets
    draft.facts.add("overwrites-disk" if any(is_disk(t) for t in targets) else "shreds")


def truncate(draft: Draft) -> None:
    size = draft.value("-s", "--size")
    targets = draft.paths([o for o in draft.operands if o != size])
    draft.writes += targets
    if size in ("0", "0B") and not (targets and all(t.endswith(".log") and not is_log(t) for t in targets)):
        draft.facts.add("truncates")  # a program's own log is made to be emptied, those of the system are not


def move(draft: Draft) -> None:
    paths = draft.paths()
    if len(paths) < 2:
        return
    draft.writes += (paths[-1],)
    draft.reads += paths[:-1]
    if paths[-1] == "/dev/null":
        deletes(draft, paths[:-1], recursive=True)
    elif any(is_root(p) for p in paths[:-1]):
        draft.facts.add("deletes-root")
    else:
        draft.deletes += tuple(p for p in paths[:-1] if is_system(p))


_LEAVES_OUT = frozenset(("-prune", "!", "-not"))


def kept_tests(argv: Sequence[str]) -> Sequence[str]:
    """The words of find without the tests that only say what to leave out: `-path ./x -prune`, `! -name x`."""
    if _LEAVES_OUT.isdisjoint(argv):
        return argv
    around = zip(["", *argv], argv, [*argv[2:], "", ""], strict=False)
    return [word for before, word, behind in around if behind != "-prune" and before not in ("!", "-not")]


def _narrows(argv: Sequence[str]) -> bool:
    """Whether find looks for something; `-name '*'` leaves everything."""
    return any(
        word in FIND_FILTERS
        and following != "*"
        and not (word in _AGES and following[:1] == "-")  # the newest are what somebody works on
        and not (word in _NAMES and following[:1] == "*" and is_data(following) and not following.endswith(".bak"))
        for word, following in pairwise(argv)
    )


def find(draft: Draft) -> None:
    argv = draft.argv
    roots = []
    for argument in argv[1:]:
        if argument[:1] in ("-", "(", "!", ")", ","):
            if argument in ("-L", "-H", "-P"):
                continue
            break
        roots.append(argument)
    draft.operands = roots
    if "-delete" in argv:
        places = draft.paths(roots or ["."])
        draft.recursive = True
        if all(map(is_log, places)) and any(a in _AGES and b[:1] == "+" for a, b in pairwise(argv)):
            draft.facts.add("deletes-tree")  # the old ones, to make room
            return
        draft.deletes += places
        if not _narrows(kept_tests(argv)):
            draft.facts.add("deletes-root" if any(is_root(p) for p in places) else "deletes-tree")
        elif any(is_root(p) and p not in _TIDIED for p in places):
            draft.facts.add("deletes-many")
    elif "rm" in argv and "-i" not in argv and roots[:1] in (["/"], ["~"], ["$HOME"]):
        draft.facts.add("deletes-many")
    for option in ("-fprintf", "-fprint", "-fls", "-fprint0"):
        if option in argv:
            draft.writes += draft.paths(draft.after(option))


def rsync(draft: Draft) -> None:
    operands = draft.operands
    if len(operands) < 2:
        return
    target = operands[-1]
    remote = [o for o in operands if ":" in o.partition("/")[0]]
    if target in remote:
        draft.reads += draft.paths([o for o in operands if o not in remote])
        draft.facts.add("copies-out")
        draft.fetches += (target.partition(":")[0],)
    else:
        draft.fetches += tuple(r.partition(":")[0] for r in remote)
        here = target in (".", "./") and bool(remote)
        draft.writes += draft.paths([r.rpartition("/")[2].rpartition(":")[2] for r in remote] if here else [target])
    if draft.has("-n", "--dry-run"):
        draft.facts.discard("copies-out")
        return
    if any(f.startswith("--delete") or f == "--del" for f in draft.flags):
        empty = operands[0].rstrip("/") == "/dev/null"
        draft.facts.add("deletes-root" if empty or is_root(normalise(target, draft.cwd)) else "deletes-mirror")
    if draft.has("--remove-source-files"):
        draft.facts.add("deletes-mirror")


EFFECTS: dict[str, Effect] = {
    "rm": rm,
    "rmz": rm,
    **dict.fromkeys(("rimraf", "del-cli"), remove_trees),
    "trash-empty": empty_trash,
    **dict.fromkeys(("srm", "shred", "wipe", "scrub"), shred),
    **dict.fromkeys(("unlink", "trash", "rip"), unlink),
    "truncate": truncate,
    "mv": move,
    "find": find,
    "rsync": rsync,
}
