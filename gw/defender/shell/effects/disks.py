"""Programs that work on disks: dd, mkfs, partitions, volumes, mounts.

Adds paths and facts to drafts. Invariant: asking about a disk is never taken for changing it.
"""

from gw.defender.shell.draft import Draft, Effect
from gw.defender.shell.names import names
from gw.defender.shell.paths import is_data, is_disk, is_system, normalise

_ENDLESS = ("/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
_PARTED_WRITES = names("mklabel mktable mkpart rm resizepart mkfs mkpartfs move set")
_ASKING = ("-l", "--list", "-p", "--print", "--dump", "-d", "-s", "-h", "--help", "-v", "--version", "-i", "--info")

# program -> words, or options, that change something
_VOLUME_VERBS = {
    "zpool": frozenset(("destroy", "labelclear", "remove", "offline", "detach", "split")),
    "zfs": frozenset(("destroy", "rollback")),
    "btrfs": frozenset(("delete", "del")),
    "cryptsetup": frozenset(
        (
            "luksFormat",
            "luksAddKey",
            "luksChangeKey",
            "erase",
            "luksErase",
            "luksRemoveKey",
            "luksKillSlot",
            "reencrypt",
            "luksClose",
        )
    ),
    "nvme": frozenset(("format", "sanitize", "delete-ns", "write-zeroes")),
    "mdadm": frozenset(("--zero-superblock", "--stop", "-S")),
    "hdparm": frozenset(
        ("--security-erase", "--security-erase-enhanced", "--trim-sector-ranges", "--write-sector", "--make-bad-sector")
    ),
    "badblocks": frozenset(("-w",)),
    "dmsetup": frozenset(("remove", "remove_all", "wipe_table")),
    "losetup": frozenset(("-D",)),
    "diskutil": frozenset(
        (
            "eraseDisk",
            "eraseVolume",
            "partitionDisk",
            "zeroDisk",
            "secureErase",
            "reformat",
            "deleteContainer",
            "deleteVolume",
        )
    ),
}
_VOLUME_PROGRAMS = ("lvremove", "vgremove", "pvremove", "lvreduce", "vgreduce", "pvcreate", "vgcfgrestore")
# What lies in these would be out of reach.
_COVERED = frozenset(
    ("/", "/etc", "/usr", "/bin", "/sbin", "/lib", "/var", "/home", "/root", "~", "/boot", "/opt", "/srv", "/var/log")
)
_GUARDED_MOUNTS = frozenset(("/", "/proc", "/usr", "/boot"))
_WHOLE_DISK = frozenset(("nvme", "hdparm", "badblocks"))


def dd(draft: Draft) -> None:
    target = ""
    for argument in draft.argv[1:]:
        name, _, value = argument.partition("=")
        if name == "if" and value:
            draft.reads += (normalise(value, draft.cwd),)
        elif name == "of" and value:
            target = normalise(value, draft.cwd)
            draft.writes += (target,)
    if is_disk(target):
        draft.facts.add("overwrites-disk")
    elif (target == "{}" or is_data(target)) and draft.reads[-1:] and draft.reads[-1] in (*_ENDLESS, "/dev/null"):
        draft.facts.add("truncates")
    elif (
        target
        and not any(a.startswith("count=") for a in draft.argv)
        and draft.reads[-1:]
        and draft.reads[-1] in _ENDLESS
    ):
        draft.facts.add("fills-disk")


def make_filesystem(draft: Draft) -> None:
    targets = draft.paths()
    if any(t.startswith("/dev/") for t in targets):
        draft.facts.add("overwrites-disk")
        draft.writes += targets


def partition(draft: Draft) -> None:
    if draft.program == "parted":
        changes = not _PARTED_WRITES.isdisjoint(draft.operands)
    elif draft.program == "wipefs":
        changes = draft.has("-a", "--all", "-o", "--offset")
    elif draft.has("-Z", "-z", "--zap-all", "--delete", "-n", "--new", "-t"):
        changes = True
    else:
        changes = not draft.has(*_ASKING) and any(o.startswith("/dev/") for o in draft.operands)
    if changes:
        draft.facts.add("edits-disk")


def volume(draft: Draft) -> None:
    program = draft.program or ""
    verbs = _VOLUME_VERBS.get(program)
    if draft.has("--help"):
        return
    if verbs is None or not verbs.isdisjoint(draft.operands[:3]) or not verbs.isdisjoint(draft.flags):
        draft.facts.add("overwrites-disk" if program in _WHOLE_DISK else "edits-disk")


def rescue(draft: Draft) -> None:
    if len(draft.operands) > 1 and is_disk(normalise(draft.operands[1], draft.cwd)):
        draft.facts.add("overwrites-disk")


def repair(draft: Draft) -> None:
    """Tools that change a file system or the boot order in place."""
    asks = draft.has("-l", "-n", "-N", "-v", "--help") or (
        draft.program in ("e2fsck", "fsck") and not draft.has("-y", "-p")
    )
    if (draft.operands or draft.has("-B", "-b", "-c", "--create")) and not asks:
        draft.facts.add("edits-disk")


def debug(draft: Draft) -> None:
    if draft.has("-w"):
        draft.facts.add("edits-disk")


def erase(draft: Draft) -> None:
    """macOS: restoring over, or erasing, a volume."""
    if draft.has("--erase", "-erase") or draft.operands[:1] == ["erase"]:
        draft.facts.add("overwrites-disk")


def mount(draft: Draft) -> None:
    options = (draft.value("-o", "--options") or "").split(",")
    if "bind" in options or draft.has("--bind", "--rbind"):
        draft.facts.add("binds-mount")
    elif "remount" in options and not _GUARDED_MOUNTS.isdisjoint(draft.operands):
        weaker = "rw" in options or any(o.startswith("hidepid") for o in options)
        draft.facts |= {"binds-mount"} if weaker else set()
    elif (
        "suid" in options
        or draft.value("-t") == "cgroup"
        or any(p in _COVERED or is_system(p) for p in draft.paths(draft.operands[1:])[-1:])
    ):
        draft.facts.add("binds-mount")


def unmount(draft: Draft) -> None:
    if draft.has("-a", "--all") or not _COVERED.isdisjoint(draft.paths()):
        draft.facts.add("edits-disk")


def device(draft: Draft) -> None:
    """A block device under another name: a way past the rights of the first."""
    if draft.operands[1:2] == ["b"]:
        draft.facts.add("edits-disk")


def fallocate(draft: Draft) -> None:
    size = (draft.value("-l", "--length") or "").upper().rstrip("IB")
    if size.endswith(("T", "P")) or (size.endswith("G") and size[:-1].isdigit() and int(size[:-1]) >= 50):
        draft.facts.add("fills-disk")


EFFECTS: dict[str, Effect] = {
    **dict.fromkeys(("dd", "dcfldd", "dc3dd"), dd),
    **dict.fromkeys(("mkfs", "mke2fs", "mkswap", "blkdiscard", "newfs", "mkntfs", "mkdosfs"), make_filesystem),
    **dict.fromkeys(("fdisk", "sfdisk", "cfdisk", "gdisk", "sgdisk", "parted", "wipefs"), partition),
    **dict.fromkeys((*_VOLUME_PROGRAMS, *_VOLUME_VERBS), volume),
    **dict.fromkeys(("resize2fs", "tune2fs", "xfs_repair", "e2fsck", "fsck", "grub-install", "efibootmgr"), repair),
    "sg_format": make_filesystem,
    "ddrescue": rescue,
    "debugfs": debug,
    **dict.fromkeys(("asr", "hdiutil"), erase),
    "mount": mount,
    "umount": unmount,
    "fallocate": fallocate,
    "mknod": device,
}
