"""What ordinary file programs read, write and delete: rm, cp, dd, tee, chmod, tar, find, ...

Adds paths and facts to drafts; knows nothing of syntax or policies. Invariant: a path named by an option counts like
one named by an operand.
"""

from collections.abc import Callable

from gw.defender.shell.draft import Draft
from gw.defender.shell.paths import is_disk, is_kernel, is_root, is_temporary, normalise
from gw.defender.shell.stream import UNRESOLVED

Effect = Callable[[Draft], None]

SHELL_PATHS = frozenset(
    f"{folder}/{name}" for folder in ("/bin", "/usr/bin", "/usr/local/bin") for name in ("sh", "bash", "dash", "zsh", "ksh", "ash", "csh", "tcsh", "fish", "busybox")
)


def _paths(draft: Draft, names: list[str]) -> list[str]:
    return [normalise(name, draft.cwd) for name in names]


def deletes(draft: Draft, targets: list[str], *, recursive: bool) -> None:
    """Record a deletion and grade its reach."""
    draft.deletes += targets
    draft.recursive = draft.recursive or recursive
    for target in targets:
        if is_disk(target):
            draft.facts.add("overwrites-disk")
        if recursive and is_root(target):
            draft.facts.add("deletes-root")
        elif target in ("*", "./*", ".", "./", "..", "../*", ".*", "../..") or target.startswith("../.."):
            draft.facts.add("deletes-tree" if recursive else "deletes-many")
        elif recursive and not is_temporary(target):
            draft.facts.add("deletes-tree")
        elif is_root(target):
            draft.facts.add("deletes-many")


def rm(draft: Draft) -> None:
    recursive = draft.has("-r", "-R", "--recursive")
    targets = _paths(draft, draft.operands)
    if draft.has("--no-preserve-root"):
        draft.facts.add("deletes-root")
    if not targets and recursive and "xargs" in draft.wrappers:
        draft.facts.add("deletes-tree")
    deletes(draft, targets, recursive=recursive)


def rmdir(draft: Draft) -> None:
    if draft.has("/s") or "/s" in draft.operands or "/S" in draft.operands:
        draft.facts.add("deletes-root" if any(o.rstrip("\\").endswith(":") for o in draft.operands) else "deletes-tree")


def unlink(draft: Draft) -> None:
    deletes(draft, _paths(draft, draft.operands), recursive=False)


def shred(draft: Draft) -> None:
    targets = _paths(draft, draft.operands)
    draft.deletes += targets
    draft.facts.add("overwrites-disk" if any(is_disk(t) for t in targets) else "shreds")


def truncate(draft: Draft) -> None:
    draft.writes += _paths(draft, [o for o in draft.operands if o != draft.value("-s", "--size")])
    if (draft.value("-s", "--size") or "") in ("0", "0B"):
        draft.facts.add("truncates")


def copy(draft: Draft) -> None:
    target_folder = draft.value("-t", "--target-directory")
    paths = _paths(draft, draft.operands)
    sources, target = (paths, normalise(target_folder)) if target_folder else (paths[:-1], paths[-1] if paths else "")
    draft.reads += sources
    if target:
        draft.writes.append(target)
    if any(s in SHELL_PATHS for s in sources):
        draft.facts.add("copies-shell")


def move(draft: Draft) -> None:
    paths = _paths(draft, draft.operands)
    if len(paths) < 2:
        return
    draft.writes.append(paths[-1])
    draft.reads += paths[:-1]
    if paths[-1] == "/dev/null":
        deletes(draft, paths[:-1], recursive=True)
    elif any(is_root(p) for p in paths[:-1]):
        draft.facts.add("deletes-root")


def link(draft: Draft) -> None:
    paths = _paths(draft, draft.operands)
    if paths and paths[0] in SHELL_PATHS:
        draft.facts.add("copies-shell")
    if len(paths) > 1:
        draft.writes.append(paths[-1])
        if paths[0] == "/dev/null" and draft.has("-f", "--force"):
            draft.facts.add("truncates")


def install(draft: Draft) -> None:
    copy(draft)
    _mode(draft, draft.value("-m", "--mode") or "")


def _mode(draft: Draft, mode: str) -> None:
    digits = mode.lstrip("0") if mode.isdigit() else ""
    if (len(digits) == 4 and digits[0] in "4567") or ("+" in mode or "=" in mode) and "s" in mode.partition("+")[2] + mode.partition("=")[2]:
        draft.facts.add("setuid")


