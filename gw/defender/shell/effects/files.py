"""Programs that read and write ordinary files: cp, ln, install, chmod, chown, tee, sed, tar, grep, cat, ...

Adds paths and facts to drafts. Invariant: a path named by an option counts like one named by an operand.
"""

import re
from itertools import pairwise

from gw.defender.shell.draft import Draft, Effect, Paths
from gw.defender.shell.effects.deletion import deletes
from gw.defender.shell.interpreters import code_of
from gw.defender.shell.names import names
from gw.defender.shell.paths import is_data, is_disk, is_kernel, is_root, is_secret, normalise
from gw.defender.shell.stream import UNRESOLVED

SHELL_FILES = frozenset(
    f"{folder}/{name}"
    for folder in ("/bin", "/usr/bin", "/usr/local/bin")
    for name in ("sh", "bash", "dash", "zsh", "ksh", "ash", "csh", "tcsh", "fish", "busybox")
)
_OWNED_BY_SYSTEM = ("/etc", "/usr", "/bin", "/sbin", "/lib", "/boot", "/var/run/docker", "/run/docker", "/dev", "/root")
# Given to an ordinary account recursively, these break nothing.
_SHARED_ROOTS = names("/usr/local /opt /srv /var/www ~ ~/.ssh ~/.config /mnt /media")
_OPEN_MODES = frozenset(("777", "666", "a+rwx", "ugo+rwx", "a+w", "o+w", "1777"))
_CLOSED_MODES = frozenset(("", "a-x", "-x", "ugo-x", "a-rwx"))
_SWAPS = names("/swapfile /swap.img /swap /dev/mem /proc/kcore")
_TIGHTENS = frozenset(("600", "0600", "400", "0400", "go-rwx", "og-rwx", "go=", "o-rwx"))
_ONE_BY_ONE = (("find",), ("xargs",), ("fd",))
_EMPTYING = frozenset(("d", "1,$d", "/./d", "/.*/d", "s/.*//", "s/.*//g", "/^/d"))
_SAVES = re.compile(r"(?:^|[:|]\s*)(?:w|wq|x|wall|wqa|xa)!?(?:$|\s*\|)")
_SED_WRITES = re.compile(r"(?:^|[;}/\dgp])\s*w\s+(/[^\s;}]+)")


def copy(draft: Draft) -> None:
    folder = draft.value("-t", "--target-directory")
    paths = draft.paths()
    sources, target = (paths, normalise(folder)) if folder else (paths[:-1], paths[-1] if paths else "")
    draft.reads += sources
    if target:
        draft.writes += (target,)
        if sources in (("/dev/null",), ("/dev/zero",)) and (draft.wrappers[-1:] in _ONE_BY_ONE or is_data(target)):
            draft.facts.add("truncates")
    if any(s in SHELL_FILES for s in sources):
        draft.facts.add("copies-shell")


def link(draft: Draft) -> None:
    paths = draft.paths()
    if paths and paths[0] in SHELL_FILES:
        draft.facts.add("copies-shell")
    elif paths and is_secret(paths[0]):
        draft.facts.add("reads-secret")  # by another name
    if len(paths) > 1:
        draft.writes += (paths[-1],)
        if paths[0] == "/dev/null" and draft.has("-f", "--force"):
            draft.facts.add("truncates")


def install(draft: Draft) -> None:
    copy(draft)
    grade_mode(draft, draft.value("-m", "--mode") or "")


def grade_mode(draft: Draft, mode: str) -> None:
    """Set-user-id, as 4755 or u+s."""
    digits = mode.lstrip("0") if mode.isdigit() else ""
    if (len(digits) == 4 and digits[0] in "4567") or re.search(r"(?:^|,)[ua]*[+=][rwxXt]*s", mode[:64]):
        draft.facts.add("setuid")


def chmod(draft: Draft) -> None:
    mode = next((a for a in draft.argv[1:] if a[:2] != "--" and not (a[:1] == "-" and a[1:2] in tuple("RvcfhHLP"))), "")
    targets = draft.paths(draft.operands[1:] if mode in draft.operands else None)
    if mode not in _TIGHTENS:
        draft.writes += targets
    grade_mode(draft, mode)
    recursive = draft.has("-R", "--recursive")
    bare = mode.lstrip("0")
    if any(is_root(t) for t in targets) and (recursive or bare in _OPEN_MODES | _CLOSED_MODES):
        draft.facts.add("changes-root" if recursive else "opens-access")
    elif bare in _OPEN_MODES and any(
        t.startswith("/") and (recursive or t.startswith(_OWNED_BY_SYSTEM)) for t in targets
    ):
        draft.facts.add("opens-access")


