"""Disks, partitions, volumes, mounts."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("mount -t cgroup -o rdma cgroup /mnt/x", "binds-mount"),
    ("cryptsetup luksAddKey /dev/sda3", "edits-disk"),
    ("newfs_msdos /dev/disk2", "overwrites-disk"),
    ("mount -o suid x.img /mnt", "binds-mount"),
    ("mount -t nfs h:/x /usr/local/bin", "binds-mount"),
    ("mount -t tmpfs none /var/log", "binds-mount"),
    ("umount -a", "edits-disk"),
    ("umount -l /", "edits-disk"),
    ("mount -t tmpfs tmpfs /home", "binds-mount"),
    ("mknod /tmp/sda b 8 0", "edits-disk"),
    ("dd if=/dev/zero of=app.db bs=1 count=9", "truncates"),
    ("find . -exec dd if=/dev/zero of={} bs=1M count=1 +", "truncates"),
    ("pvcreate /dev/sdb", "edits-disk"),
    ("dd if=x of=/dev/sda", "overwrites-disk"),
    ("mkfs.ext4 /dev/sdb1", "overwrites-disk"),
    ("blkdiscard /dev/nvme0n1", "overwrites-disk"),
    ("nvme format /dev/nvme0", "overwrites-disk"),
    ("badblocks -w /dev/sdb", "overwrites-disk"),
    ("dd if=/dev/zero of=big", "fills-disk"),
    ("fallocate -l 200G big", "fills-disk"),
    ("fallocate -l 1T big", "fills-disk"),
    ("fdisk /dev/sda", "edits-disk"),
    ("sgdisk -Z /dev/sda", "edits-disk"),
    ("parted /dev/sda rm 1", "edits-disk"),
    ("wipefs -a /dev/sda", "edits-disk"),
    ("lvremove vg/lv", "edits-disk"),
    ("zpool destroy tank", "edits-disk"),
    ("mdadm --zero-superblock /dev/sdb", "edits-disk"),
    ("cryptsetup luksFormat /dev/sdb", "edits-disk"),
    ("mount -o bind a b", "binds-mount"),
    ("mount --rbind a b", "binds-mount"),
    ("mount -o remount,rw /", "binds-mount"),
    ("ddrescue a.img /dev/sda", "overwrites-disk"),
    ("debugfs -w /dev/sda1", "edits-disk"),
    ("asr restore --source a --target /dev/disk2 --erase", "overwrites-disk"),
    ("resize2fs /dev/sda1 1G", "edits-disk"),
    ("fsck -y /dev/sda1", "edits-disk"),
    ("xfs_repair -L /dev/sda1", "edits-disk"),
    ("sg_format /dev/sg0", "overwrites-disk"),
    ("efibootmgr -b 0 -B", "edits-disk"),
]
MISSES = [
    ("zpool destroy --help", "edits-disk"),
    ("mount /dev/sdb1 /mnt", "binds-mount"),
    ("umount /mnt/usb", "edits-disk"),
    ("mount -t tmpfs tmpfs /mnt/ram", "binds-mount"),
    ("mknod /tmp/p p", "edits-disk"),
    ("dd if=/dev/sda of=backup.img count=1", "overwrites-disk"),
    ("dd if=/dev/zero of=x count=10", "fills-disk"),
    ("fallocate -l 1G x", "fills-disk"),
    ("fdisk -l /dev/sda", "edits-disk"),
    ("parted -l", "edits-disk"),
    ("wipefs /dev/sda", "edits-disk"),
    ("zpool list", "edits-disk"),
    ("mdadm --detail /dev/md0", "edits-disk"),
    ("mount /dev/sdb1 /mnt", "binds-mount"),
    ("mount -o remount,ro /", "binds-mount"),
    ("ddrescue /dev/sda a.img", "overwrites-disk"),
    ("debugfs /dev/sda1", "edits-disk"),
    ("hdiutil attach x.dmg", "overwrites-disk"),
    ("fsck /dev/sda1", "edits-disk"),
    ("tune2fs -l /dev/sda1", "edits-disk"),
    ("efibootmgr", "edits-disk"),
    ("xfs_repair -n /dev/sda1", "edits-disk"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