def chmod(draft: Draft) -> None:
    mode = next((a for a in draft.argv[1:] if not a.startswith("--") and not (a[:1] == "-" and a[1:2] in "RvcfhHLP")), "")
    targets = _paths(draft, draft.operands[1:] if mode in draft.operands else draft.operands)
    draft.writes += targets
    _mode(draft, mode)
    recursive = draft.has("-R", "--recursive")
    if any(is_root(t) for t in targets) and (recursive or mode.lstrip("0") in ("", "777", "666", "a-x", "-x", "ugo-x", "a-rwx")):
        draft.facts.add("changes-root" if recursive else "opens-access")
    elif mode.lstrip("0") in ("777", "666", "a+rwx", "ugo+rwx", "a+w", "o+w", "1777") and any(t.startswith("/") for t in targets):
        if recursive or any(_is_owned_by_system(t) for t in targets):
            draft.facts.add("opens-access")


def _is_owned_by_system(path: str) -> bool:
    return path.startswith(("/etc", "/usr", "/bin", "/sbin", "/lib", "/boot", "/var/run/docker", "/run/docker", "/dev", "/root"))


def chown(draft: Draft) -> None:
    targets = _paths(draft, draft.operands if any(f.startswith("--reference") for f in draft.flags) else draft.operands[1:])
    draft.writes += targets
    if draft.has("-R", "--recursive") and any(is_root(t) and t not in ("/usr/local", "/opt", "/srv", "/var/www", "~", "~/.ssh", "~/.config") for t in targets):
        draft.facts.add("changes-root")
    elif any(_is_owned_by_system(t) for t in targets) and not any(o.startswith("root") for o in draft.operands[:1]):
        draft.facts.add("opens-access")


def chattr(draft: Draft) -> None:
    if any(a.startswith(("+i", "-i", "+a", "-a")) and len(a) <= 4 for a in draft.argv[1:]):
        draft.facts.add("locks-files")


def setfacl(draft: Draft) -> None:
    if draft.has("-m", "--modify", "-M", "-x", "-b", "--set"):
        draft.writes += _paths(draft, draft.operands[1:])
        draft.facts.add("opens-access")


def dd(draft: Draft) -> None:
    target = ""
    unlimited = not any(a.startswith("count=") for a in draft.argv)
    for argument in draft.argv[1:]:
        name, _, value = argument.partition("=")
        if name == "if" and value:
            draft.reads.append(normalise(value, draft.cwd))
        elif name == "of" and value:
            target = normalise(value, draft.cwd)
            draft.writes.append(target)
    if target and is_disk(target):
        draft.facts.add("overwrites-disk")
    elif target and unlimited and draft.reads and draft.reads[-1] in ("/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"):
        draft.facts.add("fills-disk")


def tee(draft: Draft) -> None:
    draft.writes += _paths(draft, draft.operands)


def touch(draft: Draft) -> None:
    if draft.has("-d", "--date", "-t", "-r", "--reference"):
        draft.facts.add("changes-times")
    draft.writes += [p for p in _paths(draft, draft.operands) if p.startswith(("/", "~", "."))]


def find(draft: Draft) -> None:
    roots = []
    for argument in draft.argv[1:]:
        if argument[:1] in ("-", "(", "!", ")", ","):
            if argument in ("-L", "-H", "-P"):
                continue
            break
        roots.append(argument)
    found = _paths(draft, roots or ["."])
    filtered = any(
        a in ("-name", "-iname", "-path", "-wholename", "-ipath", "-regex", "-iregex", "-mtime", "-mmin", "-size", "-empty", "-newer", "-perm", "-user", "-ctime", "-atime", "-amin", "-cmin", "-inum", "-samefile", "-links", "-group", "-uid", "-lname", "-newermt")
        for a in draft.argv
    )
    if "-delete" in draft.argv:
        draft.deletes += found
        draft.recursive = True
        _grade_find(draft, found, filtered)
    for option in ("-fprintf", "-fprint", "-fls", "-fprint0"):
        if option in draft.argv:
            at = list(draft.argv).index(option)
            draft.writes += _paths(draft, list(draft.argv[at + 1 : at + 2]))
    draft.operands = roots