def chown(draft: Draft) -> None:
    referred = any(f.startswith("--reference") for f in draft.flags)
    targets = draft.paths(draft.operands if referred else draft.operands[1:])
    draft.writes += targets
    if draft.has("-R", "--recursive") and any(is_root(t) and t not in _SHARED_ROOTS for t in targets):
        draft.facts.add("changes-root")
    elif any(t.startswith(_OWNED_BY_SYSTEM) for t in targets) and not "".join(draft.operands[:1]).startswith("root"):
        draft.facts.add("opens-access")


def chattr(draft: Draft) -> None:
    if any(a[:1] in ("+", "-") and a[1:2] in ("i", "a") and len(a) <= 4 for a in draft.argv[1:]):
        draft.facts.add("locks-files")


def setfacl(draft: Draft) -> None:
    if draft.has("-b", "--remove-all") and any(is_root(t) for t in draft.paths()):
        draft.facts.add("changes-root")
    if draft.has("-m", "--modify", "-M", "--set"):
        targets = draft.paths(draft.operands[1:])
        draft.writes += targets
        if any(t.startswith(_OWNED_BY_SYSTEM) or is_root(t) for t in targets):
            draft.facts.add("opens-access")


def tee(draft: Draft) -> None:
    draft.writes += draft.paths()


def touch(draft: Draft) -> None:
    times = draft.value("-r", "--reference", "-d", "--date", "-t")
    targets = draft.paths([o for o in draft.operands if o != times])
    if times is not None and (draft.has("-r", "--reference") or any(t.startswith(_OWNED_BY_SYSTEM) for t in targets)):
        draft.facts.add("changes-times")
    draft.writes += tuple(t for t in targets if t.startswith(("/", "~", ".")))
    if any(o.rpartition("/")[2].startswith("--") for o in draft.operands):
        draft.facts.add("shell-escape")  # a name that an unwary `tar *` takes for an option


def sed(draft: Draft) -> None:
    named = draft.has("--expression", "--file") or "-e" in draft.argv or "-f" in draft.argv
    files = draft.paths(draft.operands[0 if named else 1 :])
    if any(f.startswith(("-i", "--in-place")) for f in draft.flags):
        draft.writes += files
        if not _EMPTYING.isdisjoint(draft.operands):
            draft.facts.add("truncates")
    else:
        draft.reads += files
    for argument in draft.argv[1:]:
        draft.writes += tuple(_SED_WRITES.findall(argument[:1024]))


def edit(draft: Draft) -> None:
    """perl and ruby with `-i` change the files they are given; sudoedit does what its name says."""
    if draft.program == "sudoedit":
        draft.writes += draft.paths()
    elif draft.has("-i") and (code := code_of(draft.program or "", draft.argv)) is not None:
        draft.writes += draft.paths(code.args)


def editor(draft: Draft) -> None:
    """`vim -c '%d' -c wq x`, `ex -sc '%d|x' x`: an editor that is told to save what it was told to change."""
    draft.reads += draft.paths()
    told = [word for before, word in pairwise(draft.argv) if before[:1] == "-" and before[-1:] == "c"]
    if any(_SAVES.search(word, 0, 256) for word in told):
        draft.writes += draft.paths([o for o in draft.operands if o not in told])


def settings(draft: Draft) -> None:
    """`yq -i`, `crudini --set`: a settings file changed in place."""
    paths = draft.paths()
    if draft.has("-i", "--inplace", "--in-place", "--set", "--del", "--merge"):
        draft.writes += paths
    else:
        draft.reads += paths


def tar(draft: Draft) -> None:
    first = draft.argv[1] if len(draft.argv) > 1 else ""
    letters = "" if first.startswith("--") else first.lstrip("-")
    creates = "c" in letters or draft.has("-c", "--create", "-r", "-u", "--append")
    if creates:
        draft.reads += draft.paths([o for o in draft.operands if o not in (letters, "-")])
        if any(":" in o.partition("/")[0] for o in draft.operands if "@" in o):
            draft.facts.add("copies-out")
    folder = draft.value("-C", "--directory")
    if folder and ("x" in letters or draft.has("-x", "--extract")):
        draft.writes += (normalise(folder, draft.cwd),)
    if creates and draft.has("--remove-files"):
        deletes(draft, draft.paths(draft.operands[-1:]), recursive=True)


def grep(draft: Draft) -> None:
    pattern = draft.value("-e", "--regexp", "-f", "--file")
    operands = draft.operands[1:] if pattern is None else [o for o in draft.operands if o != pattern]
    _scan(draft, draft.paths(operands))


