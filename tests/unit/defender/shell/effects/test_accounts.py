"""Users, groups, passwords, rights."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("usermod -s /bin/bash www-data", "creates-account"),
    ("setfattr -n security.capability -v 0sAQ x", "setuid"),
    ("chsh -s /bin/bash daemon", "creates-account"),
    ("sudo tmux", "root-shell"),
    ("setcap cap_setuid,cap_net_raw+ep x", "setuid"),
    ("setcap cap_net_bind_service=+ep x", "opens-access"),
    ("groupadd -g 0 -o x", "adds-root-user"),
    ("machinectl shell", "spawns-shell"),
    ("usermod -L root", "changes-password"),
    ("usermod -p x root", "changes-password"),
    ("usermod -s /sbin/nologin root", "changes-password"),
    ("groupmod -g 0 x", "adds-root-user"),
    ("vipw", "changes-accounts-file"),
    ("unshare -r", "spawns-shell"),
    ("useradd -o -u 0 toor", "adds-root-user"),
    ("useradd -ou 0 -g 0 toor", "adds-root-user"),
    ("usermod -aG sudo agent", "adds-root-user"),
    ("usermod --groups wheel agent", "adds-root-user"),
    ("gpasswd -a agent docker", "joins-group"),
    ("adduser agent sudo", "adds-root-user"),
    ("groupmems -g root -a agent", "adds-root-user"),
    ("userdel -r bob", "deletes-account"),
    ("useradd -m app", "creates-account"),
    ("chage -M 90 bob", "changes-account"),
    ("echo root:x | chpasswd", "changes-password"),
    ("passwd bob", "changes-password"),
    ("visudo", "edits-sudoers"),
    ("sudo -l", "probes-privilege"),
    ("sudo -i", "root-shell"),
    ("sudo -s", "root-shell"),
    ("su -", "root-shell"),
    ("chroot /mnt", "spawns-shell"),
    ("systemd-run -S", "spawns-shell"),
    ("setcap cap_setuid+ep x", "setuid"),
    ("getent shadow", "reads-secret"),
    ("usermod -aG sudo agent", "adds-root-user"),
    ("usermod -aG lxd agent", "joins-group"),
    ("chsh -s /bin/bash nobody", "changes-account"),
    ("systemd-run --on-calendar=daily /tmp/x", "schedules"),
    ("getcap -r / 2>/dev/null", "searches-privilege"),
]
MISSES = [
    ("chsh -s /bin/zsh", "creates-account"),
    ("sudo tmux ls", "root-shell"),
    ("tmux", "root-shell"),
    ("setcap cap_net_bind_service=+ep x", "setuid"),
    ("capsh --print", "spawns-shell"),
    ("su --version", "root-shell"),
    ("machinectl list", "spawns-shell"),
    ("usermod -s /bin/zsh me", "changes-password"),
    ("unshare -r ls", "spawns-shell"),
    ("usermod -aG developers agent", "adds-root-user"),
    ("adduser root-cause-analyst", "adds-root-user"),
    ("groupmems -g sudo -l", "adds-root-user"),
    ("passwd --status bob", "changes-password"),
    ("chage -l bob", "changes-account"),
    ("visudo -c", "edits-sudoers"),
    ("sudo -u app ls", "root-shell"),
    ("su bob -c ls", "root-shell"),
    ("systemd-run --version", "spawns-shell"),
    ("setcap -r x", "setuid"),
    ("getent passwd", "reads-secret"),
    ("gpasswd -a agent developers", "joins-group"),
    ("useradd -D", "creates-account"),
    ("systemd-run --scope make", "schedules"),
    ("getcap -r ./build", "searches-privilege"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