def _grade_find(draft: Draft, roots: list[str], filtered: bool) -> None:
    if not filtered:
        draft.facts.add("deletes-root" if any(is_root(r) for r in roots) else "deletes-tree")
    elif any(is_root(r) and r not in ("~", "/var/log", "/home") for r in roots):
        draft.facts.add("deletes-many")


def sed(draft: Draft) -> None:
    if any(f.startswith(("-i", "--in-place")) for f in draft.flags):
        start = 0 if draft.has("--expression", "--file") or "-e" in draft.argv or "-f" in draft.argv else 1
        draft.writes += _paths(draft, draft.operands[start:])


def tar(draft: Draft) -> None:
    first = draft.argv[1] if len(draft.argv) > 1 else ""
    letters = first.lstrip("-") if not first.startswith("--") else ""
    creates = "c" in letters or draft.has("-c", "--create", "-r", "-u")
    if creates:
        draft.reads += _paths(draft, [o for o in draft.operands if o not in (letters, "-")])
    folder = draft.value("-C", "--directory")
    if ("x" in letters or draft.has("-x", "--extract")) and folder:
        draft.writes.append(normalise(folder, draft.cwd))
    if draft.has("--remove-files") and creates:
        deletes(draft, _paths(draft, draft.operands[-1:]), recursive=True)


def archive(draft: Draft) -> None:
    draft.reads += _paths(draft, draft.operands)


def rsync(draft: Draft) -> None:
    operands = draft.operands
    if len(operands) > 1:
        remote = [o for o in operands if ":" in o.partition("/")[0]]
        local = [o for o in operands if o not in remote]
        if remote and operands[-1] in remote:
            draft.reads += _paths(draft, local)
            draft.facts.add("sends-file")
            draft.fetches.append(operands[-1].partition(":")[0])
        elif remote:
            draft.fetches.append(operands[0].partition(":")[0])
            draft.writes.append(normalise(operands[-1], draft.cwd))
        else:
            draft.reads += _paths(draft, operands[:-1])
            draft.writes.append(normalise(operands[-1], draft.cwd))
        if any(f.startswith("--delete") or f == "--del" for f in draft.flags):
            if operands[0] in ("/dev/null", "/dev/null/") or is_root(normalise(operands[-1], draft.cwd)):
                draft.facts.add("deletes-root")
            else:
                draft.facts.add("deletes-mirror")
    if draft.has("--remove-source-files"):
        draft.facts.add("deletes-mirror")


def grep(draft: Draft) -> None:
    named = draft.has("-e", "-f", "--regexp", "--file")
    draft.reads += _paths(draft, draft.operands[0 if named else 1 :])


def read(draft: Draft) -> None:
    draft.reads += _paths(draft, draft.operands)


def fallocate(draft: Draft) -> None:
    size = (draft.value("-l", "--length") or "").upper()
    if size.rstrip("IB").endswith(("T", "P")) or (size.rstrip("IB").endswith("G") and size.rstrip("GIB").isdigit() and int(size.rstrip("GIB")) >= 50):
        draft.facts.add("fills-disk")


def disk_maker(draft: Draft) -> None:
    targets = _paths(draft, draft.operands)
    if any(t.startswith("/dev/") for t in targets):
        draft.facts.add("overwrites-disk")
        draft.writes += targets


def partitioner(draft: Draft) -> None:
    if draft.has("-l", "--list", "-p", "--print", "--dump", "-d", "-s", "-h", "--help", "-v", "--version") and not draft.has("-Z", "-z", "--zap-all", "--delete"):
        harmless = draft.program not in ("parted",) or not set(draft.operands) & _PARTED_WRITES
    elif draft.program == "parted":
        harmless = not set(draft.operands) & _PARTED_WRITES
    else:
        harmless = not any(t.startswith("/dev/") for t in draft.operands) and not draft.stdin
    if draft.program == "wipefs":
        harmless = not draft.has("-a", "--all", "-o", "--offset")
    if not harmless:
        draft.facts.add("edits-disk")


_PARTED_WRITES = frozenset("mklabel mktable mkpart rm resizepart mkfs mkpartfs move set".split())


