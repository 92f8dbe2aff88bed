"""Services, schedules, protection, processes, the shell's settings."""

import pytest

from tests.support.commands import facts_of

HITS = [
    ("crontab jobs", "schedules"),
    ("echo ls | at now", "schedules"),
    ("crontab -r", "deletes-schedule"),
    ("systemctl enable --now x", "installs-service"),
    ("update-rc.d x defaults", "installs-service"),
    ("loginctl enable-linger me", "installs-service"),
    ("systemctl stop auditd", "disables-guard"),
    ("service rsyslog stop", "disables-guard"),
    ("systemctl stop nginx", "stops-service"),
    ("systemctl poweroff", "stops-machine"),
    ("shutdown -h now", "stops-machine"),
    ("init 6", "stops-machine"),
    ("service ../../bin/sh", "shell-escape"),
    ("ufw disable", "disables-guard"),
    ("iptables -F", "disables-guard"),
    ("iptables -P INPUT ACCEPT", "disables-guard"),
    ("nft flush ruleset", "disables-guard"),
    ("firewall-cmd --panic-off", "disables-guard"),
    ("setenforce 0", "disables-guard"),
    ("auditctl -e 0", "disables-guard"),
    ("aa-teardown", "disables-guard"),
    ("sysctl -w kernel.core_pattern=x", "writes-kernel"),
    ("insmod x.ko", "loads-module"),
    ("modprobe ./x.ko", "loads-module"),
    ("journalctl --vacuum-time=1s", "wipes-logs"),
    ("kill -9 -1", "kills-all"),
    ("kill -9 1", "kills-all"),
    ("pkill -u root", "kills-all"),
    ("pkill falco", "disables-guard"),
    ("sudo gdb -p 7", "attaches-process"),
    ("gcore 7", "attaches-process"),
    ("tcpdump -z /tmp/x", "shell-escape"),
    ("history -c", "clears-history"),
    ("history -w /dev/null", "clears-history"),
    ("unset HISTFILE", "clears-history"),
    ("set +o history", "clears-history"),
    ("export HISTFILE=/dev/null", "clears-history"),
    ("HISTSIZE=0", "clears-history"),
    ("LD_PRELOAD=./x.so ls", "preloads"),
    ("LD_LIBRARY_PATH=/tmp ls", "preloads"),
    ("PATH=.:$PATH ls", "hijacks-path"),
    ("BASH_ENV=/tmp/x bash y", "installs-hook"),
    ("enable -f ./x.so x", "loads-library"),
    ("printenv", "dumps-environment"),
    ("ip link set eth0 down", "cuts-network"),
    ("ip route flush table main", "cuts-network"),
    ("ifconfig eth0 down", "cuts-network"),
    ("route del default", "cuts-network"),
    ("nmcli networking off", "cuts-network"),
    ("ifdown eth0", "cuts-network"),
    ("iptables -P INPUT DROP", "cuts-network"),
    ("systemctl isolate rescue.target", "stops-machine"),
    ("modprobe -r ext4", "loads-module"),
    ("sysctl -w net.ipv4.ip_forward=1", "writes-system"),
]
MISSES = [
    ("crontab -l", "schedules"),
    ("at -l", "schedules"),
    ("systemctl status auditd", "disables-guard"),
    ("systemctl restart nginx", "stops-service"),
    ("shutdown -c", "stops-machine"),
    ("iptables -L", "disables-guard"),
    ("ufw status", "disables-guard"),
    ("setenforce 1", "disables-guard"),
    ("sysctl kernel.core_pattern", "writes-kernel"),
    ("modprobe tls", "loads-module"),
    ("kill 7", "kills-all"),
    ("pkill -f server.py", "kills-all"),
    ("(history -c)", "clears-history"),
    ("/usr/bin/history -c", "clears-history"),
    ("unset -f HISTFILE", "clears-history"),
    ("HISTSIZE=9000", "clears-history"),
    ("LD_PRELOAD=/usr/lib/libjemalloc.so app", "preloads"),
    ("PATH=$PATH:/opt/x ls", "hijacks-path"),
    ("printenv HOME", "dumps-environment"),
    ("ip addr show", "cuts-network"),
    ("ip link set eth0 up", "cuts-network"),
    ("ifconfig eth0", "cuts-network"),
    ("nmcli dev wifi", "cuts-network"),
    ("route -n", "cuts-network"),
    ("systemctl isolate multi-user.target", "stops-machine"),
    ("modprobe -n -r x", "loads-module"),
    ("sysctl net.ipv4.ip_forward", "writes-system"),
]


@pytest.mark.parametrize(("command", "fact"), HITS)
def test_the_deed_is_seen(command: str, fact: str) -> None:
    assert fact in facts_of(command)


@pytest.mark.parametrize(("command", "fact"), MISSES)
def test_its_neighbour_is_not(command: str, fact: str) -> None:
    assert fact not in facts_of(command)