def strings(draft: Draft) -> None:
    _scan(draft, draft.paths())


def _scan(draft: Draft, paths: Paths) -> None:
    """Looking for text on a disk, or in the memory swapped out to it, passes by all rights of files."""
    draft.reads += paths
    for path in paths:
        if path[:1] == "/" and (is_disk(path) or path in _SWAPS):
            draft.facts.add("reads-secret")


def read(draft: Draft) -> None:
    draft.reads += draft.paths()


def awk(draft: Draft) -> None:
    read(draft)
    if draft.after("-i") == ["inplace"]:
        draft.writes += draft.paths(draft.operands[2:])


def sort(draft: Draft) -> None:
    output = draft.value("-o", "--output")
    if output:
        draft.writes += (normalise(output, draft.cwd),)
    draft.reads += draft.paths([o for o in draft.operands if o != output])


def redirect_to(draft: Draft, path: str, marks: int) -> None:
    """Record that output goes to *path*."""
    target = normalise(path, draft.cwd)
    draft.writes += (target,)
    draft.redirects += (target,)
    if is_disk(target) or (marks & UNRESOLVED and target.startswith("/dev/$")):
        draft.facts.add("overwrites-disk")
    elif is_kernel(target):
        draft.facts.add("writes-kernel")
    elif "/--" in target:
        draft.facts.add("shell-escape")


def archive(draft: Draft) -> None:
    """7z and zip, which can delete what they have packed."""
    read(draft)
    if draft.has("-sdel") or (draft.program == "zip" and draft.has("-m", "--move")):
        deletes(draft, draft.paths([o for o in draft.operands[1:] if not o.endswith((".7z", ".zip"))]), recursive=True)


def gpg(draft: Draft) -> None:
    draft.reads += draft.paths()
    if any(flag.startswith("--export-secret") for flag in draft.flags):
        draft.facts.add("reads-secret")
    unattended = draft.wrappers[-1:] in (("find",), ("xargs",)) or draft.has("--passphrase", "--passphrase-fd")
    if draft.has("-c", "--symmetric", "-e", "--encrypt") and unattended:
        draft.facts.add("encrypts-files")


def compile(draft: Draft) -> None:  # noqa: A001  what it is called everywhere
    draft.reads += draft.paths([o for o in draft.operands if "." in o])
    draft.writes += draft.paths([draft.value("-o") or "a.out"])


def encrypt(draft: Draft) -> None:
    """It replaces the files it is given."""
    if draft.operands and not draft.has("-d", "--decrypt", "-c", "--cat"):
        draft.facts.add("encrypts-files")


_READERS = names(
    "cat less more head tail tac nl od xxd hexdump hd strings base64 base32 basenc uniq cut paste bat batcat view"
    " column fold rev wc diff cmp vi vim nano emacs awk gzip xz bzip2 zstd zcat jq split look comm join pr expand"
    " dos2unix iconv zip 7z 7za rar age tac fmt ul pg most xclip xsel source . csplit ed"
    " sponge cpio ar"
)
COMPILERS = names("gcc g++ cc c++ clang clang++ tcc rustc musl-gcc")
_EDITORS = ("vi", "vim", "nvim", "ex")
_GREPS = names("grep egrep fgrep zgrep rg ag ack pcregrep ugrep")

EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(_READERS - {"sponge", "7z", "7za", "zip", "strings", "awk", *_EDITORS}, read),
    **dict.fromkeys(_EDITORS, editor),
    **dict.fromkeys(("yq", "crudini"), settings),
    **dict.fromkeys(_GREPS, grep),
    "strings": strings,
    **dict.fromkeys(("awk", "gawk"), awk),
    "gpg": gpg,
    **dict.fromkeys(("7z", "7za", "zip"), archive),
    **dict.fromkeys(("ccencrypt", "ccrypt"), encrypt),
    "cp": copy,
    "ln": link,
    "install": install,
    "chmod": chmod,
    **dict.fromkeys(("chown", "chgrp"), chown),
    "chattr": chattr,
    "setfacl": setfacl,
    **dict.fromkeys(("tee", "sponge"), tee),
    "touch": touch,
    "sed": sed,
    **dict.fromkeys(("perl", "ruby", "sudoedit"), edit),
    **dict.fromkeys(("sort", "shuf", "uudecode"), sort),
    **dict.fromkeys(COMPILERS, compile),
    **dict.fromkeys(("tar", "bsdtar", "gtar"), tar),
}