def volumes(draft: Draft) -> None:
    words = set(draft.operands[:3])
    program = draft.program or ""
    if program in ("lvremove", "vgremove", "pvremove", "lvreduce", "vgreduce"):
        draft.facts.add("edits-disk")
    elif program == "zpool" and words & {"destroy", "labelclear", "remove", "offline", "detach", "split"}:
        draft.facts.add("edits-disk")
    elif program == "zfs" and words & {"destroy", "rollback"}:
        draft.facts.add("edits-disk")
    elif program == "btrfs" and words & {"delete", "del"}:
        draft.facts.add("edits-disk")
    elif program == "cryptsetup" and words & {"luksFormat", "erase", "luksErase", "luksRemoveKey", "luksKillSlot", "reencrypt"}:
        draft.facts.add("edits-disk")
    elif program == "mdadm" and draft.has("--zero-superblock", "--stop", "-S", "--remove", "--fail"):
        draft.facts.add("edits-disk")
    elif program == "hdparm" and any(f.startswith("--security-erase") or f in ("--trim-sector-ranges", "--write-sector", "--make-bad-sector") for f in draft.flags):
        draft.facts.add("overwrites-disk")
    elif program == "nvme" and words & {"format", "sanitize", "delete-ns", "write-zeroes"}:
        draft.facts.add("overwrites-disk")
    elif program == "badblocks" and draft.has("-w"):
        draft.facts.add("overwrites-disk")


def mount(draft: Draft) -> None:
    options = draft.value("-o", "--options") or ""
    if "bind" in options.split(",") or draft.has("--bind", "--rbind"):
        draft.facts.add("binds-mount")
    elif "remount" in options and ("rw" in options.split(",") or "hidepid" in options or "exec" in options.split(",")) and any(o in ("/", "/proc", "/usr", "/boot") for o in draft.operands):
        draft.facts.add("binds-mount")


def redirect_to(draft: Draft, path: str, marks: int) -> None:
    """Record that output goes to *path*."""
    target = normalise(path, draft.cwd)
    draft.writes.append(target)
    draft.redirects.append(target)
    if is_disk(target):
        draft.facts.add("overwrites-disk")
    elif is_kernel(target):
        draft.facts.add("writes-kernel")
    if marks & UNRESOLVED and target.startswith("/dev/$"):
        draft.facts.add("overwrites-disk")


EFFECTS: dict[str, Effect] = {
    "rm": rm, "rmz": rm, "srm": shred, "shred": shred, "wipe": shred, "scrub": shred, "trash": unlink, "rip": unlink, "rmdir": rmdir, "unlink": unlink, "truncate": truncate,
    "cp": copy, "mv": move, "ln": link, "install": install, "chmod": chmod, "chown": chown, "chgrp": chown, "chattr": chattr, "setfacl": setfacl,
    "dd": dd, "dcfldd": dd, "dc3dd": dd, "tee": tee, "sponge": tee, "touch": touch, "find": find, "sed": sed, "tar": tar, "bsdtar": tar, "zip": archive, "7z": archive, "7za": archive, "rar": archive, "gpg": archive,
    "rsync": rsync, "grep": grep, "egrep": grep, "fgrep": grep, "zgrep": grep, "rg": grep, "ag": grep, "ack": grep, "fallocate": fallocate,
    "cat": read, "less": read, "more": read, "head": read, "tail": read, "tac": read, "nl": read, "od": read, "xxd": read, "hexdump": read, "strings": read, "base64": read, "base32": read,
    "sort": read, "uniq": read, "cut": read, "paste": read, "bat": read, "batcat": read, "view": read, "awk": read, "column": read, "fold": read, "rev": read, "wc": read, "diff": read, "vi": read, "vim": read, "nano": read,
    "source": read, ".": read, "gzip": read, "xz": read, "zcat": read, "jq": read, "yq": read, "split": read, "look": read, "comm": read, "join": read, "unshadow": read, "hd": read, "pr": read, "expand": read, "dos2unix": read,
    "fdisk": partitioner, "sfdisk": partitioner, "cfdisk": partitioner, "gdisk": partitioner, "sgdisk": partitioner, "parted": partitioner, "wipefs": partitioner, "mkswap": disk_maker, "blkdiscard": disk_maker, "mke2fs": disk_maker, "mkfs": disk_maker, "newfs": disk_maker, "mkntfs": disk_maker, "mkdosfs": disk_maker,
    "lvremove": volumes, "vgremove": volumes, "pvremove": volumes, "lvreduce": volumes, "vgreduce": volumes, "zpool": volumes, "zfs": volumes, "btrfs": volumes, "cryptsetup": volumes, "mdadm": volumes, "hdparm": volumes, "nvme": volumes, "badblocks": volumes,
    "mount": mount,
}  # fmt: skip
